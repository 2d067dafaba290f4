//! `disclosed export`: all that is held about an address, for whoever asks for access to their data.

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::desk::{Desk, Exit, local, role_word};
use super::out::Out;
use crate::mail::read;
use crate::project::Project;
use crate::store::{Held, HeldMail, NoticeRow, TicketRow};
use crate::ticket::{Actor, Entry};
use crate::vocabulary::{Address, TicketId, clean, clean_line};

#[derive(clap::Args)]
pub(super) struct Args {
    /// The mail address
    address: String,
}

pub(super) fn run(args: &Args, desk: &Desk, out: &mut Out) -> Result<Exit> {
    let Some(address) = Address::parse(args.address.trim()) else {
        bail!("{:?} is not a plain mail address", clean_line(&args.address, 100));
    };
    let held = desk.read(|tx, _| tx.held_about(&address))?;
    if out.wants_json() {
        out.json(&document(&held, &address, &desk.project))?;
    } else {
        out.text(&text(&held, &address, &desk.project))?;
    }
    Ok(Exit::Done)
}

fn document(held: &Held, address: &Address, project: &Project) -> Value {
    let person = project.person(address).map(|p| {
        let roles: Vec<&str> = p.roles.iter().map(|r| role_word(*r)).collect();
        json!({ "name": p.name, "roles": roles })
    });
    let ticket = |t: &TicketRow| {
        json!({
            "id": project.show(t.id),
            "as": parts(t, address),
            "status": t.status,
            "severity": t.severity,
            "received": t.received,
            "acknowledged": t.acknowledged,
            "closed": t.closed,
        })
    };
    let entry = |(id, e): &(TicketId, Entry)| {
        json!({
            "ticket": project.show(*id),
            "seq": e.seq,
            "at": e.at,
            "kind": e.kind.word(),
            "by": by(&e.by, address),
            "text": e.text,
        })
    };
    let mail = |m: &HeldMail| {
        let read = read::read(&m.raw);
        json!({
            "received": m.receipt.received,
            "message_id": m.receipt.message_id,
            "disposition": m.receipt.disposition,
            "ticket": m.receipt.ticket.map(|t| project.show(t)),
            "reason": m.receipt.reason,
            "subject": read.subject,
            "text": read.text,
            "raw_base64": data_encoding::BASE64.encode(&m.raw),
        })
    };
    let notice = |(n, bytes): &(NoticeRow, Vec<u8>)| {
        let read = read::read(bytes);
        json!({
            "number": n.number,
            "created": n.created,
            "kind": n.kind,
            "ticket": n.ticket.map(|t| project.show(t)),
            "message_id": n.message_id,
            "state": n.state,
            "reply": n.reply,
            "subject": read.subject,
            "text": read.text,
        })
    };
    json!({
        "address": address,
        "person": person,
        "tickets": held.tickets.iter().map(ticket).collect::<Vec<_>>(),
        "entries": held.entries.iter().map(entry).collect::<Vec<_>>(),
        "mails": held.mails.iter().map(mail).collect::<Vec<_>>(),
        "notices": held.notices.iter().map(notice).collect::<Vec<_>>(),
    })
}

fn text(held: &Held, address: &Address, project: &Project) -> String {
    let mut text = String::new();
    if let Some(person) = project.person(address) {
        let roles: Vec<&str> = person.roles.iter().map(|r| role_word(*r)).collect();
        let name = clean_line(&person.name, 100);
        text.push_str(&format!("\nThe config names this address: {name}, {}.\n", roles.join(", ")));
    }
    if !held.tickets.is_empty() {
        text.push_str("\nTickets:\n");
    }
    for t in &held.tickets {
        let (id, received) = (project.show(t.id), local(t.received, project));
        text.push_str(&format!(
            "  {id}, as its {}: {}, received {received}\n",
            parts(t, address).join(" and "),
            t.status
        ));
    }
    if !held.entries.is_empty() {
        text.push_str("\nTimeline, as far as it is by or about this address:\n");
    }
    for (id, e) in &held.entries {
        let words = e.text.as_deref().map_or(String::new(), |t| format!(": {}", clean_line(t, 2_000)));
        let (id, at, who) = (project.show(*id), local(e.at, project), by(&e.by, address));
        text.push_str(&format!("  {id}  {at}  {} (by {who}){words}\n", e.kind.word()));
    }
    for m in &held.mails {
        let ticket = m.receipt.ticket.map_or("no ticket".to_owned(), |t| project.show(t));
        text.push_str(&format!(
            "\nMail from this address, received {}, {ticket}\n",
            local(m.receipt.received, project)
        ));
        text.push_str(&mail(&m.raw));
    }
    for (n, bytes) in &held.notices {
        let ticket = n.ticket.map_or("no ticket".to_owned(), |t| project.show(t));
        let (kind, made) = (n.kind.word(), local(n.created, project));
        text.push_str(&format!("\nMail to this address ({kind}), made {made}, {ticket}, {}\n", n.state.word()));
        text.push_str(&mail(bytes));
    }
    let address = address.as_str();
    if text.is_empty() {
        return format!("Nothing is held about {address}.\n");
    }
    format!("What is held about {address}. The mailbox and backups may hold more.\n{text}")
}

/// Subject and text of a mail, indented.
fn mail(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "  (erased)\n".into();
    }
    let read = read::read(bytes);
    let mut text = format!("  Subject: {}\n\n", read.subject);
    for line in clean(&read.text).lines() {
        text.push_str(format!("  {line}").trim_end());
        text.push('\n');
    }
    for a in &read.attachments {
        text.push_str(&format!("  Attached: {} ({}, {} octets)\n", a.name, a.media_type, a.size));
    }
    text
}

/// What the address is to a ticket.
fn parts(ticket: &TicketRow, address: &Address) -> Vec<&'static str> {
    let is = |who: &Option<Address>, word| (who.as_ref() == Some(address)).then_some(word);
    [is(&ticket.reporter, "reporter"), is(&ticket.owner, "owner")].into_iter().flatten().collect()
}

/// Who did something, without naming anybody else.
fn by(actor: &Actor, address: &Address) -> &'static str {
    match actor {
        Actor::Daemon => "disclosed",
        Actor::Local(seat) if seat.person.as_ref() == Some(address) => "this address, as the command line says",
        Actor::Local(_) => "the command line",
        Actor::Reporter => "the reporter",
        Actor::Person(person) if person == address => "this address",
        Actor::Person(_) => "a person of the project",
        Actor::Stranger => "a stranger",
    }
}
