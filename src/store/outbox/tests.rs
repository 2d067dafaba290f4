use super::*;
use crate::notice::key::Gathered;
use crate::vocabulary::MailRef;

/// G3: what was said once is known by these bytes. With others it would be said again.
#[test]
fn each_key_has_the_bytes_that_it_always_had() {
    let at: Timestamp = "2027-01-04T10:11:12.345Z".parse().unwrap();
    let (to, missed) = (Address::parse("Ada@example.org").unwrap(), Address::parse("lee@example.org").unwrap());
    let (ticket, mail, lost, to) = (TicketId(17), MailRef(5), 9, || to.clone());
    let (deadline, nominal, promise) = (at, at, "acknowledge".to_owned());
    let none = NO_TICKET;
    for (key, number, text) in [
        (
            NoticeKey::Revision { kind: NoticeKind::FollowUp, ticket, revision: 3, to: to() },
            17,
            "follow-up:17:3:ada@example.org",
        ),
        (
            NoticeKey::Rung { ticket, promise, deadline, nominal, to: to() },
            17,
            "rung:17:acknowledge:1799057472345:1799057472345:ada@example.org",
        ),
        (NoticeKey::Passed { ticket, lost }, 17, "passed:17:9"),
        (NoticeKey::Unreached { ticket, to: to() }, 17, "unreached:17:ada@example.org"),
        (NoticeKey::FloodOf { ticket, at, to: to() }, 17, "flood:17:499738:ada@example.org"),
        (
            NoticeKey::Gathered { what: Gathered::Reports, ticket, at, to: to() },
            17,
            "many:17:1799057472:ada@example.org",
        ),
        (
            NoticeKey::Gathered { what: Gathered::Returned, ticket, at, to: to() },
            17,
            "backscatter:17:1799057472:ada@example.org",
        ),
        (NoticeKey::Told(mail), none, "told:5"),
        (NoticeKey::Answer(mail), none, "answer:5"),
        (NoticeKey::Unheard(mail), none, "unheard:5"),
        (NoticeKey::LostByHand { report: mail, to: to() }, none, "undeliverable:by-hand:5:ada@example.org"),
        (NoticeKey::LostWords { lost, to: to() }, none, "undeliverable:9:ada@example.org"),
        (NoticeKey::LostMail { at, missed, to: to() }, none, "undeliverable:20822:lee@example.org:ada@example.org"),
        (NoticeKey::Flood { at, to: to() }, none, "flood:499738:ada@example.org"),
        (NoticeKey::Digest { at, to: to() }, none, "digest:1799057472:ada@example.org"),
        (NoticeKey::Policy { print: "c0de".into(), at, to: to() }, none, "policy:c0de:1799057472345:ada@example.org"),
        (NoticeKey::Trouble { kind: TroubleKind::Dns, at, to: to() }, none, "trouble:dns:20822:ada@example.org"),
        (
            NoticeKey::Trouble { kind: TroubleKind::Timeline(ticket), at, to: to() },
            none,
            "trouble:timeline:20822:ada@example.org",
        ),
        (
            NoticeKey::Trouble { kind: TroubleKind::Breaker, at, to: to() },
            none,
            "trouble:breaker:1799057472:ada@example.org",
        ),
        (NoticeKey::Earlier { to: to() }, none, "earlier:ada@example.org"),
    ] {
        let hash = Sha256::digest(text);
        let mut bytes: [u8; 20] = *hash.first_chunk().unwrap();
        bytes[..4].copy_from_slice(&u32::to_be_bytes(number));
        assert_eq!(key.to_string(), text);
        assert_eq!(notice_key(&key), bytes, "{text}");
    }
}

/// A reminder that was passed on stands for the news of the loss too: the day in that key is no ticket.
#[test]
fn a_notice_about_several_tickets_is_about_those_in_its_keys() {
    let at: Timestamp = "2027-01-04T10:11:12Z".parse().unwrap();
    let to = Address::parse("ada@example.org").unwrap();
    let key = |ticket| {
        let (promise, deadline, nominal, to) = ("acknowledge".into(), at, at, to.clone());
        NoticeKey::Rung { ticket, promise, deadline, nominal, to }
    };
    let lost = NoticeKey::LostMail { at, missed: to.clone(), to: to.clone() };
    let (kind, message_id, bytes) = (NoticeKind::Reminder, "n@example.org", b"".as_slice());
    let (ticket, held, envelope, expires, lane) = (None, None, None, None, 0);
    let new =
        Outgoing { number: 1, kind, lane, to: &to, ticket, revision: 0, message_id, held, envelope, expires, bytes };
    let mut store = crate::store::Store::in_memory().unwrap();
    let about = store.write(|tx| {
        let keys = tx.fresh_keys(&[key(TicketId(3)), lost, key(TicketId(2)), key(TicketId(2))])?;
        tx.post(&new, &keys, at)?;
        tx.noticed_tickets(1)
    });
    assert_eq!(about.unwrap(), [TicketId(2), TicketId(3)]);
}
