//! The subjects of answering machines, in the languages that they come in.

/// How the subjects of responders begin, in lower case, in the languages that they come in.
const RESPONDER_SUBJECTS: &[&str] = &[
    // English
    "auto:",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "auto-response",
    "autoresponse",
    "automatic reply",
    "automatic response",
    "automated reply",
    "automated response",
    "out of office",
    "out of the office",
    "out-of-office",
    "away from office",
    "away from the office",
    "away from my mail",
    "on vacation",
    "vacation reply",
    // German
    "abwesenheit",
    "abwesenheitsnotiz",
    "abwesenheitsmeldung",
    "abwesenheitsassistent",
    "abwesenheitsbenachrichtigung",
    "abwesenheitsnachricht",
    "automatische antwort",
    "automatische rückmeldung",
    "automatische reaktion",
    "abwesend",
    "nicht im büro",
    "außer haus",
    // Dutch
    "automatisch antwoord",
    "automatische beantwoording",
    "afwezig",
    "afwezigheid",
    "afwezigheidsbericht",
    "niet op kantoor",
    // French
    "réponse automatique",
    "reponse automatique",
    "message d'absence",
    "notification d'absence",
    "absence du bureau",
    "absent du bureau",
    "en congé",
    // Spanish, Catalan
    "respuesta automática",
    "respuesta automatica",
    "autorespuesta",
    "fuera de la oficina",
    "fuera de oficina",
    "resposta automàtica",
    // Italian
    "risposta automatica",
    "fuori sede",
    "fuori ufficio",
    "assenza dall'ufficio",
    // Portuguese
    "resposta automática",
    "resposta automatica",
    "fora do escritório",
    "ausência do escritório",
    "ausência temporária",
    "aviso de ausência",
    // Romanian
    "răspuns automat",
    "raspuns automat",
    // Danish, Norwegian, Swedish
    "automatisk svar",
    "automatiskt svar",
    "autosvar",
    "automatsvar",
    "fraværsbesked",
    "fravær",
    "frånvaro",
    "frånvaromeddelande",
    "ikke på kontoret",
    // Finnish, Estonian
    "automaattinen vastaus",
    "poissaoloilmoitus",
    "automaatne vastus",
    // Polish, Czech, Slovak, Slovene, Croatian
    "automatyczna odpowiedź",
    "odpowiedź automatyczna",
    "autoodpowiedź",
    "poza biurem",
    "automatická odpověď",
    "automatická odpoveď",
    "mimo kancelář",
    "samodejni odgovor",
    "automatski odgovor",
    // Hungarian
    "automatikus válasz",
    "házon kívül",
    // Russian, Ukrainian, Bulgarian
    "автоответ",
    "автоматический ответ",
    "вне офиса",
    "автоматична відповідь",
    "автоматичен отговор",
    // Greek, Turkish
    "αυτόματη απάντηση",
    "εκτός γραφείου",
    "otomatik yanıt",
    "ofis dışında",
    // Hebrew, Arabic
    "תשובה אוטומטית",
    "מענה אוטומטי",
    "رد تلقائي",
    // Vietnamese, Indonesian
    "trả lời tự động",
    "balasan otomatis",
    // Japanese, Chinese, Korean
    "自動応答",
    "自動返信",
    "不在通知",
    "自动回复",
    "自動回覆",
    "自動回復",
    "자동 회신",
    "자동회신",
    "자동 응답",
    "부재중",
    "부재 중",
    // Challenge and response: a machine asks whether a person wrote
    "please confirm your message",
    "please confirm your e-mail to",
    "please confirm your email to",
    "your message requires verification",
    "your email requires verification",
    "your e-mail requires verification",
];

/// The words that may follow them.
const SUBJECT_GOES_ON: &[&str] = &[
    "re",
    "aw",
    "from",
    "until",
    "till",
    "notification",
    "notice",
    "message",
    "reply",
    "response",
    "on",
    "von",
    "vom",
    "bis",
    "am",
    "de",
    "du",
    "del",
    "le",
    "van",
    "tot",
    "auto",
    "is",
    "verify",
    "do",
    "da",
    "dal",
    "fra",
    "från",
];

/// Whether a subject is one that answering machines write.
pub(super) fn is_responder(subject: &str) -> bool {
    let mut subject = subject.trim().to_lowercase();
    // "Re:" and its like may stand before it, and brackets around it.
    let opening = ['[', '(', '【', '<', '*', '"'];
    for prefix in ["re:", "aw:", "sv:", "antw:", "odp:", "vs:", "回复:", "回复：", "答复:", "[auto]"] {
        if let Some(rest) = subject.strip_prefix(prefix) {
            subject = rest.trim_start().to_owned();
        }
    }
    let subject = subject.trim_start_matches(opening);
    RESPONDER_SUBJECTS.iter().filter_map(|s| subject.strip_prefix(s)).any(|rest| {
        // "Automatic reply: x" and "Out of office until Monday" are ones; "Auto reply servers can be looped" is a
        // report, and a reporter who gets no answer is the worse failure.
        let words = rest.trim_start();
        let next = words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        !rest.starts_with(char::is_alphanumeric) && (next.is_empty() || SUBJECT_GOES_ON.contains(&next))
    })
}
