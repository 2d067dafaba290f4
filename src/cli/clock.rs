//! `disclosed recover --clock`: what it means that the clock is right and the database was ahead of it.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::desk::{Desk, Exit};
use super::out::Out;
use super::seat::seat;
use crate::notice::plain::wrapped;
use crate::open;
use crate::policy::shown::{length, when};
use crate::project::Project;
use crate::tracker::ahead::Redated;

/// Accepts the clock of this machine as right.
pub(super) fn accept(desk: &Desk, out: &mut Out) -> Result<Exit> {
    let (project, now) = (&desk.project, desk.now()?);
    let recovered = open::tracker(&desk.config, now)?.recover_clock(&seat(None, project)?, now)?;
    if out.wants_json() {
        let (ahead, deadlines) = recovered.map_or((None, Vec::new()), |(ahead, all)| (Some(ahead), all));
        let deadlines: Vec<Value> = deadlines.iter().map(|d| document(d, project)).collect();
        out.json(&json!({ "clock": now, "ahead": ahead, "deadlines": deadlines }))?;
        return Ok(Exit::Done);
    }
    let says = when(now, &project.policy);
    let Some((seen, deadlines)) = recovered else {
        out.text(&format!("Nothing lies ahead of the clock, which says {says}.\n"))?;
        return Ok(Exit::Done);
    };
    let mut text = format!(
        "The clock is right from now on: it says {says}. The database had seen {}; what it holds of later instants counts \
         as of now.\n",
        when(seen, &project.policy)
    );
    if deadlines.is_empty() {
        text.push_str("No promise runs.\n");
    }
    deadlines.iter().for_each(|d| text.push_str(&sentence(d, project, now)));
    out.text(&wrapped(&text, "    "))?;
    Ok(Exit::Done)
}

fn document(redated: &Redated, project: &Project) -> Value {
    json!({
        "ticket": project.show(redated.ticket),
        "promise": redated.promise,
        "deadline": redated.deadline,
        "before": redated.before,
        "was_broken": redated.was_broken,
        "broken": redated.is_broken,
        "again": redated.again,
    })
}

/// What it means for one deadline.
fn sentence(redated: &Redated, project: &Project, now: Timestamp) -> String {
    let Redated { ticket, promise, deadline, before, was_broken, is_broken, again } = redated;
    let mut means = Vec::new();
    let left = deadline.duration_since(now);
    means.push(match is_broken {
        true => format!("broken {} ago", length(-left)),
        false => format!("{} left", length(left)),
    });
    if let Some(before) = before.filter(|before| before != deadline) {
        means.push(format!("it was {}", when(before, &project.policy)));
    }
    if *was_broken && !is_broken {
        means.push("it was called broken before its time, and runs".into());
    }
    if *again {
        means.push("reminders that came before their time come again".into());
    }
    format!("{} {promise}: {}; {}\n", project.show(*ticket), when(*deadline, &project.policy), means.join("; "))
}
