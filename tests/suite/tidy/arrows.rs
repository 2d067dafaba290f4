//! Who uses whom in the sources, read from their tokens: `use` lines with groups, aliases and re-exports, and full
//! paths in bodies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A module as the names that lead to it: `["ticket", "clock"]`; the crate itself has none.
pub(crate) type Module = Vec<String>;

/// What stands for all of a module, and for the root of the crate by itself: whoever holds it can reach everything.
const ALL: &str = "*";

/// The sources of the crate.
pub(crate) struct House {
    files: BTreeMap<Module, File>,
}

/// One source file.
pub(crate) struct File {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Its code: no comments, no texts, no tests. A word has no `r#` before it, `::` is one token.
    tokens: Vec<String>,
    uses: Vec<Use>,
}

/// What a `use` line brings in.
struct Use {
    name: String,
    /// As it is written.
    written: Vec<String>,
    /// From the root of the crate, as if what is of another crate were a child of this module.
    path: Module,
    is_public: bool,
}

impl House {
    pub(crate) fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let house = Self::of(sources(&root).into_iter().map(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            let module = name.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
            let text = fs::read_to_string(&path).unwrap();
            (module, path, text)
        }));
        assert!(house.files.len() > 60);
        house
    }

    /// A house of these (module, path, text). Tests are the files that the code of no other one declares.
    pub(crate) fn of(sources: impl Iterator<Item = (Module, PathBuf, String)>) -> Self {
        let mut files: BTreeMap<Module, File> = sources
            .map(|(module, path, text)| {
                let module = if module == ["lib"] { Module::new() } else { module };
                let stream = text.parse().unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let tokens = tokens(stream);
                let uses = uses(&tokens, &module);
                (module, File { path, tokens, uses })
            })
            .collect();
        let is_declared = |module: &Module| match module.split_last() {
            None => true,
            Some((name, above)) => {
                module == &["main"] || files.get(above).is_some_and(|f| f.says(&["mod", name.as_str(), ";"]))
            }
        };
        let all: Vec<Module> = files.keys().cloned().collect();
        let code: BTreeSet<Module> =
            all.into_iter().filter(|m| (0..=m.len()).all(|n| is_declared(&m[..n].to_vec()))).collect();
        files.retain(|module, _| code.contains(module));
        Self { files }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (&Module, &File)> {
        self.files.iter()
    }

    /// All that a file names of this crate, resolved from its root, whether it imports it or spells it out.
    pub(crate) fn names(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.files[module];
        let mut named: BTreeSet<Module> = file.uses.iter().map(|u| u.path.clone()).collect();
        for (here, path) in file.paths(module) {
            let imported = file.uses.iter().find(|u| u.name == path[0]);
            if let Some(path) = absolute(&path, &here) {
                named.insert(path);
            } else if let Some(used) = imported.filter(|_| path.len() > 1) {
                named.insert(used.path.iter().chain(&path[1..]).cloned().collect());
            } else {
                let child: Module = module.iter().chain(&path).cloned().collect();
                if path.len() > 1 && self.files.contains_key(&child[..=module.len()]) {
                    named.insert(child);
                }
            }
        }
        named
    }

    /// All that a file names of other crates: `["std", "fs"]`.
    pub(crate) fn outside(&self, module: &Module) -> BTreeSet<Vec<String>> {
        let file = &self.files[module];
        let written = file.uses.iter().map(|u| u.written.clone());
        let mut named: BTreeSet<Vec<String>> = written.collect();
        for (here, path) in file.paths(module).into_iter().filter(|(_, path)| path.len() > 1) {
            match file.uses.iter().find(|u| u.name == path[0]) {
                _ if absolute(&path, &here).is_some() => {}
                Some(used) => drop(named.insert(used.written.iter().chain(&path[1..]).cloned().collect())),
                None => drop(named.insert(path)),
            }
        }
        named
    }

    /// The file that defines what a path names: a name that a file only passes on is looked up where it stands.
    pub(crate) fn home(&self, path: &[String]) -> Option<&Module> {
        self.home_within(path, 8)
    }

    fn home_within(&self, path: &[String], steps: usize) -> Option<&Module> {
        let length = (0..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]))?;
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
        let passed_on = |path: &Module| self.files[module].uses.iter().any(|u| u.is_public && u.path == *path);
        let mut used: BTreeMap<&Module, Vec<String>> = BTreeMap::new();
        for path in self.names(module).iter().filter(|p| !passed_on(p)) {
            match self.home(path) {
                // A module alone is named on the way to what is in it, and the root holds nothing.
                Some(home) if home != module && home != path && !home.is_empty() => {
                    used.entry(home).or_default().extend(path.last().cloned())
                }
                Some(_) | None => {}
            }
        }
        used
    }
}

impl File {
    /// Whether these tokens stand in it, one after the other.
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        self.tokens.windows(words.len()).any(|found| found == words)
    }

    /// Whether it hands on what is of this other crate.
    pub(crate) fn hands_on(&self, other: &str) -> bool {
        self.uses.iter().any(|u| u.is_public && u.written[0] == other)
    }

    /// The paths that it spells out outside `use` lines, each with the module that it stands in.
    fn paths(&self, module: &Module) -> Vec<(Module, Vec<String>)> {
        let (mut found, places) = (Vec::new(), places(&self.tokens, module));
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let rest = &self.tokens[at..];
            let length = match token.as_str() {
                "use" if is_import(rest) => rest.iter().take_while(|t| *t != ";").count(),
                word if is_word(word) => {
                    let length = path_at(rest);
                    let mut path: Vec<String> = rest[..length].iter().filter(|t| *t != "::").cloned().collect();
                    // What a macro puts behind a path can be anything.
                    let is_open = rest[length..].starts_with(&["::".to_owned(), "$".to_owned()]);
                    path.extend(is_open.then(|| ALL.to_owned()));
                    if path != ["self"] && path != ["super"] {
                        found.push((Module::clone(&places[at]), path));
                    }
                    length
                }
                _ => 1,
            };
            at += length;
        }
        found
    }
}

/// The module that each token stands in.
fn places(tokens: &[String], module: &Module) -> Vec<Rc<Module>> {
    let (mut here, mut around) = (Rc::new(module.clone()), Vec::new());
    let mut places = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "{" => {
                around.push(Rc::clone(&here));
                if at >= 2 && tokens[at - 2] == "mod" {
                    here = Rc::new(here.iter().chain([&tokens[at - 1]]).cloned().collect());
                }
            }
            "}" => here = around.pop().expect("a brace that was opened"),
            _ => {}
        }
        places.push(Rc::clone(&here));
    }
    places
}

/// Whether a `use` begins a line, and does not name what a type captures: `+ use<'a>`.
fn is_import(tokens: &[String]) -> bool {
    tokens.get(1).is_some_and(|t| t != "<")
}

/// How many tokens a path has that begins here.
fn path_at(tokens: &[String]) -> usize {
    let more = tokens[1..].chunks(2).take_while(|t| t[0] == "::" && t.get(1).is_some_and(|w| is_word(w)));
    1 + 2 * more.count()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
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

/// A path from the root of the crate; `None` for one that begins elsewhere. The root itself, and what would lie above
/// it, is [`ALL`].
fn absolute(path: &[String], here: &[String]) -> Option<Module> {
    let mut found = match path.first()?.as_str() {
        "crate" | "disclosed" => Module::new(),
        "self" | "super" => here.to_vec(),
        _ => return None,
    };
    for name in path {
        match name.as_str() {
            "crate" | "disclosed" | "self" => {}
            "super" if found.is_empty() => return Some(vec![ALL.to_owned()]),
            "super" => drop(found.pop()),
            name => found.push(name.to_owned()),
        }
    }
    if found.is_empty() {
        found.push(ALL.to_owned());
    }
    Some(found)
}

/// Code as flat tokens, without texts, the items that are there for tests alone, and who may see what.
fn tokens(stream: TokenStream) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(hash) if hash.as_char() == '#' && trees.peek().is_some_and(is_for_tests) => {
                skip_item(&mut trees);
            }
            TokenTree::Ident(word) => {
                let word = word.to_string();
                let is_pub = word == "pub";
                found.push(word.strip_prefix("r#").unwrap_or(&word).to_owned());
                if is_pub && trees.peek().is_some_and(|t| group(t, Delimiter::Parenthesis).is_some()) {
                    trees.next();
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' && found.last().is_some_and(|t| t == ":1") => {
                *found.last_mut().unwrap() = "::".to_owned();
            }
            // The first half of `::`, or of a lifetime, whose name is no word of a path.
            TokenTree::Punct(mark) if mark.as_char() == ':' && mark.spacing() == proc_macro2::Spacing::Joint => {
                found.push(":1".to_owned());
            }
            TokenTree::Punct(mark) if mark.as_char() == '\'' => drop(trees.next()),
            TokenTree::Punct(mark) => found.push(mark.as_char().to_string()),
            TokenTree::Literal(_) => found.push("\"".to_owned()),
            TokenTree::Group(inner) => {
                let (open, close) = match inner.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                found.push(open.to_owned());
                found.extend(tokens(inner.stream()));
                found.push(close.to_owned());
            }
        }
    }
    found
}

fn group(tree: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    let TokenTree::Group(group) = tree else { return None };
    (group.delimiter() == delimiter).then_some(group)
}

fn is_for_tests(tree: &TokenTree) -> bool {
    group(tree, Delimiter::Bracket).is_some_and(|g| g.stream().to_string().replace(' ', "") == "cfg(test)")
}

/// Skips the item behind an attribute: what is imported or has a value ends at its semicolon, anything else at its
/// braces too, a field or an arm at its comma.
fn skip_item(trees: &mut impl Iterator<Item = TokenTree>) {
    let (mut kind, mut before) = (None, String::new());
    for tree in trees {
        match &tree {
            TokenTree::Ident(word) if kind.is_none() && word != "pub" && before != "#" => kind = Some(word.to_string()),
            TokenTree::Punct(mark) if mark.as_char() == ';' => return,
            TokenTree::Punct(mark) if mark.as_char() == ',' && !is_item(kind.as_deref()) => return,
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace && !is_valued(kind.as_deref()) => return,
            TokenTree::Group(_) | TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        before = tree.to_string();
    }
}

fn is_valued(kind: Option<&str>) -> bool {
    matches!(kind, Some("use" | "const" | "static" | "type" | "let"))
}

fn is_item(kind: Option<&str>) -> bool {
    is_valued(kind) || matches!(kind, Some("fn" | "async" | "mod" | "impl" | "struct" | "enum" | "trait" | "unsafe"))
}

/// The `use` lines of a file.
fn uses(tokens: &[String], module: &Module) -> Vec<Use> {
    let (mut found, places) = (Vec::new(), places(tokens, module));
    for at in (0..tokens.len()).filter(|at| tokens[*at] == "use" && is_import(&tokens[*at..])) {
        let is_public = at > 0 && tokens[at - 1] == "pub";
        let tree = tokens[at + 1..].split(|t| t == ";").next().unwrap();
        let mut flat = Vec::new();
        flatten(&[], tree, &mut flat);
        for (written, name) in flat {
            // What is not of this crate begins with the name of another one, or with a child of this module.
            let child = || places[at].iter().chain(&written).cloned().collect();
            let path = absolute(&written, &places[at]).unwrap_or_else(child);
            found.push(Use { name, written, path, is_public });
        }
    }
    found
}

/// The paths of a tree, each with the name that it brings in.
fn flatten(before: &[String], tree: &[String], into: &mut Vec<(Vec<String>, String)>) {
    let head = tree.iter().position(|t| t == "{" || t == "as").unwrap_or(tree.len());
    let mut path = before.to_vec();
    path.extend(tree[..head].iter().filter(|t| *t != "::").cloned());
    if tree.get(head).is_some_and(|t| t == "{") {
        let mut depth = 0;
        let parts = tree[head + 1..tree.len() - 1].split(|t| {
            depth += i32::from(t == "{") - i32::from(t == "}");
            t == "," && depth == 0
        });
        return parts.filter(|p| !p.is_empty()).for_each(|part| flatten(&path, part, into));
    }
    // `a::{self}` brings in `a`.
    if !before.is_empty() && path.last().is_some_and(|p| p == "self") {
        path.pop();
    }
    let name = tree.get(head + 1).or(path.last()).cloned().unwrap_or_default();
    into.push((path, name));
}
