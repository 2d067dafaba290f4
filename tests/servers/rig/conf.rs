//! What the servers are told.

use std::path::Path;

use super::{PASSWORD, Ports, USERS};

/// Whom Dovecot runs as.
pub(super) struct Owner {
    /// The user and group of the mail.
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The names of the user and the group that run the tests, where that is not root: then there is no other to be.
    pub(super) unprivileged: Option<(String, String)>,
}

/// The password file: passwords in clear text, and where each user lives.
pub(super) fn users(home: &Path, owner: &Owner) -> String {
    let line = |user: &&str| {
        format!("{user}:{{PLAIN}}{PASSWORD}:{}:{}::{}/mail/{user}::\n", owner.uid, owner.gid, home.display())
    };
    USERS.iter().map(line).collect()
}

/// `dovecot.conf`, for Dovecot 2.3.
pub(super) fn dovecot(home: &Path, ports: &Ports, owner: &Owner) -> String {
    let Ports { imap, imaps, lmtp, sasl, .. } = *ports;
    let home = home.display();
    let mut text = format!(
        r"base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp

ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = no
auth_username_format = %Ln
auth_verbose = yes
auth_failure_delay = 0

first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:~/Maildir
mail_fsync = never
recipient_delimiter = +

passdb {{
  driver = passwd-file
  args = username_format=%n {home}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%n {home}/users
}}

namespace inbox {{
  inbox = yes
  separator = /
  mailbox Archive {{
    auto = create
  }}
  mailbox Sent {{
    auto = create
    special_use = \Sent
  }}
  mailbox Junk {{
    auto = create
    special_use = \Junk
  }}
}}

service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
service auth {{
  inet_listener {{
    port = {sasl}
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@example.test
}}
"
    );
    if let Some((user, group)) = &owner.unprivileged {
        // Everything runs as the one user there is, and only root could change the root directory.
        text.push_str(&format!("default_internal_user = {user}\ndefault_login_user = {user}\n"));
        text.push_str(&format!("default_internal_group = {group}\n"));
        for service in ["imap-login", "anvil", "stats"] {
            text.push_str(&format!("service {service} {{\n  chroot =\n}}\n"));
        }
        for service in ["auth-worker", "lmtp", "indexer-worker", "dict"] {
            text.push_str(&format!("service {service} {{\n  user = {user}\n}}\n"));
        }
    }
    text
}

/// Postfix's `main.cf`: takes mail for two domains, hands it to Dovecot, sends nothing away.
pub(super) fn postfix_main(home: &Path, ports: &Ports) -> String {
    let Ports { lmtp, sasl, .. } = *ports;
    let first = home.components().take(2).collect::<std::path::PathBuf>();
    let first = first.display();
    let home = home.display();
    format!(
        "compatibility_level = 3.6
queue_directory = {home}/postfix/queue
data_directory = {home}/postfix/data
maillog_file_prefixes = {first}
maillog_file = {home}/postfix.log
multi_instance_enable = no

myhostname = mx.example.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtp_dns_support_level = disabled
smtpd_peername_lookup = no

mydestination =
mynetworks =
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = example.test, reporter.test
virtual_mailbox_maps = static:ok
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
default_transport = error:5.1.2 nothing leaves the tests
relay_transport = error:5.1.2 nothing leaves the tests

smtpd_tls_cert_file = {home}/server.pem
smtpd_tls_key_file = {home}/server.key
smtpd_tls_security_level = may
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{sasl}
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
message_size_limit = 83886080

# Dovecot is stopped, frozen and started again; a mail must not wait minutes for the next attempt.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
"
    )
}

/// Postfix's `master.cf`: the three doors, and of the other services those that a delivery needs.
pub(super) fn postfix_master(ports: &Ports) -> String {
    let Ports { smtp, submission, submissions, .. } = *ports;
    format!(
        "127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{submissions} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
lmtp unix - - n - - lmtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"
    )
}
