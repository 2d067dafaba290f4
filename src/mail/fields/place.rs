//! Where the source of a flaw is: paths of files, commits, addresses of code.

use super::cues::SOURCES;

/// The longest path or address that is taken.
const LONGEST: usize = 200;

/// The digits of a whole SHA-1.
pub(super) const WHOLE_COMMIT: usize = 40;

/// Segments of an address that name a state of a source.
const STATES: [&str; 12] =
    ["blame", "blob", "changeset", "commit", "commits", "raw", "rev", "revision", "tag", "tags", "tree", "src"];

/// Whether what follows the last dot of a token begins as the extension of a source file does: all but a few fail here.
pub(super) fn may_be_path(token: &[u8]) -> bool {
    let last = token.rsplit(|c| *c == b'.').next().unwrap_or_default();
    let extension = last.split(|c| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    SOURCES.bits(extension) != 0
}

/// The path of a source file in a token, with its line where one stands: "src/foo/bar.c:120". Relative or from "/";
/// none that climbs ("../../etc/app.toml" is rather an attack), and none of Windows.
pub(super) fn path(token: &str) -> Option<String> {
    let token = token.trim_start_matches(|c: char| !(c.is_ascii_alphanumeric() || "./_@".contains(c)));
    let good = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
    let end = token.find(|c: char| !good(c)).unwrap_or(token.len());
    let (path, rest) = token.split_at_checked(end)?;
    let path = path.trim_end_matches(['.', '-', '/']);
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let (stem, extension) = name.rsplit_once('.')?;
    let line = line_number(rest);
    let is_file = !stem.is_empty() && SOURCES.bits(extension.as_bytes()) != 0;
    // With neither folder nor line, "Node.js" is rather a product, "U.S" no file, and "reply.json()" a call.
    let is_alone = !path.contains('/') && line.is_none();
    let is_other = extension.eq_ignore_ascii_case("js") || stem.len() < 2 || rest.starts_with('(');
    let climbs = folder.split('/').any(|f| f == "..");
    let is_bad = climbs || path.starts_with("//") || path.len() > LONGEST || rest.starts_with(['\\', '=']);
    if !is_file || is_alone && is_other || is_bad {
        return None;
    }
    Some(line.map_or_else(|| path.to_owned(), |line| format!("{path}:{line}")))
}

/// "120" of ":120:5)" or "#L120".
fn line_number(rest: &str) -> Option<&str> {
    let digits = rest.strip_prefix(':').or_else(|| rest.strip_prefix("#L"))?;
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end).filter(|d| (1..=7).contains(&d.len()))
}

/// The web address in a token, without what stands around it.
pub(super) fn url(token: &str) -> Option<&str> {
    let start = token.find("https://").or_else(|| token.find("http://"))?;
    let url = token.get(start..)?;
    let end = url.find(|c: char| !c.is_ascii_graphic() || "<>()[]{}\"'`|\\^".contains(c)).unwrap_or(url.len());
    let url = url.get(..end)?.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_']);
    (url.len() > "https://".len() && url.len() <= LONGEST).then_some(url)
}

/// Whether an address is that of code at a tag, a branch or a commit.
pub(super) fn is_state(url: &str) -> bool {
    let after_host = url.splitn(4, '/').nth(3).unwrap_or_default();
    let path = after_host.split(['?', '#']).next().unwrap_or_default();
    // A name, a word for a state, and the state behind it.
    let mut segments = path.split('/').filter(|s| !s.is_empty()).skip(1);
    let by_path = segments.any(|s| STATES.contains(&s)) && segments.next().is_some();
    by_path || ["?h=", "?id=", "&id="].iter().any(|q| url.contains(q))
}

/// Whether a word is the hash of a commit. `announced`: a word before it says so; else only a whole SHA-1 is one, since
/// memory is full of shorter ones.
pub(super) fn is_commit(word: &[u8], announced: bool) -> bool {
    let long_enough = word.len() == WHOLE_COMMIT || announced && (7..=WHOLE_COMMIT).contains(&word.len());
    long_enough && word.iter().all(u8::is_ascii_hexdigit) && word.iter().any(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_source_files() {
        for (token, expect) in [
            ("src/foo/bar.c:120", Some("src/foo/bar.c:120")),
            ("(`lib/x.rb`),", Some("lib/x.rb")),
            ("/build/app/main.rs:12:5", Some("/build/app/main.rs:12")),
            ("./a/b.py.", Some("./a/b.py")),
            ("a/b.go#L7-L9", Some("a/b.go:7")),
            ("parser.c", Some("parser.c")),
            ("index.php", Some("index.php")),
            ("app.js:3", Some("app.js:3")),
            ("**src/App.vue**", Some("src/App.vue")),
            ("Node.js", None),
            ("next.js,", None),
            ("and/or", None),
            ("HTTP/1.1", None),
            ("/etc/passwd", None),
            ("../../config/app.toml", None),
            ("C:\\app\\main.cs", None),
            ("src\\main.cs", None),
            ("example.org", None),
            ("//evil.example/x.js", None),
            ("U.S.", None),
            ("reply.json()", None),
            (".c", None),
            ("", None),
        ] {
            assert_eq!(path(token).as_deref(), expect, "{token}");
        }
        assert_eq!(path(&format!("{}/x.c", "a".repeat(250))), None);
    }

    #[test]
    fn addresses_and_the_states_they_name() {
        for (token, expect, is_of_code) in [
            ("(https://git.example/a/b/commit/3f2a9b1).", Some("https://git.example/a/b/commit/3f2a9b1"), true),
            (
                "[x](https://git.example/a/b/blob/main/src/x.c#L7)",
                Some("https://git.example/a/b/blob/main/src/x.c#L7"),
                true,
            ),
            ("<https://git.example/a/b/releases/tag/v1.2>", Some("https://git.example/a/b/releases/tag/v1.2"), true),
            (
                "https://git.example/b.git/commit/?id=3f2a9b1",
                Some("https://git.example/b.git/commit/?id=3f2a9b1"),
                true,
            ),
            ("https://git.example/a/b/tags", Some("https://git.example/a/b/tags"), false),
            ("http://shop.example/login", Some("http://shop.example/login"), false),
            ("https://", None, false),
            ("nothing", None, false),
        ] {
            assert_eq!(url(token), expect, "{token}");
            assert_eq!(expect.is_some_and(is_state), is_of_code, "{token}");
        }
    }

    #[test]
    fn commits() {
        let whole = "3f2a9b1c".repeat(5);
        for (word, announced, expect) in [
            (whole.as_str(), false, true),
            ("3f2a9b1", true, true),
            ("3f2a9b1", false, false),
            ("defaced", true, false),
            ("3f2a9b", true, false),
            ("3f2a9bz", true, false),
            ("", true, false),
        ] {
            assert_eq!(is_commit(word.as_bytes(), announced), expect, "{word}");
        }
    }
}
