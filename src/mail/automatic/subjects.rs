//! The subjects of answering machines, in the languages that they come in.

/// How the subjects of responders begin, in lower case, in the languages that they come in.
const RESPONDER_SUBJECTS: &[&str] = &[
    // English
    "auto:|auto reply|auto-reply|autoreply|auto response|auto-response|autoresponse|automatic reply",
    "automatic response|automated reply|automated response|out of office|out of the office|out-of-office",
    "away from office|away from the office|away from my mail|on vacation|vacation reply",
    // German
    "abwesenheit|abwesenheitsnotiz|abwesenheitsmeldung|abwesenheitsassistent|abwesenheitsbenachrichtigung",
    "abwesenheitsnachricht|automatische antwort|automatische rückmeldung|automatische reaktion|abwesend",
    "nicht im büro|außer haus",
    // Dutch
    "automatisch antwoord|automatische beantwoording|afwezig|afwezigheid|afwezigheidsbericht|niet op kantoor",
    // French
    "réponse automatique|reponse automatique|message d'absence|notification d'absence|absence du bureau",
    "absent du bureau|en congé",
    // Spanish, Catalan
    "respuesta automática|respuesta automatica|autorespuesta|fuera de la oficina|fuera de oficina",
    "resposta automàtica",
    // Italian
    "risposta automatica|fuori sede|fuori ufficio|assenza dall'ufficio",
    // Portuguese
    "resposta automática|resposta automatica|fora do escritório|ausência do escritório|ausência temporária",
    "aviso de ausência",
    // Romanian
    "răspuns automat|raspuns automat",
    // Danish, Norwegian, Swedish
    "automatisk svar|automatiskt svar|autosvar|automatsvar|fraværsbesked|fravær|frånvaro|frånvaromeddelande",
    "ikke på kontoret",
    // Finnish, Estonian
    "automaattinen vastaus|poissaoloilmoitus|automaatne vastus",
    // Polish, Czech, Slovak, Slovene, Croatian
    "automatyczna odpowiedź|odpowiedź automatyczna|autoodpowiedź|poza biurem|automatická odpověď",
    "automatická odpoveď|mimo kancelář|samodejni odgovor|automatski odgovor",
    // Hungarian
    "automatikus válasz|házon kívül",
    // Russian, Ukrainian, Bulgarian
    "автоответ|автоматический ответ|вне офиса|автоматична відповідь|автоматичен отговор",
    // Greek, Turkish
    "αυτόματη απάντηση|εκτός γραφείου|otomatik yanıt|ofis dışında",
    // Hebrew, Arabic
    "תשובה אוטומטית|מענה אוטומטי|رد تلقائي",
    // Vietnamese, Indonesian
    "trả lời tự động|balasan otomatis",
    // Japanese, Chinese, Korean
    "自動応答|自動返信|不在通知|自动回复|自動回覆|自動回復|자동 회신|자동회신|자동 응답|부재중|부재 중",
    // Challenge and response: a machine asks whether a person wrote
    "please confirm your message|please confirm your e-mail to|please confirm your email to",
    "your message requires verification|your email requires verification|your e-mail requires verification",
];

/// What may follow them as the last word, or before a colon.
const NOUNS: &str = "re|aw|notification|notice|message|reply|response|auto|verify|on|is|du|do";

/// What may follow them and be followed by a name or a date, and by how many words of one.
const GO_ON: [(&str, usize); 2] = [("from|von|de|del|le|van|da|dal|fra|från", 3), ("until|till|bis|vom|am|tot", 8)];

/// What ticket systems confirm, and that they do, before the subject that they quote.
const TICKETS: &str =
    "ticket|case|request|incident|inquiry|enquiry|anfrage|vorgang|demande|solicitud|richiesta|aanvraag|zgłoszenie";
const CONFIRMED: &str = "received|created|opened|registered|confirm|logged|acknowledg|eingegangen|erhalten|eröffnet|reçue|enregistrée|\
    recibid|cread|ricevuta|ontvangen|przyjęte";
const THANKS: &str = "thank you for |thanks for |we have received|we received|we've received";

/// What stands before a subject that is answered or passed on.
const PREFIXES: &str = "re:|aw:|sv:|antw:|odp:|vs:|fwd:|fw:|回复:|回复：|答复:|[auto]";

/// Whether a subject is one that answering machines write, or ticket systems that confirm what came in.
pub(super) fn is_responder(subject: &str) -> bool {
    let mut subject = subject.trim().to_lowercase();
    if confirms(&subject) {
        return true;
    }
    // "Re:" and its like may stand before it, and brackets around it.
    for prefix in PREFIXES.split('|') {
        if let Some(rest) = subject.strip_prefix(prefix) {
            subject = rest.trim_start().to_owned();
        }
    }
    let absent = ["out of the office", "out of office", "abwesend", "absent"];
    if subject.strip_prefix("auto:").is_some_and(|rest| absent.iter().any(|a| rest.contains(a))) {
        return true;
    }
    let subject = subject.trim_start_matches(['[', '(', '【', '<', '*', '"']);
    RESPONDER_SUBJECTS.iter().flat_map(|s| s.split('|')).filter_map(|s| subject.strip_prefix(s)).any(|rest| {
        // "Automatic reply: x" and "Out of office until Monday" are ones; "Auto-reply from /contact leaks names" is a
        // report, and a reporter who gets no answer is the worse failure.
        let mut words = rest.trim_start().split_inclusive(|c: char| !c.is_alphanumeric());
        let first = words.next().unwrap_or_default();
        let word = first.trim_end_matches(|c: char| !c.is_alphanumeric());
        let ends = words.next().is_none() || first.ends_with([':', '：', ']', ')', '#', '"']);
        let named = rest.split_whitespace().skip(1).count();
        let goes_on = GO_ON.iter().any(|(on, most)| on.split('|').any(|on| on == word) && named <= *most);
        !rest.starts_with(char::is_alphanumeric)
            && (word.is_empty() || ends && NOUNS.split('|').any(|n| n == word) || goes_on)
    })
}

/// Whether a subject quotes one of ours, `[SEC-17] …`, behind the confirmation of a ticket system.
fn confirms(subject: &str) -> bool {
    let tag = |rest: &str| {
        let number = rest.split_once(']').and_then(|(tag, _)| tag.rsplit_once('-'));
        number.is_some_and(|(prefix, n)| {
            prefix.len() <= 10 && prefix.bytes().all(|c| c.is_ascii_alphanumeric()) && n.parse::<u32>().is_ok()
        })
    };
    let Some((at, _)) = subject.match_indices('[').find(|(at, _)| subject.get(at + 1..).is_some_and(tag)) else {
        return false;
    };
    let before = subject.get(..at).unwrap_or_default();
    let says = |words: &str| words.split('|').any(|w| before.contains(w));
    says(TICKETS) && says(CONFIRMED) || says(THANKS)
}
