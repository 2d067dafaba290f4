//! The same product for the newer ways to be believed, where the mailbox is Gmail's and a code is the way out: our own
//! check of a signature, by the domain of the From or by one that the config names for the person, with and without To;
//! and a seal of the provider's. Each signature here is good: what it may be used for is what is asked.

use data_encoding::BASE64;
use disclosed::testing::mail::signature::{Dkim, Question};
use disclosed::testing::tracker::Asked;

use super::{
    Actor, Command, DANA, EntryKind, Event, LEE, NoticeKind, ONE, OTHER, TicketId, Unheard, World, config, flipped,
    now, state, world,
};

axis!(
    /// What stands in From, of the values of the other product.
    Writer { Hers, NameOfHers, TwoLines, Lookalike }
);
axis!(
    /// Who signed, what, and when.
    Signed { Nobody, Own, WithoutTo, WithoutToUnnamed, Tenant, OtherTenant, Old, OpenEnd, Evil, Sealed, SealedPlainly, SealedByEvil, SealedFail }
);
axis!(
    /// Which token the mail carries.
    Bears { Nothing, Own, OwnOfOther, OfLee, OfReporter, BitFlipped }
);
axis!(
    /// What says that no person wrote these words as text.
    Form { Plain, AutoSubmitted, ListId, Quoted, Html }
);

#[derive(Clone, Copy, Debug)]
struct Way {
    command: Command,
    writer: Writer,
    signed: Signed,
    /// Our own server calls the sender forged.
    forged: bool,
    bears: Bears,
    form: Form,
}

/// What comes of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Came {
    Done,
    Answered,
    Coded,
    Told,
    Nothing,
}

/// Whether a way vouches for her mail, by the rules.
fn vouches(way: Way) -> bool {
    let by_whom = match way.signed {
        Signed::Own | Signed::Tenant => true,
        // In place of To the Subject says what it is for, if the token of that ticket is hers.
        Signed::WithoutTo => way.bears == Bears::Own,
        // What our own server calls forged, no seal makes good.
        Signed::Sealed => !way.forged,
        // A seal that does not say by the envelope says what a signature says that we can check, and here is none.
        Signed::SealedPlainly | Signed::SealedByEvil | Signed::SealedFail => false,
        Signed::Nobody | Signed::WithoutToUnnamed | Signed::OtherTenant => false,
        Signed::Old | Signed::OpenEnd | Signed::Evil => false,
    };
    by_whom && way.writer == Writer::Hers
}

/// The rules, in words.
fn intended(way: Way) -> Came {
    let own = matches!(way.bears, Bears::Own | Bears::OwnOfOther);
    let held = own || way.bears == Bears::OfLee;
    let grave = way.command == Command::Public;
    if vouches(way) && way.form == Form::Plain {
        if way.command == Command::Status {
            return Came::Answered;
        }
        if own {
            // To whom it was sent must be signed for what is grave.
            return if grave && way.signed == Signed::WithoutTo { Came::Answered } else { Came::Done };
        }
    }
    // What she wrote without a command is her note.
    if own && vouches(way) && way.form == Form::Quoted || way.form == Form::AutoSubmitted || !held {
        return Came::Nothing;
    }
    // Whoever the token was given to may be asked, whoever sent it, where words are plain and nothing is grave. Nobody asks
    // about the signature of what says that a program wrote it.
    let forged = way.forged && !(vouches(way) && way.form == Form::Plain);
    let plain = matches!(way.form, Form::Plain | Form::ListId) && way.writer != Writer::TwoLines;
    if plain && !grave && !forged { Came::Coded } else { Came::Told }
}

/// A DKIM signature, or what is alike in a seal.
fn signature(head: &str, domain: &str, names: &str, more: &str) -> String {
    format!("{head} a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1; h={names}; {more}bh=YQ==; b=YWJj\n")
}

/// A seal which says that its maker found that.
fn seal(domain: &str, found: &str) -> String {
    let message = signature("ARC-Message-Signature: i=1;", domain, TO, "");
    format!(
        "ARC-Seal: i=1; a=rsa-sha256; t={}; cv=none; d={domain}; s=s1; b=YWJk\n{message}\
         ARC-Authentication-Results: i=1; mx.google.com; {found} header.from=example.org\n",
        now().as_second()
    )
}

const TO: &str = "from:to:subject:date:message-id";
const NO_TO: &str = "from:subject:date:message-id:content-type";

/// The mail of a cell.
fn bytes(world: &World, way: Way) -> Vec<u8> {
    let (from, domain) = match way.writer {
        Writer::Hers => (format!("From: {DANA}"), "example.org"),
        Writer::NameOfHers => (format!("From: \"{DANA}\" <mallory@evil.example>"), "evil.example"),
        Writer::TwoLines => (format!("From: {DANA}\nFrom: mallory@evil.example"), "example.org"),
        Writer::Lookalike => ("From: dana@examp1e.org".to_owned(), "examp1e.org"),
    };
    let dkim = |domain, names, more: &str| signature("DKIM-Signature: v=1;", domain, names, more);
    let by_envelope = "spf=pass smtp.mailfrom=example.org; dmarc=pass";
    let signed = match way.signed {
        Signed::Nobody => String::new(),
        Signed::Own => dkim("example.org", TO, ""),
        Signed::WithoutTo | Signed::WithoutToUnnamed => dkim("example.org", NO_TO, ""),
        Signed::Tenant => dkim("team.onmicrosoft.com", TO, ""),
        Signed::OtherTenant => dkim("other.onmicrosoft.com", TO, ""),
        Signed::Old => dkim("example.org", TO, &format!("t={}; ", now().as_second() - 8 * 86_400)),
        Signed::OpenEnd => dkim("example.org", TO, "l=3; "),
        Signed::Evil => dkim("evil.example", TO, ""),
        Signed::Sealed => seal("google.com", by_envelope),
        Signed::SealedPlainly => seal("google.com", "dmarc=pass"),
        Signed::SealedByEvil => seal("evil.example", by_envelope),
        Signed::SealedFail => seal("google.com", "spf=pass smtp.mailfrom=example.org; dmarc=fail"),
    };
    let results = format!("Authentication-Results: mx.google.com; dmarc=fail header.from={domain}\n");
    let results = if way.forged { results.as_str() } else { "" };
    let to = match way.bears {
        Bears::Nothing => world::PROJECT.to_owned(),
        Bears::Own => world.own.clone(),
        Bears::OwnOfOther => world.own_of_other.clone(),
        Bears::OfLee => world.of_lee.clone(),
        Bears::OfReporter => world.of_reporter.clone(),
        Bears::BitFlipped => flipped(&world.own),
    };
    let subject = if way.signed == Signed::WithoutToUnnamed { "Re: a hole" } else { "Re: [SEC-1] a hole" };
    let command = match way.command {
        Command::Severity => "/severity critical",
        Command::Public => "/public",
        Command::Status => "/status",
        Command::Confirm => panic!("a code is tried in the other product"),
    };
    let (form, body) = match way.form {
        Form::Plain => ("", command.to_owned()),
        Form::AutoSubmitted => ("Auto-Submitted: auto-generated\n", command.to_owned()),
        Form::ListId => ("List-Id: <list.example.org>\n", command.to_owned()),
        Form::Quoted => ("", format!("> {command}")),
        Form::Html => ("Content-Type: text/html\n", format!("<p>{command}</p>")),
    };
    let date = now().strftime("%a, %d %b %Y %H:%M:%S +0000");
    let received = "Received: from mail.example.org by mx.google.com with ESMTPS id 1; date";
    let text = format!(
        "{received}\n{results}{signed}{from}\nTo: {to}\nSubject: {subject}\nDate: {date}\n\
         Message-ID: <way-{}@example.org>\n{form}\n{body}\n",
        world.cells
    );
    // A signature is obeyed once.
    let own = |letter: &str| format!("b={}", BASE64.encode(format!("{letter}{}", world.cells).as_bytes()));
    text.replace("b=YWJj", &own("s")).replace("b=YWJk", &own("c")).replace('\n', "\r\n").into_bytes()
}

/// Every key that is asked for is there.
fn answer(question: &Question) -> Dkim {
    Dkim::Pass(question.signatures[0].passed())
}

/// What would come of the mail of a cell; `None` where anybody would be obeyed or noted.
fn would(world: &mut World, way: Way) -> Option<Came> {
    world.cells += 1;
    let raw = bytes(world, way);
    let dkim = match world.tracker.question(&raw, now()) {
        Asked::Known(dkim) => dkim,
        Asked::Open(question) => answer(&question),
    };
    let tried = world.tracker.try_mail(&raw, dkim, now()).unwrap();
    let told = matches!(tried.unheard, Some(Unheard::Told { .. }));
    let event = tried.intake.event;
    if matches!(event, Some(Event::Ordered(_) | Event::Wrote { .. } | Event::Confirmed(..))) {
        return None;
    }
    let coded = matches!(event, Some(Event::Requested(_)));
    Some(if coded {
        Came::Coded
    } else if told {
        Came::Told
    } else {
        Came::Nothing
    })
}

/// Sends the mail of a cell; says what came of it.
fn send(world: &mut World, way: Way) -> Came {
    while world.tracker.claim(now()).unwrap().is_some() {}
    world.cells += 1;
    let raw = bytes(world, way);
    let arrival = world::found(&mut world.tracker, raw);
    let mut news = world.tracker.on_mail(&[arrival], now()).unwrap();
    while let (more, Some((mail, question))) = world.tracker.next_question(now()).unwrap() {
        news.add(more);
        news.add(world.tracker.verified(mail, answer(&question), now()).unwrap());
    }
    let changed: Vec<TicketId> = [ONE, OTHER]
        .into_iter()
        .zip(world.before.clone())
        .filter_map(|(id, was)| (state(&world.ticket(id)) != was).then_some(id))
        .collect();
    let expected = if way.bears == Bears::OwnOfOther { OTHER } else { ONE };
    assert!(changed.is_empty() || changed == [expected], "{way:?}: {changed:?}");
    let claims: Vec<_> = std::iter::from_fn(|| world.tracker.claim(now()).unwrap()).collect();
    let coded = claims.iter().find(|c| world::code(&c.bytes).is_some() && changed.is_empty());
    let holder = if way.bears == Bears::OfLee { LEE } else { DANA };
    assert!(coded.is_none_or(|c| c.to.as_str() == holder), "{way:?}: a code for another");
    let sent = |kind: NoticeKind| news.notices.iter().filter(move |p| p.notice.kind() == kind);
    let by_person = news.entries.iter().any(|(_, e)| matches!(e.by, Actor::Person(_)) && e.kind != EntryKind::Note);
    assert!(!by_person || !changed.is_empty(), "{way:?}: somebody did something");
    if !changed.is_empty() {
        Came::Done
    } else if coded.is_some() {
        Came::Coded
    } else if sent(NoticeKind::Answer).next().is_some() {
        Came::Answered
    } else if sent(NoticeKind::Attempt).any(|p| p.words.subject.ends_with("Not done")) {
        Came::Told
    } else {
        Came::Nothing
    }
}

/// The two tickets, with the mailbox at Gmail.
fn fresh() -> World {
    let mut world = World::new();
    world.tracker.reload(config("", "server = \"gmail\"").project(), None, now()).unwrap();
    world
}

/// Sends every combination; where rule and code agree that nothing is done, one of 31 proves it.
#[test]
fn every_way_vouches_for_its_own_and_a_code_is_the_way_out() {
    let mut wrong = Vec::new();
    let mut counts = std::collections::BTreeMap::new();
    std::thread::scope(|scope| {
        let each =
            [Command::Severity, Command::Public, Command::Status].map(|command| scope.spawn(move || all(command)));
        for (faults, came) in each.map(|thread| thread.join().unwrap()) {
            wrong.extend(faults);
            came.into_iter().for_each(|came| *counts.entry(came).or_insert(0) += 1);
        }
    });
    assert!(wrong.is_empty(), "{} cells:\n{}", wrong.len(), wrong.join("\n"));
    assert!(counts.len() == 5 && counts[&Came::Done] >= 10 && counts[&Came::Coded] >= 100, "{counts:?}");
}

fn all(command: Command) -> (Vec<String>, Vec<Came>) {
    let (mut wrong, mut came, mut world, mut busy) = (Vec::new(), Vec::new(), fresh(), 0);
    for &writer in Writer::ALL {
        for &signed in Signed::ALL {
            for forged in [false, true] {
                for &bears in Bears::ALL {
                    for &form in Form::ALL {
                        let way = Way { command, writer, signed, forged, bears, form };
                        let right = intended(way);
                        came.push(right);
                        // Which of them are sent says their number, a prime one, so that all axes are met.
                        if would(&mut world, way) == Some(right) && came.len() % 31 != 0 {
                            continue;
                        }
                        let found = send(&mut world, way);
                        if found != right {
                            wrong.push(format!("{way:?}: {found:?}, not {right:?}"));
                        }
                        // What a cell changed, the next one must not see; and a person is told or asked a few times only.
                        busy += u32::from(matches!(found, Came::Told | Came::Coded));
                        if found == Came::Done || busy >= 3 {
                            (world, busy) = (fresh(), 0);
                        }
                    }
                }
            }
        }
    }
    (wrong, came)
}
