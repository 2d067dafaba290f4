use super::new_text;

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(new_text(text), expect, "{text}");
}

#[test]
fn quotations_are_taken_out_and_inline_answers_stay() {
    check("Yes.\n\n> Is it?\n", "Yes.");
    check("> Is it?\nYes.\n> And that?\nNo.\n", "Yes.\n\nNo.");
    check("On Mon, 1 Jan 2024 at 10:00, Ann <a@example.org> wrote:\n> Is it?\nYes.", "Yes.");
    check("Hi,\n\nOn Mon, 1 Jan 2024 at 10:00, Ann\n<a@example.org> wrote:\n\n> Is it?\n\nYes.", "Hi,\n\nYes.");
    check("  > indented\n>> twice\nnew", "new");
    check("a > b\n>c\n", "a > b");
    for above in [
        "[EXT]\n",
        "Caution\nThis mail came from outside.\n",
        "POZOR: e-mail z vnějšku.\n\nDobrý den,\n\n",
        "Hola a todos:\n",
        "Sehr geehrte Damen und Herren,\n",
        "Hi Lee, hi Ann,\n\n",
    ] {
        check(&format!("{above}/ack\n\nThanks."), "/ack\n\nThanks.");
    }
    let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nHi,\n\n/ack\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----";
    check(&format!("[EXTERNAL]\n\n{signed}"), "/ack");
    // What asks, introduces or says more is no greeting, and no banner.
    for above in [
        "Hello Lee wrote:",
        "[EXTERNAL] Lee wrote:",
        "External mail:",
        "Hello, do not send",
        "Good grief",
        "Hi?",
        "Is this mail external?",
    ] {
        check(&format!("{above}\n\n/ack"), &format!("{above}\n\n/ack"));
    }
    check("", "");
    check("> only\n> quoted", "");
}

#[test]
fn introductions_in_other_languages() {
    for intro in [
        "Am 1.1.2024 um 10:00 schrieb Ann <a@example.org>:",
        "Ann <a@example.org> schrieb am Mo., 1. Jan. 2024, 10:00:",
        "Le lun. 1 janv. 2024 à 10:00, Ann <a@example.org> a écrit :",
        "El lun, 1 ene 2024 a las 10:00, Ann (<a@example.org>) escribió:",
        "Il giorno lun 1 gen 2024 alle ore 10:00 Ann <a@example.org> ha scritto:",
        "Em seg., 1 de jan. de 2024 às 10:00, Ann <a@example.org> escreveu:",
        "Op ma 1 jan 2024 om 10:00 schreef Ann <a@example.org>:",
        "Den mån 1 jan. 2024 kl 10:00 skrev Ann <a@example.org>:",
        "W dniu 1.01.2024 o 10:00, Ann pisze:",
        "1 янв. 2024 г., в 10:00, Ann <a@example.org> написал(а):",
        "2024年1月1日(月) 10:00 Ann <a@example.org>:",
        "在 2024年1月1日，10:00，Ann <a@example.org> 写道：",
    ] {
        check(&format!("New.\n\n{intro}\n> old\n"), "New.");
        check(&format!("New.\n\n{intro}\n\n> old\n\nBelow."), "New.\n\nBelow.");
    }
    check("New.\n\nOn Mon, 1 Jan 2024, Ann <a@example.org> wrote:\n\nold without marks\n", "New.");
}

#[test]
fn what_people_write_is_not_an_introduction() {
    for text in [
        "On reflection this is bad:\nit crashes.",
        "The file says:\n\n    wrote 2024 bytes to disk",
        "From: the start, it was broken.\nIt still is.",
        "Steps:\n1. run it\n2. look",
        "--\nfirst\n\nsecond\n\nthird\n\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14",
        "----\nAnother section",
        "Sent from my script, the request fails.\nAlways.",
        "Version 1.2.3 wrote:\nno, it did not.",
    ] {
        check(text, text);
    }
}

#[test]
fn all_below_an_earlier_mail_is_cut() {
    for tail in [
        "-----Original Message-----\nFrom: x\n/close",
        "-----Ursprüngliche Nachricht-----\nold",
        "---------- Forwarded message ---------\nold",
        "Begin forwarded message:\n\nold",
        "From: Ann <a@example.org>\nSent: Monday\nTo: Security\nSubject: x\n\nold",
        "*From:* Ann\n*Date:* Monday\n*Subject:* x\n\nold",
        "Von: Ann\nGesendet: Montag\nAn: Security\nBetreff: x\n\nold",
        "De : Ann\nEnvoyé : lundi\nÀ : Security\nObjet : x\n\nold",
        "________________________________\nFrom: Ann\nSent: Monday\nTo: x\n\nold",
        "_______________________________________________\nexample mailing list\nlist@example.org",
        "-- \nAnn\nExample Ltd\n",
        "--\nAnn\n",
    ] {
        check(&format!("New.\n\n{tail}"), "New.");
    }
    for line in [
        "Sent from my iPhone",
        "Gesendet von meinem Telefon",
        "Envoyé de mon iPhone",
        "Get Outlook for iOS<https://a.example>",
    ] {
        check(&format!("New.\n\n{line}\n\n> old"), "New.");
    }
}
