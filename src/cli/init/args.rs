//! The flags of `init`: one for each question, in the order in which they are asked.

use std::path::PathBuf;

#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// The address that SECURITY.md names for reports
    #[arg(long)]
    pub(super) address: Option<String>,
    /// The unit that runs it, disclosed@NAME; "none" for files in this folder, or beside --config
    #[arg(long, value_name = "NAME")]
    pub(super) unit: Option<String>,
    /// What the project is called in mail
    #[arg(long)]
    pub(super) name: Option<String>,
    /// The mailbox that is read, where a group or forwarder stands before it
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mailbox: Option<String>,
    /// What stands before it: list:LIST-ID or forwarder:DOMAIN; may be given again
    #[arg(long, value_name = "WAY")]
    pub(super) through: Vec<String>,
    /// Who runs the mailbox, as in `disclosed help providers`
    #[arg(long)]
    pub(super) provider: Option<String>,
    /// What a server of your own calls itself in Authentication-Results
    #[arg(long, value_name = "ID")]
    pub(super) authserv_id: Option<String>,
    /// The IMAP server
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) imap: Option<String>,
    /// implicit, starttls or none
    #[arg(long, value_name = "TLS")]
    pub(super) imap_tls: Option<String>,
    /// The SMTP server
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) smtp: Option<String>,
    /// implicit, starttls or none
    #[arg(long, value_name = "TLS")]
    pub(super) smtp_tls: Option<String>,
    /// Authorities to trust in place of those of the machine (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,
    /// The user of the login
    #[arg(long)]
    pub(super) user: Option<String>,
    /// A file with the password, alone on one line; "-" is the standard input
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
    /// The directory (tenant) at Microsoft, where access tokens are asked for: a domain, or an id
    #[arg(long)]
    pub(super) tenant: Option<String>,
    /// The id of the application that asks for them
    #[arg(long, value_name = "ID")]
    pub(super) client_id: Option<String>,
    /// A file with its client secret; without one a person logs in by `disclosed login`
    #[arg(long, value_name = "FILE")]
    pub(super) client_secret_file: Option<PathBuf>,
    /// The user for sending, where it is another login
    #[arg(long, value_name = "USER")]
    pub(super) smtp_user: Option<String>,
    /// A file with its password
    #[arg(long, value_name = "FILE")]
    pub(super) smtp_password_file: Option<PathBuf>,
    /// The folder that reports arrive in
    #[arg(long)]
    pub(super) folder: Option<String>,
    /// Who handles reports: `NAME <ADDRESS> ROLES`; may be given again
    #[arg(long, value_name = "PERSON")]
    pub(super) person: Vec<String>,
    /// SECURITY.md promises that a person answers within this time; "none" where it does not
    #[arg(long, value_name = "TERM")]
    pub(super) acknowledge: Option<String>,
    /// … that there is an assessment within this time
    #[arg(long, value_name = "TERM")]
    pub(super) assess: Option<String>,
    /// … that all is public within this time
    #[arg(long, value_name = "TERM")]
    pub(super) disclose: Option<String>,
    /// The time zone in which your days begin and end
    #[arg(long, value_name = "ZONE")]
    pub(super) timezone: Option<String>,
    /// Send no mail to try it
    #[arg(long)]
    pub(super) no_send: bool,
    /// Try nothing
    #[arg(long)]
    pub(super) offline: bool,
    /// Ask nothing: take the usual answers, and send the mails that try it
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Write below this folder, as for an image
    #[arg(long, value_name = "DIR")]
    pub(super) root: Option<PathBuf>,
}
