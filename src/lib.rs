//! Keeps the promises in a project's SECURITY.md.
//!
//! `disclosed` watches a security@ inbox, turns each report into a ticket in SQLite, acknowledges it, lets
//! maintainers drive it by replying to mail, and reminds people before a promise of the project is broken. One
//! sentence decides what nothing else does: *no report is lost, and no promise is broken unannounced.*
//!
//! # The house
//! A file may use only rooms in rows above its own; within a row only the pairs that are named. No two files use each
//! other. `tests/suite/tidy.rs` reads every path and holds both. Rows 1 to 6 are pure: no I/O, no clock, no async.
//!
//! 1. [`vocabulary`]: addresses, Message-IDs, numbers, prints, kinds of notices, what became of one, clean text.
//! 2. [`policy`]: promises, milestones, the calendar, the ladder. [`token`]: proof of having seen a notice. [`mail`]:
//!    what came in, as a value. Mail knows severities of the policy and the length of a token.
//! 3. [`ticket`]: what is tracked, as the fold of its entries; its clocks, and who hears of them. [`command`]: one
//!    table, read once. [`project`]: what the rules know of the config. Ticket knows the project, the project the
//!    commands.
//! 4. [`notice`]: all that ever leaves: what is said, as blocks, at a level, as text, as bytes.
//! 5. [`rules`]: (ticket, event, project, now) → entries and notices; the same played forward.
//! 6. [`intake`]: a read mail and what the store knows → event.
//! 7. [`store`]: all SQL, and no rules.
//! 8. [`tracker`]: reads once, decides, commits once.
//! 9. [`health`]: what needs a person, what alarms are about, and numbers for a monitor.
//! 10. [`config`]: the file. [`net`]: TCP and TLS. [`sasl`]: the words of a login. [`oauth`]: access tokens. [`clock`].
//!     [`whole`]: small files. The config knows the net and the tokens; these the others.
//! 11. [`imap`] and [`maildir`]: where mail comes from. [`smtp`]: where it goes. [`dkim`]: keys and signatures.
//! 12. [`open`] puts them together, and looks after their files: whose they are, whether they are still there, the mark.
//!     Then come [`daemon`], the loop; [`demo`]; [`cli`]; `main`.
//!
//! Reading order: `ticket`, `rules::decide`, `intake`, `tracker`, `daemon`.
//!
//! # The way of one mail
//! [`daemon::inbox`] lists the folder and asks which names are new → the bytes go to [`tracker::Tracker::on_mail`] →
//! stored, committed → [`mail::read::read`] → where a signature could matter, [`mail::signature::sieve`], and the
//! mail is put off until [`dkim`] has an answer → [`mail::identity::identify`] → [`intake::claims`], one look into
//! the store, [`intake::take`] → an [`rules::event::Event`] → [`rules::decide::decide`] → one transaction: entries,
//! projections, notices as final bytes, receipt. Nothing is ever marked or removed in the inbox.
//!
//! # The way of one tick
//! The loop sleeps until the earliest stored instant, never longer than 30 s → [`tracker::Tracker::on_tick`] → each
//! due ticket through `decide(Tick)` → one transaction. What is due is derived from state and now, so a daemon that
//! was down says the one thing that matters.
//!
//! # The way of one notice
//! A rule returns [`notice::says::Says`], facts with the ticket as it stands → [`notice::text`] makes blocks of it →
//! [`notice::level`] leaves out what its reader may not be told → [`notice::plain`] makes text → [`notice::write`]
//! makes bytes, in the transaction of the decision. → [`tracker::Tracker::pick`] counts that a try begins → a session with
//! the server, one of a few side by side, over which all but the final dot is said → it asks for leave ([`smtp`]), and
//! [`tracker::Tracker::turn`] commits that it is offered, if it may still leave, with all else that asks by then → dot →
//! the outcome goes to the next turn; what cannot be delivered is itself news.
//!
//! # The way of a restored database
//! [`open::tracker`] reads the mark beside the database, and [`tracker::Tracker::compare`] holds it against what was
//! offered; a mail that bears a valid token of a notice that is not known does the same where both were restored. Either
//! puts the database on hold and raises both numbers in one transaction (`Tx::enter_hold`). In hold the last lane that may
//! leave is that of the notice that says so, to the leads. `disclosed recover` ends it. Without a backup [`daemon`] stows
//! what lies in the folder into a new database, [`intake`] says which numbers are proven, and each mail goes its ordinary
//! way as of when it came, with nothing obeyed and nothing made to leave.
//!
//! # What it guarantees, and where that is held
//! - G1 nothing is lost: `on_mail` stores before it reads; each mail ends in one receipt, and one rule in [`intake`]
//!   says what ends without a ticket. A mail that its server does not give delays no other: `daemon::fetching`. UIDs
//!   that mean other mails than before are noticed: `tracker::folders`. G2 once in: [`mail::content`] knows a mail
//!   again, [`intake::copies`] says what a second copy changes. G3 once out: [`store`]'s notice keys; a notice is in
//!   doubt only between its offer and the reply, and a lost answer is tried once more with the same bytes; a restored
//!   database holds. G4 commit before act: no final dot leaves without a committed [`store::Leave`];
//!   `synchronous=FULL`, but for counts of tries, and for outcomes while others are in hand: of those a power cut makes a
//!   doubt.
//! - G5 only authority commands: [`intake`] and [`rules`] alone make orders happen, and [`store`] takes no entry by
//!   anybody whom [`ticket::kinds`] does not name for its kind. G6 the embargo holds: one recipient a notice, which
//!   says what [`notice::level`] lets it; what a person sends to a reporter is held against the team's own words by
//!   [`notice::leak`]; no title, text or address in a log line. G7 no loops: automatic mail is never answered, and
//!   the caps of the tracker bound the rest. G8 hostile mail is bounded: [`mail::read`].
//! - G9 never silent: refused logins, silent inboxes, a closed way out and undeliverable notices are told by mail, and by
//!   the alarms of [`daemon`], which need no mail; [`smtp`] judges what refusal is our own fault, so that it burns no
//!   notice; a daemon whose files go away ends, and one whose disk fails waits for it; a clock that
//!   is behind the database is told, and keeps no mail from being read. G10 same in, same out:
//!   `decide` is pure; tests replay it. G11 no open door: there is no listener in this crate.
//!
//! # To add a command
//! 1. A variant of [`command::Command`], and where it sends words of a person an arm of `Command::sends`; a row of the
//!    table, whose example `each_example_is_understood…` reads: `command/table.rs`.
//! 2. What it does, and what of the ticket it changes: `rules/verbs.rs`. The compiler asks for both.
//! 3. Where nothing that there is records it, a kind of entry: a variant of [`ticket::EntryKind`], then its row, its
//!    sentence and its successor in `ticket/kinds.rs` and its arm in `ticket/fold.rs`, for which the compiler asks;
//!    `a_ticket_is_the_fold_of_all_that_its_entries_say` holds the store to it.
//! 4. A line of `manual/commands.md`: `the_commands_of_the_manual_are_the_table` says which.
//! 5. A transcript in `tests/transcripts` in which it is given and refused. The one of `/help` changes too.
//!
//! # To add a milestone
//! 1. A variant and a row in `policy/milestone.rs`: its word, what it means to a reporter, what the team has to do for it, what keeps a promise until
//!    it and how long that runs. It stands in `Milestone::ALL` too, or `all_are_listed` fails.
//! 2. What reaches it: an arm of `State::apply` in `ticket/fold.rs`, mostly by one more [`ticket::Fact`].
//! 3. How it is reached in a play: `reach` in `rules/simulate.rs`, for which the compiler asks.
//! 4. The lists in `manual/policy.md` and `config.toml.example`: `each_milestone_is_told_of` fails without. The help of
//!    `simulate` is made of `Milestone::ALL`.
//! 5. A test: a promise until it that is kept, in a transcript.
//!
//! # To add a config key
//! 1. Its name in `config/keys.rs`; one that is not listed is a mistake to whoever writes it.
//! 2. Its reader in `config/sections.rs`, `policy.rs` or `reports.rs`, with what to write instead of what is wrong.
//! 3. A field of [`config::Config`]; where the rules need it, of [`project::Project`] and in `Config::project`.
//! 4. A line in `config.toml.example`, which `the_example_has_every_key` holds to the list.
//! 5. A file in `tests/configs` for each way to get it wrong, which says the exact error.
//! 6. The topic of `manual` where people look for it, and a note in CHANGELOG.md: others build on it.
//!
//! # To add a topic of the manual
//! 1. A file in `manual`, whose first line is "# Topic: what it is about", and its row in `cli/help.rs`, in the order in
//!    which somebody needs it.
//! 2. What in it the code knows better is held by a test in `tests/suite/manual.rs`.
//!
//! # To add a notice
//! 1. A variant of [`notice::says::About`], or of [`notice::says::Says`] where it is about no single ticket, with
//!    facts and no words; its kind beside it. The compiler asks.
//! 2. A function in `notice/text` that makes its blocks, each marked with what it gives away, and its arm in
//!    `notice/words.rs`.
//! 3. An example of it in `notice/words/tests.rs`, where each text is held at each level to what may not be said.
//! 4. What it stands for: a variant of [`notice::key::NoticeKey`], so that it is made once.
//! 5. Whoever says it: a rule, or the tracker.
//! 6. A transcript in which it leaves.
//!
//! # To add a mail provider
//! 1. A row of [`provider`]'s table, and where it is known from; its servers too, which `init` proposes and the table of
//!    `manual/providers.md` has.
//! 2. How it writes its header, and what must come of commands there: `tests/suite/providers/layouts.txt`. All that can be
//!    forged is tried on it; `DISCLOSED_BLESS=1` writes `verdicts.txt` anew.
//!
//! # Tests that answer at length
//! A transcript (`tests/transcripts`) is mail that arrives, time that passes and all that left. `DISCLOSED_BLESS=1
//! cargo test --test suite -- each_transcript` writes the expectations anew; look at `git diff` before you commit
//! them. The simulation names its seed: `DISCLOSED_SEED=K cargo test --test suite -- the_guarantees` plays it alone
//! and says which guarantee broke at which step, and what was done before. A seed that failed becomes a test of its
//! own. `DISCLOSED_KILLS=2000 cargo test --test suite -- scripted::kills --nocapture` kills the program so often around
//! its final dots.
//!
//! What is absent on purpose: threads that share the store, a cache of tickets, pipelined SMTP, a web page.

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
mod oauth;
mod open;
mod policy;
mod project;
mod provider;
mod rules;
mod sasl;
mod smtp;
mod store;
mod ticket;
mod token;
mod tracker;
mod vocabulary;
mod whole;

#[doc(hidden)]
pub mod testing;

pub use cli::run;
