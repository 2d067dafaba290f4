//! Keeps the promises in a project's SECURITY.md.
//!
//! `disclosed` watches a security@ inbox, turns each report into a ticket in SQLite, acknowledges it, lets
//! maintainers drive it by replying to mail, and reminds people before a promise of the project is broken. One
//! sentence decides what nothing else does: *no report is lost, and no promise is broken unannounced.*
//!
//! # The house
//! A file may use only rooms in rows above its own; within a row only the pairs that are named. `tests/suite/tidy.rs`
//! reads every path and holds it. Rows 1 to 6 are pure: they know no I/O, no clock, no async.
//!
//! | row | rooms |
//! |---|---|
//! | 1 | [`vocabulary`]: addresses, Message-IDs, numbers of tickets and mails, kinds of notices, clean text |
//! | 2 | [`policy`]: promises, terms, the calendar, the ladder. [`token`]: proof of having seen a notice. [`mail`]: what came in, as a value (it knows the length of a token and severities) |
//! | 3 | [`ticket`]: what is tracked, as the fold of its entries; its clocks, and who hears of them (it knows the project). [`command`]: the table of commands. [`project`]: what the rules know of the config (it knows the commands) |
//! | 4 | [`notice`]: all that ever leaves: what can be said, its words at each level, calendar files, bytes |
//! | 5 | [`rules`]: (ticket, event, project, now) → entries and notices; and the same played forward |
//! | 6 | [`intake`]: a read mail and what the store knows → event |
//! | 7 | [`store`]: all SQL |
//! | 8 | [`tracker`]: reads once, decides, commits once |
//! | 9 | [`health`]: what needs a person |
//! | 10 | [`config`]: the file. [`net`]: TCP and TLS. [`sasl`]: the words of a login. [`clock`]: reads the clock (the config knows the net) |
//! | 11 | [`imap`] and [`maildir`]: where mail comes from. [`smtp`]: where it goes. [`dkim`]: asks for keys, checks signatures |
//! | 12 to 16 | [`open`] puts them together; [`daemon`] is the loop; [`demo`] plays it all without a server; [`cli`] is the command line; `main` |
//!
//! Reading order: `ticket`, `rules::decide`, `intake`, `tracker`, `daemon`.
//!
//! # The way of one mail
//! [`daemon::inbox`] lists the folder and asks which names are new → the bytes go to [`tracker::Tracker::on_mail`] →
//! stored, committed → [`mail::read::read`] → where a signature could matter, [`mail::signature::sieve`], and the mail
//! is put off until [`dkim`] has an answer → [`mail::identity::identify`] → [`intake::claims`], one look into the
//! store, [`intake::take`] → an [`rules::event::Event`] → [`rules::decide::decide`] → one transaction:
//! entries, projections, notices as final bytes, receipt. Nothing is ever marked or removed in the inbox.
//!
//! # The way of one tick
//! The loop sleeps until the earliest stored instant, never longer than 30 s → [`tracker::Tracker::on_tick`] → each
//! due ticket through `decide(Tick)` → one transaction. What is due is derived from state and now, so a daemon that
//! was down says the one thing that matters.
//!
//! # The way of one notice
//! A rule returns [`notice::says::Says`], facts and the ticket as it stands → [`notice::text`] makes blocks of it →
//! [`notice::level`] leaves out what its reader may not be told → [`notice::plain`] → [`notice::write`] makes bytes, in
//! the transaction of the decision. To add a notice: a variant of `Says`, and a function that makes its blocks.
//!
//! [`tracker::Tracker::claim`] counts the try and commits → one fresh connection → the outcome goes to
//! [`tracker::Tracker::delivered`]; a notice that cannot be delivered is itself news on its ticket.
//!
//! # What it guarantees, and where that is held
//! - G1 nothing is lost: `on_mail` stores before it reads; each mail ends in one receipt, and one rule in
//!   [`intake`] says what ends without a ticket. G2 once in: [`mail::content`] knows a mail again,
//!   [`intake::copies`] says what a second copy changes. G3 once out: [`store`]'s notice keys; a lost answer is
//!   tried once more with the same bytes. G4 commit before act: only a committed [`store::Claim`] can be sent;
//!   `synchronous=FULL`.
//! - G5 only authority commands: [`intake`] and [`rules`] alone make orders happen, and [`store`] takes no entry by
//!   anybody whom [`ticket::kinds`] does not name for its kind. G6 the embargo holds: one recipient a notice, which says
//!   what [`notice::level`] lets it; what a person sends to a reporter is held against the team's own words by
//!   [`notice::leak`]; no title, text or address in a log line. G7 no loops: automatic mail is never answered, and the
//!   caps of the tracker bound the rest. G8 hostile mail is bounded: [`mail::read`].
//! - G9 never silent: refused logins, silent inboxes and undeliverable notices are told. G10 same in, same out:
//!   `decide` is pure; tests replay it. G11 no open door: there is no listener in this crate.
//!
//! What is absent on purpose: threads that share the store, a cache of tickets, a pool of connections, a web page.

mod cli;
mod clock;
mod command;
mod config;
mod daemon;
mod demo;
mod dkim;
mod health;
mod imap;
mod intake;
mod mail;
mod maildir;
mod net;
mod notice;
mod open;
mod policy;
mod project;
mod rules;
mod sasl;
mod smtp;
mod store;
mod ticket;
mod token;
mod tracker;
mod vocabulary;

#[doc(hidden)]
pub mod testing;

pub use cli::run;
