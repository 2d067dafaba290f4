//! The other side's clients: just enough SMTP, LMTP and IMAP to act as another mail server or another mail program.
//! They panic on any answer that a test did not ask for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use data_encoding::BASE64;

use crate::process::Process;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A conversation in lines.
pub(crate) struct Wire {
    reader: BufReader<Box<dyn Read>>,
    writer: Box<dyn Write>,
    /// Speaks TLS for us.
    _openssl: Option<Process>,
}

impl Wire {
    /// Plain TCP to a port of this machine.
    pub(crate) fn plain(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the server accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let reader = stream.try_clone().expect("a socket can be cloned");
        Self { reader: BufReader::new(Box::new(reader)), writer: Box::new(stream), _openssl: None }
    }

    /// TLS to a port of this machine, which must show a certificate of `ca`; `starttls` names the protocol that is
    /// spoken before.
    pub(crate) fn tls(port: u16, ca: &Path, starttls: Option<&str>) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost", "-CAfile"]);
        command.arg(ca).args(["-connect", &format!("127.0.0.1:{port}")]);
        if let Some(protocol) = starttls {
            command.args(["-starttls", protocol]);
        }
        let mut openssl = Process::spawn(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()));
        let reader = openssl.child().stdout.take().expect("it is piped");
        let writer = openssl.child().stdin.take().expect("it is piped");
        Self { reader: BufReader::new(Box::new(reader)), writer: Box::new(writer), _openssl: Some(openssl) }
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).expect("the server answers in time");
        assert!(line.ends_with(b"\n"), "the server hung up");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Sends one line.
    pub(crate) fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\r\n").as_bytes());
    }

    fn send_raw(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).and_then(|()| self.writer.flush()).expect("the server listens");
    }

    /// The lines of one SMTP reply, which must have this code (RFC 5321 section 4.2).
    pub(crate) fn reply(&mut self, code: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            assert!(line.starts_with(code), "wanted {code}, got: {line}");
            let last = line.as_bytes().get(3) != Some(&b'-');
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// AUTH PLAIN with an initial response (RFC 4616).
    pub(crate) fn auth_plain(&mut self, user: &str, password: &str) {
        self.send(&format!("AUTH PLAIN {}", BASE64.encode(format!("\0{user}\0{password}").as_bytes())));
        self.reply("235");
    }

    /// One mail to one recipient, after the greeting; SMTP and LMTP are the same for that. The server has taken it
    /// when this returns.
    pub(crate) fn mail(&mut self, from: &str, to: &str, raw: &[u8]) {
        self.send(&format!("MAIL FROM:<{from}>"));
        self.reply("250");
        self.send(&format!("RCPT TO:<{to}>"));
        self.reply("250");
        self.send("DATA");
        self.reply("354");
        for line in raw.split_inclusive(|b| *b == b'\n') {
            // RFC 5321 section 4.5.2.
            if line.starts_with(b".") {
                self.send_raw(b".");
            }
            self.send_raw(line);
        }
        self.send_raw(if raw.ends_with(b"\n") { b".\r\n" } else { b"\r\n.\r\n" });
        self.reply("250");
        self.send("QUIT");
        self.reply("221");
    }

    /// Logs in to IMAP, after the connection.
    pub(crate) fn imap_login(&mut self, user: &str, password: &str) {
        assert!(self.line().starts_with("* OK"), "no greeting");
        self.imap(&format!("LOGIN {user} {}", quoted(password)));
    }

    /// One IMAP command; its untagged answers.
    pub(crate) fn imap(&mut self, command: &str) -> Vec<String> {
        self.send(&format!("x {command}"));
        self.imap_answer(command)
    }

    /// APPEND to a folder, with flags and a date as they stand in the command (RFC 3501 section 6.3.11).
    pub(crate) fn imap_append(&mut self, folder: &str, options: &str, raw: &[u8]) {
        self.send(&format!("x APPEND {} {options} {{{}}}", quoted(folder), raw.len()));
        let line = self.line();
        assert!(line.starts_with('+'), "APPEND: {line}");
        self.send_raw(raw);
        self.send("");
        self.imap_answer("APPEND");
    }

    fn imap_answer(&mut self, command: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line();
            if let Some(status) = line.strip_prefix("x ") {
                assert!(status.starts_with("OK"), "{command}: {status}");
                return lines;
            }
            lines.push(line);
        }
    }
}

/// RFC 3501 section 4.3.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
