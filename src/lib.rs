//! Keeps the promises in a project's SECURITY.md.
//!
//! `disclosed` watches a security@ inbox, turns each report into a ticket in SQLite, acknowledges it, lets
//! maintainers drive it by replying to mail, and reminds people before a promise of the project is broken. One
//! sentence decides what nothing else does: *no report is lost, and no promise is broken unannounced.*
//!
//! # The house
//! The pure half decides; it knows no I/O, no clock, no async. Arrows point down this list and never up:
//! - [`policy`]: promises, terms, the calendar, the ladder of reminders. [`ticket`]: what is tracked, as the fold of
//!   its entries; [`ticket::clock`], promises running on it; [`ticket::hearer`], who hears of them and when;
//!   [`ticket::decide`], every rule; [`ticket::simulate`], both played forward. [`command`]: the table of commands.
//!   [`token`]: proof of having seen a notice. [`notice`]: what is to be sent. [`project`]: what the rules know of the
//!   config. [`codename`]: what a ticket is called where its number must not stand.
//! - [`mail`]: mail as a value. [`mail::read`] makes one of any bytes, [`mail::identity`] says how sure its sender is,
//!   [`mail::through`] by which way of the operator's it came, [`mail::written`] which of its lines a person wrote,
//!   [`mail::intake`] what happened, [`mail::text`], [`mail::calendar`] and [`mail::write`] are all that ever leaves.
//!
//! The joint: [`tracker`] reads once, decides, commits once. [`health`] says what needs a person.
//!
//! The shells carry: [`store`] holds all SQL, [`imap`] and [`maildir`] are where mail comes from, [`smtp`] where it
//! goes, [`net`] is TCP and TLS for both, [`dkim`] asks for keys and checks signatures, [`daemon`] is the loop,
//! [`config`] the file, [`open`] puts them together, [`clock`] reads the clock, [`cli`] is the command line, [`demo`]
//! plays it all without a server.
//!
//! Reading order: `ticket`, `ticket::decide`, `mail::intake`, `tracker`, `daemon`.
//!
//! # The way of one mail
//! [`daemon::inbox`] lists the folder and asks which names are new → the bytes go to [`tracker::Tracker::on_mail`] →
//! stored, committed → [`mail::read::read`] → where a signature could matter, [`mail::signature::sieve`], and the mail
//! is put off until [`dkim`] has an answer → [`mail::identity::identify`] → [`mail::intake::claims`], one look into the
//! store, [`mail::intake::take`] → an [`ticket::decide::Event`] → [`ticket::decide::decide`] → one transaction:
//! entries, projections, notices as final bytes, receipt. Nothing is ever marked or removed in the inbox.
//!
//! # The way of one tick
//! The loop sleeps until the earliest stored instant, never longer than 30 s → [`tracker::Tracker::on_tick`] → each
//! due ticket through `decide(Tick)` → one transaction. What is due is derived from state and now, so a daemon that
//! was down says the one thing that matters.
//!
//! # The way of one notice
//! [`tracker::Tracker::claim`] counts the attempt and commits → one fresh connection → the outcome goes to
//! [`tracker::Tracker::delivered`]; a notice that cannot be delivered is itself news on its ticket.
//!
//! # What it guarantees, and where that is held
//! - G1 nothing is lost: `on_mail` stores before it reads; each mail ends in one receipt, and one rule in
//!   [`mail::intake`] says what ends without a ticket. G2 once in: [`mail::content`] knows a mail again,
//!   [`mail::intake::copies`] says what a second copy changes. G3 once out: [`store`]'s notice keys; a lost answer is
//!   tried once more with the same bytes. G4 commit before act: only a committed [`store::Claim`] can be sent;
//!   `synchronous=FULL`.
//! - G5 only authority commands: [`mail::intake`] and [`ticket::decide`] alone make orders happen. G6 the embargo
//!   holds: one recipient a notice, which says what [`mail::text::level`] lets it; what a person sends to a reporter is
//!   held against the team's own words by [`mail::leak`]; no title, text or address in a log line. G7 no loops:
//!   automatic mail is never answered, and the caps of the tracker bound the rest. G8 hostile mail is bounded:
//!   [`mail::read`].
//! - G9 never silent: refused logins, silent inboxes and undeliverable notices are told. G10 same in, same out:
//!   `decide` is pure; tests replay it. G11 no open door: there is no listener in this crate.
//!
//! What is absent on purpose: threads that share the store, a cache of tickets, a pool of connections, a web page.

pub mod cli;
pub mod clock;
pub mod codename;
pub mod command;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod dkim;
pub mod health;
pub mod imap;
pub mod mail;
pub mod maildir;
pub mod net;
pub mod notice;
pub mod open;
pub mod policy;
pub mod project;
pub mod smtp;
pub mod store;
pub mod ticket;
pub mod token;
pub mod tracker;
