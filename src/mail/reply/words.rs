//! The words by which mail programs and people mark what is theirs, in many languages.

use std::sync::OnceLock;

/// What introductions say somebody did, in lower case.
pub(in crate::mail) static WROTE: Words = Words::of(
    "wrote|writes|a écrit|a ecrit|schrieb|geschrieben|ha scritto|escribió|escribio|escreveu|\
    schreef|geschreven|skrev|napisał|napisal|pisze|napsal|kirjoitti|írta|написал|пишет|писал|пише|yazdı|\
    a scris|έγραψε|写道|寫道|书写|のメッセージ|書きました|작성|said|says|sagt|viết",
);

/// How introductions begin, in lower case.
pub(in crate::mail) static STARTS: Words = Words::of(
    "on |le |am |il |el |em |op |den |w dniu |dnia |på |dne |în |pe |la |в |у |στις |vào |\
    no dia |a(z) |at |fra |från |von |del |de |on\u{a0}|在",
);

/// The words between the dashes of a separator, in lower case.
pub(in crate::mail) static SEPARATORS: Words = Words::of(
    "original message|original mail|original appointment|originalmessage|\
    forwarded message|forwarded by|ursprüngliche nachricht|ursprungliche nachricht|originalnachricht|\
    original-nachricht|weitergeleitete nachricht|message d'origine|message original|message d’origine|\
    message transféré|mensaje original|mensaje reenviado|messaggio originale|messaggio inoltrato|\
    mensagem original|oorspronkelijk bericht|ursprungligt meddelande|oprindelig meddelelse|\
    opprinnelig melding|пересылаемое сообщение|исходное сообщение|wiadomość oryginalna",
);

/// Lines that begin a forwarded mail without dashes, in lower case.
pub(in crate::mail) static FORWARDS: Words = Words::of(
    "begin forwarded message:|anfang der weitergeleiteten|début du message réexpédié|\
    inizio messaggio inoltrato|inicio del mensaje reenviado|reply above this line",
);

/// The names of header lines as mail programs translate them, in lower case: who wrote it.
pub(in crate::mail) static FROM_NAMES: Words =
    Words::of("from|von|de|da|van|fra|från|od|от|expéditeur|mittente|发件人|寄件者|差出人|보낸 사람");

/// The same: the other lines of such a block.
pub(in crate::mail) static OTHER_NAMES: Words = Words::of(
    "sent|date|to|cc|subject|reply-to|bcc|gesendet|datum|an|betreff|kopie|envoyé|à|\
    objet|enviado|enviado el|fecha|para|asunto|inviato|data|a|oggetto|verzonden|aan|onderwerp|skickat|till|\
    ämne|sendt|til|emne|wysłano|do|temat|отправлено|дата|кому|тема|发送时间|收件人|主题|日期|送信日時|宛先|件名|organization|\
    message-id|importance|envoyé le|odesláno|komu|předmět|assunto|data/hora|sujet|pour|보낸 날짜|날짜|받는 사람|제목|\
    寄件日期|收件者|主旨",
);

/// The same: the line of the subject.
pub(in crate::mail) static SUBJECT_NAMES: Words = Words::of(
    "subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|тема|předmět|predmet|aihe|tárgy|konu|\
    subiect|θέμα|主题|主旨|件名|제목",
);

/// How the lines begin that phones and mail programs put below, in lower case.
pub(in crate::mail) static DEVICES: Words = Words::of(
    "sent from |sent via |sent with |sent using |get outlook for |gesendet von |\
    von meinem |envoyé de mon |envoyé depuis |enviado desde |enviado do meu |enviado de mi |inviato da |\
    verzonden vanaf |verstuurd vanaf |skickat från |sendt fra |wysłane z |отправлено с ",
);

/// How lines greet, in lower case.
pub(in crate::mail) const GREETINGS: &str = "hi|hello|hey|dear|good morning|good afternoon|good evening|good day|greetings|hallo|liebe|guten |sehr |moin|servus|bonjour|\
    salut|cher|chère|bonsoir|hola|buenos|buenas|estimad|ciao|buongiorno|salve|gentile|olá|ola|bom dia|\
    boa tarde|prezad|beste|geachte|goede|hej|hei|kära|kjære|cześć|witam|dzień|szanown|ahoj|dobrý|\
    здравствуйте|привет|добрый|уважаем|你好|您好|各位|大家|こんにちは|お疲れ|お世話|안녕|merhaba|selam|γεια|\
    hoi|szia|sziasztok|bună|tere|labas|sveiki|terve|moi|zdravo|bok|привіт|вітаю|добрий|xin chào|สวัสดี|שלום|مرحبا|السلام|नमस्ते|\
    to whom it may concern";

/// What a gateway's banner says, in lower case: a word of each list.
pub(in crate::mail) const OUTSIDE: &str = "extern|outside|außerhalb|ausserhalb|extérieur|exterieur|estern|fuera|fora d|buiten|\
    utanför|ekstern|zewn|spoza|vnějš|külső|dışından|exterior|ulkopuol|ulkoi|εξωτερικ|внешн|外部|외부|[ext]|\
    unknown sender|don't often get|don’t often get|erhalten nicht oft|pas souvent|no suele recibir|\
    non si ricevono spesso|ontvangt niet vaak|não costuma receber|får inte ofta|modtager ikke ofte";
pub(in crate::mail) const MAILS: &str = "mail|message|nachricht|sender|absender|organi|courriel|expéditeur|mensaje|correo|\
    remitente|messaggi|mittente|bericht|afzender|meddelande|wiadomo|письм|сообщени|e-posta|viesti|邮件|郵件|メール|메일|link|[ext";

/// A list of words in lower case, parted by `|`. It is taken apart once, and most lines are told by their first or last
/// octet to do with none of them.
pub(in crate::mail) struct Words {
    list: &'static str,
    split: OnceLock<Split>,
}

struct Split {
    words: Vec<&'static str>,
    /// The octets that they begin with in either case, and those that they end with.
    first: [bool; 256],
    last: [bool; 256],
}

impl Words {
    pub(in crate::mail) const fn of(list: &'static str) -> Self {
        Self { list, split: OnceLock::new() }
    }

    fn split(&self) -> &Split {
        self.split.get_or_init(|| {
            let words: Vec<&str> = self.list.split('|').collect();
            let octets = |of: fn(&str) -> Option<u8>| {
                let mut octets = [false; 256];
                for octet in words.iter().filter_map(|w| of(w)) {
                    // The upper case of a letter outside of ASCII may have another octet.
                    let alike = |(n, _): &(usize, &mut bool)| same_octet(u8::try_from(*n).ok(), Some(octet));
                    octets.iter_mut().enumerate().filter(alike).for_each(|(_, is)| *is = true);
                }
                octets
            };
            let (first, last) = (octets(|w| w.bytes().next()), octets(|w| w.bytes().next_back()));
            Split { words, first, last }
        })
    }

    /// Whether a word is one of them.
    pub(in crate::mail) fn has(&self, word: &str) -> bool {
        self.split().words.contains(&word)
    }

    /// Whether one of them stands in a text of lower case.
    pub(in crate::mail) fn stands_in(&self, lower: &str) -> bool {
        self.split().words.iter().any(|w| lower.contains(w))
    }

    /// Whether a text begins with one of them, whatever its case.
    pub(in crate::mail) fn begins(&self, text: &str) -> bool {
        let Split { words, first, .. } = self.split();
        let possible = text.bytes().next().and_then(|c| first.get(usize::from(c)));
        possible == Some(&true) && words.iter().any(|w| starts_with(text, w))
    }

    /// Whether a text ends with one of them, whatever its case.
    pub(in crate::mail) fn ends(&self, text: &str) -> bool {
        let Split { words, last, .. } = self.split();
        let possible = text.bytes().next_back().and_then(|c| last.get(usize::from(c)));
        possible == Some(&true) && words.iter().any(|w| ends_with(text, w))
    }
}

/// Whether a text begins so, whatever its case; costs no copy, and mostly one comparison.
pub(in crate::mail) fn starts_with(text: &str, lower: &str) -> bool {
    // No upper-case letter outside of ASCII has a lower case within it that begins one of our words.
    if !same_octet(text.bytes().next(), lower.bytes().next()) {
        return false;
    }
    if let Some(start) = text.as_bytes().get(..lower.len()).filter(|start| start.is_ascii()) {
        return start.eq_ignore_ascii_case(lower.as_bytes());
    }
    let mut chars = text.chars().flat_map(char::to_lowercase);
    lower.chars().all(|c| chars.next() == Some(c))
}

/// Whether two octets could belong to the same letter in either case: all that is not ASCII could.
pub(in crate::mail) fn same_octet(a: Option<u8>, b: Option<u8>) -> bool {
    a.zip(b).is_some_and(|(a, b)| {
        if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(&b) } else { !a.is_ascii() && !b.is_ascii() }
    })
}

/// Whether a text ends so, whatever its case.
pub(in crate::mail) fn ends_with(text: &str, lower: &str) -> bool {
    if !same_octet(text.bytes().next_back(), lower.bytes().next_back()) {
        return false;
    }
    let mut chars = text.chars().rev().flat_map(char::to_lowercase);
    lower.chars().rev().all(|c| chars.next() == Some(c))
}
