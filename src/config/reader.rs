//! The TOML document as tables that know where each key and value stands.
//!
//! A mistake is noted and reading goes on, so that one look at the config finds all that is wrong with it.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Mistake, Places, any_of, nearest};
use super::keys::{KEYS, TOP, keys_of};

/// Every table of the config is shorter than this: more is a slip of a script, not a policy.
const MOST_ENTRIES: usize = 200;

/// More mistakes than this are one: it is another kind of file.
const MOST_MISTAKES: usize = 500;

/// What is wrong with a value, and what to write instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) write: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, write: impl Into<String>) -> Self {
        Self { what: what.into(), write: write.into() }
    }

    /// A sentence of the policy's readers: "what is wrong: write this".
    pub(super) fn sentence(why: &str, otherwise: &str) -> Self {
        let parts = why.rsplit_once(": write ").or_else(|| why.rsplit_once(" Write "));
        let (what, write) = parts.unwrap_or((why, otherwise));
        Self::new(what.trim_end_matches('?'), write)
    }
}

/// What was found while reading.
pub(super) struct Findings<'a> {
    file: &'a Path,
    places: Places<'a>,
    mistakes: RefCell<Vec<(usize, Wrong)>>,
    warnings: RefCell<Vec<(usize, String)>>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: &'a Path, text: &'a str) -> Self {
        Self { file, places: Places::new(text), mistakes: RefCell::default(), warnings: RefCell::default() }
    }

    /// Notes a mistake at a byte offset.
    pub(super) fn wrong(&self, at: usize, wrong: Wrong) {
        self.mistakes.borrow_mut().push((at, wrong));
    }

    /// Notes a warning: the value is accepted.
    pub(super) fn warn(&self, at: usize, what: impl Into<String>) {
        self.warnings.borrow_mut().push((at, what.into()));
    }

    /// The config, for paths that are relative to it.
    pub(super) fn file(&self) -> &'a Path {
        self.file
    }

    /// The warnings in the order of the file, each with its place; or all the mistakes.
    pub(super) fn finish(self) -> Result<Vec<String>, ConfigError> {
        let mut mistakes = self.mistakes.into_inner();
        if mistakes.is_empty() {
            let mut warnings = self.warnings.into_inner();
            warnings.sort_by_key(|(at, _)| *at);
            let placed = |(at, what): (usize, String)| {
                let (line, column) = self.places.find(at);
                format!("{}:{line}:{column}: {what}", self.file.display())
            };
            return Ok(warnings.into_iter().map(placed).collect());
        }
        mistakes.sort_by_key(|(at, _)| *at);
        mistakes.truncate(MOST_MISTAKES);
        let placed = |(at, wrong): (usize, Wrong)| {
            let (line, column) = self.places.find(at);
            Mistake { file: self.file.to_owned(), line, column, what: wrong.what, write: wrong.write }
        };
        Err(ConfigError::Mistakes(mistakes.into_iter().map(placed).collect()))
    }
}

/// One value, its key, and where they stand.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) key: &'a str,
    key_at: usize,
    at: usize,
    value: &'a DeValue<'a>,
    /// True for one entry of the list that the key holds.
    is_entry: bool,
    findings: &'a Findings<'a>,
}

impl<'a> Value<'a> {
    /// Notes that the value is wrong.
    pub(super) fn wrong(self, what: impl Into<String>, write: impl Into<String>) {
        self.findings.wrong(self.at, Wrong::new(what, write));
    }

    /// Notes that the key should not stand here.
    pub(super) fn wrong_key(self, what: impl Into<String>, write: impl Into<String>) {
        self.findings.wrong(self.key_at, Wrong::new(what, write));
    }

    /// Notes a warning: the value is accepted.
    pub(super) fn warn(self, what: impl Into<String>) {
        self.findings.warn(self.key_at, what);
    }

    /// A string; `example` is one to write.
    pub(super) fn string(self, example: &str) -> Option<&'a str> {
        let found = self.value.as_str();
        if found.is_none() {
            let before = if self.is_entry { String::new() } else { format!("{} = ", self.key) };
            self.kind("a string", &format!("{before}{example:?}"));
        }
        found
    }

    /// A string read by `read`.
    pub(super) fn parse<T>(self, example: &str, read: impl FnOnce(&'a str) -> Result<T, Wrong>) -> Option<T> {
        match read(self.string(example)?) {
            Ok(read) => Some(read),
            Err(wrong) => {
                self.findings.wrong(self.at, wrong);
                None
            }
        }
    }

    /// One of the words that name a choice, in capitals or not: no two choices differ by that alone.
    pub(super) fn choose<T: Copy>(self, noun: &str, choices: &[(&'static str, T)]) -> Option<T> {
        let words = || choices.iter().map(|(word, _)| *word);
        let example = words().next().unwrap_or_default();
        self.parse(example, |text| {
            choices.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, choice)| *choice).ok_or_else(
                || {
                    let write = nearest(text, words()).map_or_else(|| any_of(words()), |near| format!("{near:?}"));
                    Wrong::new(format!("unknown {noun} {text:?}"), write)
                },
            )
        })
    }

    /// The values of a list.
    pub(super) fn list(self, example: &str) -> Option<Vec<Value<'a>>> {
        let Some(items) = self.value.as_array() else {
            let own = self.value.as_str().unwrap_or(example);
            self.kind("a list", &format!("{} = [{own:?}]", self.key));
            return None;
        };
        if items.len() > MOST_ENTRIES {
            self.wrong(format!("{:?} has {} entries", self.key, items.len()), format!("at most {MOST_ENTRIES}"));
            return None;
        }
        let item = |item: &'a toml::Spanned<DeValue<'a>>| Value {
            at: item.span().start,
            value: item.get_ref(),
            is_entry: true,
            ..self
        };
        Some(items.iter().map(item).collect())
    }

    /// A date that stands without quotes, which TOML knows too.
    pub(super) fn bare_date(self) -> Option<String> {
        self.value.as_datetime().map(ToString::to_string)
    }

    /// True for `"…"`.
    pub(super) fn is_string(self) -> bool {
        self.value.is_str()
    }

    /// True for `[…]`.
    pub(super) fn is_list(self) -> bool {
        self.value.is_array()
    }

    /// The config, for paths that are relative to it.
    pub(super) fn file(self) -> &'a Path {
        self.findings.file
    }

    /// The table that stands here; its unknown keys are noted.
    pub(super) fn table(self, name: &'static str) -> Option<Table<'a>> {
        self.table_or(name, "a table", name)
    }

    /// The same, with what else is wanted when it is none, and what to write.
    pub(super) fn table_or(self, name: &'static str, wanted: &str, write: &str) -> Option<Table<'a>> {
        let Some(entries) = self.value.as_table() else {
            self.kind(wanted, write);
            return None;
        };
        Some(Table::new(name, self.at, entries, self.findings))
    }

    /// The values of a table whose keys are words of a person and not names of ours; `wanted` and `write` as in
    /// [`Value::table_or`].
    pub(super) fn entries(self, wanted: &str, write: &str) -> Option<Vec<Value<'a>>> {
        let Some(entries) = self.value.as_table() else {
            self.kind(wanted, write);
            return None;
        };
        let entry = |(key, value): (&'a toml::Spanned<_>, &'a toml::Spanned<DeValue<'a>>)| Value {
            key: AsRef::<str>::as_ref(key.get_ref()),
            key_at: key.span().start,
            at: value.span().start,
            value: value.get_ref(),
            ..self
        };
        Some(entries.iter().map(entry).collect())
    }

    fn kind(self, wanted: &str, write: &str) {
        let article = if self.value.is_integer() || self.value.is_array() { "an" } else { "a" };
        let what = if self.is_entry { "an entry of " } else { "" };
        let found = self.value.type_str();
        self.wrong(format!("{what}{:?} must be {wanted}, not {article} {found}", self.key), write);
    }
}

/// One table of the config.
pub(super) struct Table<'a> {
    /// As it stands in the file: `[project]`, `[[person]]`.
    pub(super) name: &'static str,
    at: usize,
    entries: &'a DeTable<'a>,
    /// The keys that were offered in place of unknown ones: that they are missing is said already.
    offered: Vec<&'static str>,
    pub(super) findings: &'a Findings<'a>,
}

impl<'a> Table<'a> {
    /// Notes each key that no table of this name has.
    pub(super) fn new(
        name: &'static str,
        at: usize,
        entries: &'a DeTable<'a>,
        findings: &'a Findings<'a>,
    ) -> Table<'a> {
        let mut offered = Vec::new();
        for (key, value) in entries.iter().filter(|(key, _)| !keys_of(name).contains(&key.get_ref().as_ref())) {
            let is_head = |value: &DeValue<'_>| value.is_table();
            let entries = value.get_ref().as_array().and_then(|entries| entries.first());
            let is_table = is_head(value.get_ref()) || entries.is_some_and(|first| is_head(first.get_ref()));
            let (wrong, key_offered) = unknown(key.get_ref(), is_table, name);
            findings.wrong(key.span().start, wrong);
            offered.extend(key_offered);
        }
        Table { name, at, entries, offered, findings }
    }

    /// Whether a key is not there and was offered in place of an unknown one.
    pub(super) fn misspelt(&self, key: &str) -> bool {
        self.offered.contains(&key) && self.entries.get_key_value(key).is_none()
    }

    /// Notes that something is missing here, or wrong as a whole.
    pub(super) fn wrong(&self, what: impl Into<String>, write: impl Into<String>) {
        self.findings.wrong(self.at, Wrong::new(what, write));
    }

    /// Notes a warning: the value is accepted.
    pub(super) fn warn(&self, what: impl Into<String>) {
        self.findings.warn(self.at, what);
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<Value<'a>> {
        debug_assert!(keys_of(self.name).contains(&key), "{key} of {} is missing in KEYS", self.name);
        let (name, value) = self.entries.get_key_value(key)?;
        let (key, key_at, at) = (name.get_ref().as_ref(), name.span().start, value.span().start);
        Some(Value { key, key_at, at, value: value.get_ref(), is_entry: false, findings: self.findings })
    }

    /// The value of a key that must be there; `example` is how to write it.
    pub(super) fn need(&self, key: &str, example: &str) -> Option<Value<'a>> {
        let found = self.get(key);
        if found.is_none() && !self.misspelt(key) {
            self.wrong(format!("{} has no {key:?}", self.name), format!("{key} = {example:?}"));
        }
        found
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, key: &str, default: bool) -> bool {
        let Some(value) = self.get(key) else { return default };
        value.value.as_bool().unwrap_or_else(|| {
            value.kind("true or false", &format!("{key} = {default}"));
            default
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, key: &str, default: u32, bounds: &RangeInclusive<u32>) -> u32 {
        let Some(value) = self.get(key) else { return default };
        let Some(number) = value.value.as_integer() else {
            value.kind("a whole number", &format!("{key} = {default}"));
            return default;
        };
        let read = u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| bounds.contains(n));
        read.unwrap_or_else(|| {
            let (least, most) = (bounds.start(), bounds.end());
            value.wrong(format!("{key} = {number} is out of bounds"), format!("a number from {least} to {most}"));
            default
        })
    }

    /// The table below a key, if it is there.
    pub(super) fn table(&self, key: &str, name: &'static str) -> Option<Table<'a>> {
        self.get(key)?.table(name)
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, key: &str, name: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        if value.value.is_table() {
            value.wrong(format!("{key:?} must be a list of tables"), name);
            return Vec::new();
        }
        value.list(name).unwrap_or_default().into_iter().filter_map(|item| item.table(name)).collect()
    }
}

/// What to say of a key that a table does not have, and the key that was probably meant.
fn unknown(key: &str, is_table: bool, table: &'static str) -> (Wrong, Option<&'static str>) {
    let own = keys_of(table);
    if own.contains(&"password_file") && ["password", "passwd", "pass", "secret", "token"].contains(&key) {
        let what = format!("{key:?} in {table}: secrets do not stand in the config");
        let write = "password_file, password_credential or password_command";
        return (Wrong::new(what, write), Some("password_file"));
    }
    let what = match table {
        TOP if is_table => format!("unknown table [{key}]"),
        TOP => format!("unknown key {key:?} above the first table"),
        _ => format!("unknown key {key:?} in {table}"),
    };
    if let Some(near) = nearest(key, own.iter().copied()) {
        let write = if table == TOP { head_of(near) } else { format!("{near:?}") };
        return (Wrong::new(what, write), Some(near));
    }
    // The head of an inner table without the outer: [imap].
    let is_inner = |head: &&str| head.trim_matches(['[', ']']).rsplit_once('.').is_some_and(|(_, last)| last == key);
    if let Some(head) = KEYS.iter().map(|(head, _)| *head).find(is_inner).filter(|_| table == TOP) {
        return (Wrong::new(what, head), None);
    }
    // The right key in the wrong place: below this table rather than anywhere else.
    let inner = table.trim_end_matches(']');
    let homes = |key: &str| {
        let homes = || KEYS.iter().filter(|(_, keys)| keys.contains(&key)).map(|(home, _)| *home);
        homes().find(|home| home.starts_with(inner)).or_else(|| homes().next())
    };
    if let Some(home) = homes(key) {
        return (Wrong::new(what, format!("it in {home}")), None);
    }
    // The same, misspelt.
    let all = KEYS.iter().filter(|(home, _)| *home != TOP).flat_map(|(_, keys)| keys.iter().copied());
    if let Some((near, home)) = nearest(key, all).and_then(|near| Some((near, homes(near)?))) {
        return (Wrong::new(what, format!("{near:?} in {home}")), None);
    }
    let write = match table {
        TOP => own.iter().map(|key| head_of(key)).collect::<Vec<_>>().join(", "),
        _ => any_of(own.iter().copied()),
    };
    (Wrong::new(what, write), None)
}

/// `[project]`, `[[person]]`.
fn head_of(key: &str) -> String {
    let is_head = |name: &&str| name.trim_matches(['[', ']']) == key;
    KEYS.iter().map(|(name, _)| *name).find(is_head).unwrap_or(key).to_owned()
}

/// Notes what the TOML parser says, in the words of this program. Of one line only the first: the others
/// follow from it.
pub(super) fn note_syntax(findings: &Findings<'_>, errors: &[toml::de::Error]) {
    let mut last_line = None;
    for error in errors {
        let at = error.span().map_or(0, |span| span.start);
        let line = findings.places.line(at);
        if last_line.replace(line) == Some(line) {
            continue;
        }
        let (what, expected) = error.message().split_once(", expected ").unwrap_or((error.message(), ""));
        let write = match what {
            "duplicate key" => "each key once",
            "string values must be quoted" => "\"…\" around it",
            "unexpected leading zero" => "the number without it",
            _ if expected.is_empty() => "TOML (https://toml.io)",
            _ => expected,
        };
        findings.wrong(at, Wrong::new(format!("not TOML: {what}"), write));
    }
}
