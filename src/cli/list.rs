//! `disclosed list`: the tickets, the newest last.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::desk::{Desk, Exit};
use super::lists::{Shown, Wanted};
use super::out::{Items, Out, alarming};
use crate::notice::codename::Codename;
use crate::notice::plain::wrapped;
use crate::notice::text::digest::{self, Line};
use crate::open;
use crate::policy::Severity;
use crate::project::Project;
use crate::store::{Span, TicketRow, Tx};
use crate::ticket::Status;
use crate::token::Key;
use crate::vocabulary::{Address, TicketId, clean};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Only those that are open, or on which a promise still runs other than that of erasing them
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    wanted: Wanted,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    desk.read(|tx, now| Ok(print(args, tx, now, desk, out)))?.map(|()| Exit::Done)
}

fn print(args: &Args, tx: &Tx<'_>, now: Timestamp, desk: &Desk, out: &mut Out) -> Result<()> {
    let project = &desk.project;
    if out.wants_json() {
        let key = open::present_key(&desk.config).ok();
        let mut tickets = |items: &mut Items<'_>| {
            tx.each_ticket(!args.open, Span::All, |t| items.add(&TicketDocument::of(&t, key.as_ref(), project)))
        };
        return out.stream(&(), &mut [("tickets", &mut tickets)]);
    }
    let shown = Shown {
        command: if args.open { "list --open" } else { "list" },
        parse: &|text| TicketId::parse(text, &project.prefix).map(|id| id.0.into()),
        number: &|t: &TicketRow| project.show(t.id),
        text: &|tickets, at_top| {
            let bold = anstyle::Style::new().bold();
            let zone = &project.policy.calendar.zone_name;
            let all: String = tickets.iter().map(|t| stands(t, project, now) + "\n").collect();
            let head = format!("{bold}Tickets (times in {zone}):{bold:#}\n");
            if at_top { head + &alarming(&all) } else { alarming(&all) }
        },
        empty: if args.open { "No ticket is open.\n" } else { "There is no ticket yet.\n" },
    };
    args.wanted.print(&shown, out, |span, each| tx.each_ticket(!args.open, span, each))
}

/// A ticket as programs see it.
#[derive(Serialize)]
pub(super) struct TicketDocument<'a> {
    id: String,
    codename: Option<String>,
    status: Status,
    severity: Option<Severity>,
    owner: Option<&'a Address>,
    reporter: Option<&'a Address>,
    received: Timestamp,
    acknowledged: Option<Timestamp>,
    assessed: Option<Timestamp>,
    fix_released: Option<Timestamp>,
    public: Option<Timestamp>,
    closed: Option<Timestamp>,
    open: bool,
    next: Option<Next<'a>>,
}

/// The promise that ends next.
#[derive(Serialize)]
struct Next<'a> {
    promise: &'a str,
    deadline: Timestamp,
}

impl<'a> TicketDocument<'a> {
    pub(super) fn of(t: &'a TicketRow, key: Option<&Key>, project: &Project) -> Self {
        Self {
            id: project.show(t.id),
            codename: key.map(|key| Codename::of(t.id, key).slug()),
            status: t.status,
            severity: t.severity,
            owner: t.owner.as_ref(),
            reporter: t.reporter.as_ref(),
            received: t.received,
            acknowledged: t.acknowledged,
            assessed: t.assessed,
            fix_released: t.fix_released,
            public: t.public,
            closed: t.closed,
            open: t.open,
            next: t.next.as_ref().map(|(promise, deadline)| Next { promise, deadline: *deadline }),
        }
    }
}

/// A ticket by its title, what is to be done next, and where it stands.
pub(super) fn stands(t: &TicketRow, project: &Project, now: Timestamp) -> String {
    let line = Line {
        ticket: t.id,
        title: t.title.clone(),
        status: t.status,
        severity: t.severity,
        owner: t.owner.as_ref().map(|o| project.name_of(o).to_owned()),
        next: t.next.clone(),
        waits_since: None,
    };
    clean(&wrapped(&digest::titled(&line, project, now), "    "))
}
