//! Command lines as they are written at the head of a text, each read once.

use super::table::{Ask, Command, Reads, TABLE, Verb, verbs};
use crate::mail::reply::head;
use crate::vocabulary::trim_blanks;

/// The command lines at the head of a text, and the text below them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// The lines, at most [`LINES_MAX`] of them read.
    pub lines: Vec<Line>,
    /// What stands below.
    pub text: String,
}

/// A line that begins like a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As written, from its `/` on.
    pub written: String,
    /// What it asks for, or what is wrong with it and where.
    pub read: Result<Asked, Fault>,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The row of the table.
    pub verb: &'static Verb,
    /// The command.
    pub command: Command,
}

/// Why a line is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The character that the caret points at, from 0.
    pub column: usize,
    /// What is wrong, and what to write.
    pub what: String,
}

/// How many command lines one mail may hold.
pub(crate) const LINES_MAX: usize = 20;
const LINE_MAX: usize = 200;

impl Orders {
    /// Whether they are this command and nothing else.
    pub fn are_only(&self, command: &Command) -> bool {
        matches!(self.lines.as_slice(), [Line { read: Ok(asked), .. }] if asked.command == *command)
    }

    /// The commands that could be read.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.lines.iter().filter_map(|l| l.read.as_ref().ok()).map(|asked| &asked.command)
    }

    /// The text below, for a command that takes it. As the reason of a new date it leaves where no other takes it.
    pub fn text_for(&self, command: &Command) -> &str {
        let is_reason = || matches!(command, Command::Extend { .. }) && !self.commands().any(Command::takes_text);
        if command.takes_text() || is_reason() { &self.text } else { "" }
    }

    /// The words of a person that these commands send to the reporter.
    pub fn sends(&self) -> impl Iterator<Item = &str> {
        self.commands().filter_map(|command| command.sends(self.text_for(command)))
    }

    /// The lines as written.
    pub fn written(&self) -> Vec<&str> {
        self.lines.iter().map(|l| l.written.as_str()).collect()
    }
}

/// The first lines that begin with `/` are the commands; the first other line ends them. Empty lines before and
/// between are passed over.
pub fn split(text: &str) -> Orders {
    let (lines, text) = head(text);
    let too_many = || Fault { column: 0, what: format!("a mail holds at most {LINES_MAX} commands") };
    let read = |(at, line): (usize, &str)| Line {
        written: line.to_owned(),
        read: if at < LINES_MAX { parse(line) } else { Err(too_many()) },
    };
    Orders { lines: lines.into_iter().enumerate().map(read).collect(), text: text.to_owned() }
}

/// What a reporter asks for on the first lines; what is not understood is simply text for the team.
pub(crate) fn asks(text: &str) -> Vec<Ask> {
    let read = |line: &&str| {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let name = name.strip_prefix('/')?;
        TABLE.iter().filter(|v| v.name.eq_ignore_ascii_case(name)).find_map(|v| match v.reads {
            Reads::Ask(ask) => ask(rest),
            Reads::Command(_) => None,
        })
    };
    head(text).0.iter().take(LINES_MAX).filter_map(read).collect()
}

/// Reads one line of the team's that begins with `/`.
///
/// # Errors
/// What is wrong, where, and what to write.
pub fn parse(line: &str) -> Result<Asked, Fault> {
    if line.chars().count() > LINE_MAX {
        return Err(Fault { column: LINE_MAX, what: format!("a command line has at most {LINE_MAX} characters") });
    }
    let body = line.strip_prefix('/').unwrap_or(line);
    let (name, arguments) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
    let name = name.to_ascii_lowercase();
    let found = verbs().find_map(|v| match v.reads {
        Reads::Command(read) if v.name == name => Some((v, read)),
        Reads::Command(_) | Reads::Ask(_) => None,
    });
    let Some((verb, read)) = found else {
        let near = verbs().map(|v| (distance(v.name, &name), v.name)).min();
        let what = match near {
            Some((d, near)) if d <= 2 => format!("there is no /{name}; did you mean /{near}?"),
            _ => format!("there is no /{name}; /help lists what there is"),
        };
        return Err(Fault { column: 1, what });
    };
    let column = 1 + name.chars().count() + usize::from(!arguments.is_empty());
    read(trim_blanks(arguments))
        .map(|command| Asked { verb, command })
        .map_err(|what| Fault { column, what: format!("{what}; for example: {}", verb.example) })
}

/// How many letters to change, add, drop or swap with a neighbour to get from one word to the other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(40).collect(), b.chars().take(40).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |r: &[usize], k: usize| r.get(k).copied().unwrap_or(usize::MAX / 2);
            let mut cost = (at(&row, j) + usize::from(x != y)).min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                cost = cost.min(at(&before, j - 1) + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_stand_at_the_head_only() {
        let check = |text: &str, lines: &[&str], rest: &str| {
            let orders = split(text);
            assert_eq!((orders.written().as_slice(), orders.text.as_str()), (lines, rest));
        };
        check("/ack\n", &["/ack"], "");
        check("\n  /ack\n\n/severity high\nThanks!\n/close\n", &["/ack", "/severity high"], "Thanks!\n/close");
        check("Hello\n/close\n", &[], "Hello\n/close");
        check("> /close\n/ack\n", &[], "> /close\n/ack");
        check("/usr/bin/x crashes\n", &[], "/usr/bin/x crashes");
        check("/ close\n", &[], "/ close");
        check("// comment\n", &[], "// comment");
        check("", &[], "");
    }

    #[test]
    fn no_two_rows_of_the_table_are_one() {
        for verb in verbs() {
            assert_eq!(verbs().filter(|other| *other == verb).count(), 1, "{}", verb.name);
        }
    }

    #[test]
    fn one_command_alone_is_told_from_one_among_others() {
        assert!(split("/list\n\ntext").are_only(&Command::List));
        assert!(!split("/severity high\n/list").are_only(&Command::List));
        assert!(!split("/help").are_only(&Command::List));
        assert!(!split("text").are_only(&Command::List));
    }

    #[test]
    fn no_more_is_read_than_a_mail_may_hold() {
        let orders = split(&"/ack\n".repeat(LINES_MAX + 2));
        assert_eq!(orders.lines.len(), LINES_MAX + 2);
        assert_eq!(orders.lines.iter().filter(|l| l.read.is_ok()).count(), LINES_MAX);
    }

    #[test]
    fn reporters_ask_and_never_command() {
        let check = |text: &str, expect: &[Ask]| assert_eq!(asks(text), expect, "{text}");
        check("/status\nHow is it?", &[Ask::Status]);
        check(
            "/CREDIT  R. Porter \n/close\n/withdraw",
            &[Ask::Credit("R. Porter".into()), Ask::Withdraw(String::new())],
        );
        check("/credit", &[]);
        check("Hello\n/status", &[]);
        let mut names = Vec::new();
        for verb in super::super::table::reporters_verbs() {
            assert_eq!(asks(verb.example).len(), 1, "{}", verb.example);
            names.push(verb.name);
        }
        assert!(names.contains(&"status") && names.contains(&"withdraw"), "{names:?}");
    }

    #[test]
    fn each_example_is_understood_and_each_fault_says_what_to_write() {
        for verb in verbs() {
            assert_eq!(parse(verb.example).map(|asked| asked.verb.name), Ok(verb.name), "{}", verb.example);
        }
        let check = |line: &str, column: usize, what: &str| {
            let fault = parse(line).unwrap_err();
            assert_eq!((fault.column, fault.what.as_str()), (column, what), "{line}");
        };
        check("/acept", 1, "there is no /acept; did you mean /accept?");
        check("/frobnicate", 1, "there is no /frobnicate; /help lists what there is");
        check(
            "/severity bad",
            10,
            "\"bad\" is no severity; write low, medium, high or critical; for example: /severity high",
        );
        for odd in ["\u{3000}", "\u{2003}"] {
            let line = format!("{odd}/assign{odd}dana@example.org{odd}");
            let orders = split(&crate::mail::reply::new_text(&line));
            let to = Command::Assign(format!("dana@example.org{odd}"));
            assert!(orders.are_only(&to), "no blank of mail: {orders:?}");
        }
        check("/assign", 7, "this needs the name or the address of a person; for example: /assign dana");
        check("/ack now", 5, "this takes nothing on its line; write text below it; for example: /ack");
    }
}
