//! Who uses whom in the sources, read from their text: `use` lines with groups, aliases and re-exports, and full paths
//! in bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A module as the names that lead to it: `["ticket", "clock"]`; the crate itself has none.
pub(crate) type Module = Vec<String>;

/// The sources of the crate.
pub(crate) struct House {
    files: BTreeMap<Module, File>,
}

/// One source file.
pub(crate) struct File {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its code: no comments, no texts, no tests at its end.
    pub(crate) code: String,
    uses: Vec<Use>,
}

/// What a `use` line brings in, resolved from the root of the crate.
struct Use {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

impl House {
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let paths = sources(&root);
        assert!(paths.len() > 60);
        let is_test = |p: &Path| p.ends_with("tests.rs") || p.components().any(|c| c.as_os_str() == "tests");
        let sources = paths.into_iter().filter(|p| !is_test(p.strip_prefix(&root).unwrap())).map(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let module = name.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
            (module, path.clone(), fs::read_to_string(&path).unwrap())
        });
        Self::of(sources)
    }

    /// A house of these (module, path, text).
    pub(crate) fn of(sources: impl Iterator<Item = (Module, PathBuf, String)>) -> Self {
        let files = sources.map(|(module, path, text)| {
            let module = if module == ["lib"] { Module::new() } else { module };
            let code = code(&text);
            let uses = uses(&code, &module);
            (module, File { path, code, uses })
        });
        Self { files: files.collect() }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&Module, &File)> {
        self.files.iter()
    }

    /// All that a file names of this crate, resolved from its root, whether it imports it or spells it out.
    pub(crate) fn names(&self, module: &Module) -> BTreeSet<Vec<String>> {
        let file = &self.files[module];
        let mut named: BTreeSet<Vec<String>> = file.uses.iter().map(|u| u.path.clone()).collect();
        let mut depth = Vec::new();
        for path in paths(&file.code) {
            match path {
                Token::Open(name) => depth.push(name),
                Token::Close => drop(depth.pop()),
                Token::Path(path) => {
                    let inner: Vec<String> = depth.iter().flatten().cloned().collect();
                    let here: Vec<String> = module.iter().cloned().chain(inner).collect();
                    let imported = file.uses.iter().find(|u| u.name == path[0]);
                    if let Some(path) = absolute(&path, &here) {
                        named.insert(path);
                    } else if let Some(used) = imported.filter(|_| path.len() > 1) {
                        named.insert(used.path.iter().chain(&path[1..]).cloned().collect());
                    } else {
                        let child: Vec<String> = module.iter().chain(&path).cloned().collect();
                        if path.len() > 1 && self.files.contains_key(&child[..=module.len()]) {
                            named.insert(child);
                        }
                    }
                }
            }
        }
        named.retain(|path| !path.is_empty());
        named
    }

    /// The file that defines what a path names: a name that a file only passes on is looked up where it stands.
    pub(crate) fn home(&self, path: &[String]) -> Option<&Module> {
        self.home_within(path, 8)
    }

    fn home_within(&self, path: &[String], steps: usize) -> Option<&Module> {
        let length = (1..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]))?;
        let (module, file) = self.files.get_key_value(&path[..length])?;
        let passed_on = |name: &String| file.uses.iter().find(|u| u.is_public && u.name == *name);
        match path.get(length).and_then(passed_on).filter(|_| steps > 0) {
            Some(used) => self.home_within(&used.path, steps - 1),
            None => Some(module),
        }
    }

    /// The files of this crate that a file uses, each with the names that it takes from there; without what it only
    /// passes on.
    pub(crate) fn used(&self, module: &Module) -> BTreeMap<&Module, Vec<String>> {
        let passed_on = |path: &Vec<String>| self.files[module].uses.iter().any(|u| u.is_public && u.path == *path);
        let mut used: BTreeMap<&Module, Vec<String>> = BTreeMap::new();
        for path in self.names(module).iter().filter(|p| !passed_on(p)) {
            match self.home(path) {
                // A module alone is named on the way to what is in it.
                Some(home) if home != module && home != path => {
                    used.entry(home).or_default().extend(path.last().cloned())
                }
                Some(_) | None => {}
            }
        }
        used
    }
}

/// All Rust files below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// A path from the root of the crate; `None` for one that begins elsewhere.
fn absolute(path: &[String], here: &[String]) -> Option<Vec<String>> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" | "disclosed" => Some(rest.to_vec()),
        "self" => Some(here.iter().chain(rest).cloned().collect()),
        "super" => {
            let ups = path.iter().take_while(|p| *p == "super").count();
            let above = here.get(..here.len().checked_sub(ups)?)?;
            Some(above.iter().chain(&path[ups..]).cloned().collect())
        }
        _ => None,
    }
}

/// Code without comments, texts and the tests at its end.
fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.split("\n#[cfg(test)]").next().unwrap();
    while let Some(c) = rest.chars().next() {
        let is_raw =
            || rest.trim_start_matches('r').trim_start_matches('#').starts_with('"') && !out.ends_with(is_word);
        let after = if let Some(comment) = rest.strip_prefix("//") {
            comment.split_at(comment.find('\n').unwrap_or(comment.len())).1
        } else if (rest.starts_with("r\"") || rest.starts_with("r#")) && is_raw() {
            let (hashes, body) = rest.split_once('"').unwrap();
            body.split_once(&format!("\"{}", hashes.replace('r', ""))).unwrap().1
        } else if let Some(body) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = body.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            body.split_at(end.unwrap() + 1).1
        } else if let Some(escape) = rest.strip_prefix("'\\") {
            let mut chars = escape.chars();
            chars.next();
            chars.as_str().split_once('\'').unwrap().1
        } else if c == '\'' && rest.chars().nth(2) == Some('\'') {
            rest.split_at(c.len_utf8() * 2 + rest.chars().nth(1).unwrap().len_utf8()).1
        } else {
            out.push(c);
            rest.split_at(c.len_utf8()).1
        };
        rest = after;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The `use` lines of a file.
fn uses(code: &str, module: &[String]) -> Vec<Use> {
    let mut found = Vec::new();
    for statement in code.split(['\n', '{', '}', ';']).filter(|l| !l.trim().is_empty()).zip(starts(code)) {
        let (line, at) = statement;
        let (is_public, tree) = match line.trim_start() {
            l if l.starts_with("use ") => (false, at + line.find("use ").unwrap() + 4),
            l if l.starts_with("pub") && l.contains(" use ") => (true, at + line.find(" use ").unwrap() + 5),
            _ => continue,
        };
        let tree = code.split_at(tree).1.split(';').next().unwrap();
        let mut flat = Vec::new();
        flatten(&[], tree, &mut flat);
        for (path, name) in flat {
            // What is not of this crate begins with the name of another one, or with a child of this module.
            let absolute = absolute(&path, module);
            let child = || module.iter().chain(&path).cloned().collect();
            let path = absolute.unwrap_or_else(child);
            found.push(Use { name, path, is_public });
        }
    }
    found
}

/// Where the pieces that [`uses`] looks at begin.
fn starts(code: &str) -> impl Iterator<Item = usize> {
    let mut from = 0;
    let pieces = code.split(['\n', '{', '}', ';']).map(move |piece| {
        let at = from;
        from += piece.len() + 1;
        (at, piece)
    });
    pieces.filter(|(_, piece)| !piece.trim().is_empty()).map(|(at, _)| at)
}

/// The paths of a tree, each with the name that it brings in.
fn flatten(before: &[String], tree: &str, into: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head, Some(group.rsplit_once('}').unwrap().0)),
        None => (tree, None),
    };
    let (head, alias) = head.split_once(" as ").unwrap_or((head, ""));
    let mut path = before.to_vec();
    path.extend(head.split("::").map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned));
    let Some(group) = group else {
        path.retain(|p| p != "self" || path_is_self(before));
        let name = if alias.is_empty() { path.last().cloned().unwrap_or_default() } else { alias.trim().to_owned() };
        into.push((path, name));
        return;
    };
    let mut depth = 0;
    let parts = group.split(|c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts.filter(|p| !p.trim().is_empty()).for_each(|part| flatten(&path, part, into));
}

/// Whether a `self` can only be the first word of a path.
fn path_is_self(before: &[String]) -> bool {
    before.is_empty()
}

/// What a body is made of, as far as it matters here.
enum Token {
    Path(Vec<String>),
    /// A brace opens, of a module of that name or of anything.
    Open(Option<String>),
    Close,
}

fn paths(code: &str) -> Vec<Token> {
    let word = |text: &'_ str| text.find(|c| !is_word(c)).unwrap_or(text.len());
    let mut found = Vec::new();
    let mut rest = code;
    let mut module = None;
    while let Some(c) = rest.chars().next() {
        if is_word(c) {
            let mut path = Vec::new();
            loop {
                let (name, after) = rest.split_at(word(rest));
                path.push(name.to_owned());
                rest = after;
                match rest.strip_prefix("::").filter(|r| r.starts_with(is_word)) {
                    Some(after) => rest = after,
                    None => break,
                }
            }
            if path == ["mod"] {
                let name = rest.trim_start();
                module = Some(name.split_at(word(name)).0.to_owned());
            }
            found.push(Token::Path(path));
            continue;
        }
        match c {
            '{' => found.push(Token::Open(module.take())),
            '}' => found.push(Token::Close),
            ';' => module = None,
            _ => {}
        }
        rest = rest.split_at(c.len_utf8()).1;
    }
    found
}
