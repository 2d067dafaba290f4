//! A play is what the same commands make of a real ticket.

use super::*;

/// Promises of every sort, and events at half hours: among them such as keep, end, pause and move each.
const EVERY: &str = r#"
quiet = "never"
[[policy.promise]]
name = "acknowledge"
until = "acknowledged"
within = "48h"
[[policy.promise]]
name = "assess"
until = "assessed"
within = "7d"
pauses = true
[[policy.promise]]
name = "inform"
every = "14d"
[[policy.promise]]
name = "fix"
from = "accepted"
until = "fix-released"
within = { critical = "48h", high = "7d", low = "30d" }
[[policy.promise]]
name = "disclose"
until = "public"
within = "60d"
or_sooner = "fix-released"
grace = "7d"
[[policy.promise]]
name = "announce"
from = "fix-released"
until = "done"
within = "3d"
[[policy.promise]]
name = "erase"
from = "closed"
until = "erased"
within = "10d"
"#;

/// What happens in the property below, and the mails of somebody who does not know the way: each is sent in turn, until
/// one is obeyed.
const HAPPENS: &[(&str, &[&str])] = &[
    ("acknowledged", &["/ack"]),
    ("last-heard-from-us", &["/reply\n\nIt takes longer."]),
    ("assessed", &["/valid"]),
    ("accepted", &["/accept", "/reopen\n/accept", "/reopen"]),
    ("fix-ready", &["/fix"]),
    ("fix-released", &["/released"]),
    ("public", &["/public"]),
    ("exploited", &["/exploited"]),
    ("closed", &["/close unpublished", "/defer\n/close"]),
    ("done", &["/done announce"]),
    ("severity:high", &["/severity high"]),
    ("severity:medium", &["/severity medium"]),
    ("ask", &["/ask\n\nSince which version?"]),
    ("answer", &[]),
    ("erased", &[]),
];

/// What a daemon makes of the same: it looks whenever a clock says so, and obeys mails.
fn lived(project: &Project, start: Timestamp, events: &[(Timestamp, usize)], until: Timestamp) -> Ticket {
    let key = Key::new([0; KEY_LENGTH]);
    let mut ticket = Ticket::new(TicketId(1));
    let reporter = Address::parse("r@example.test");
    let kind = EntryKind::Reported { received: start, message_id: None, may_belong_to: None, erased: false };
    let mail = Some(MAIL);
    ticket.apply(&Entry {
        seq: 1,
        at: start,
        by: Actor::Reporter,
        kind,
        party: reporter,
        text: None,
        mail,
        order: None,
    });
    let kind = EntryKind::Acknowledgement { outcome: Acknowledgement::Sent };
    ticket.apply(&Entry {
        seq: 2,
        at: start,
        by: Actor::Daemon,
        kind,
        party: None,
        text: None,
        mail: None,
        order: None,
    });
    let happen = |ticket: &mut Ticket, event: &Event, now| {
        let decision = decide(ticket, event, project, &key, now);
        decision.entries.iter().for_each(|e| ticket.apply(e));
        !decision.answer.is_some_and(|a| a.refused)
    };
    let mut events = events.iter().peekable();
    loop {
        let hearers = hearers(&ticket, project, Timestamp::MIN);
        let clocks = clocks(&ticket, &project.policy, Timestamp::MIN);
        let wake = clocks.iter().filter_map(|c| c.wake(&ticket, &project.policy, &hearers)).min();
        let next = wake.into_iter().chain(events.peek().map(|(at, _)| *at)).min();
        let Some(now) = next.filter(|next| *next <= until) else { return ticket };
        while let Some((_, what)) = events.next_if(|(at, _)| *at <= now) {
            let (name, mails) = HAPPENS[*what];
            match name {
                "answer" => _ = happen(&mut ticket, &Event::FollowedUp(follow_up()), now),
                "erased" => _ = happen(&mut ticket, &Event::Erased(crate::ticket::Seat::default()), now),
                _ => {
                    let order = |mail: &&str| Order { orders: command::split(mail), ..Order::local() };
                    let _ = mails.iter().any(|mail| happen(&mut ticket, &Event::Ordered(order(mail)), now));
                }
            }
        }
        happen(&mut ticket, &Event::Tick, now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is played is what would come to pass: the same milestones, the same status, the same clocks.
    #[test]
    fn a_play_is_what_the_same_commands_make_of_a_ticket(
        events in prop::collection::vec((0..60_i64 * 48, 0..HAPPENS.len()), 0..12),
    ) {
        let project = project(EVERY);
        let start: Timestamp = FRIDAY.parse().unwrap();
        let mut events: Vec<(Timestamp, usize)> =
            events.into_iter().map(|(half, what)| (start + jiff::SignedDuration::from_mins(30 * half), what)).collect();
        events.sort_by_key(|(at, _)| *at);
        let told = events.iter().map(|(at, what)| (*at, HAPPENS[*what].0.parse().unwrap())).collect();
        let play = play(&project, &Scenario { at: start, severity: None, events: told, days: Some(90) });
        prop_assert!(!play.warnings.iter().any(|w| w.starts_with("the play stops early")));
        let lived = lived(&project, start, &events, play.until);
        let state = |t: &Ticket| {
            let reached = (t.milestones.clone(), t.done.clone(), t.broken.clone(), t.pauses.clone());
            (t.status, t.before_closed, t.severity, t.auto_acknowledged, reached)
        };
        prop_assert_eq!(state(&play.ticket), state(&lived));
        let clocks = clocks(&lived, &project.policy, play.until);
        let stand = |c: &Clock<'_>| (c.promise.name.clone(), c.starts, c.deadline, c.state);
        let stands: Vec<_> = clocks.iter().map(stand).collect();
        // The last round of each: earlier ones are over.
        let played = |(name, starts, ..): &(String, Timestamp, Timestamp, ClockState)| {
            let course = play.courses.iter().find(|c| c.promise == *name && c.starts == *starts)?;
            Some((course.promise.clone(), course.starts, course.deadline, course.state))
        };
        let paused = |stand: &(String, Timestamp, Timestamp, ClockState)| stand.3 == ClockState::Paused;
        // While a clock stands still, its course keeps the deadline from before.
        for stand in stands.iter().filter(|s| !paused(s)) {
            prop_assert_eq!(played(stand), Some(stand.clone()));
        }
    }
}
