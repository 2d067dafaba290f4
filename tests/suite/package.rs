//! The package: what `systemd/package` makes of the built program, installed in a root with nothing else in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::corpus::left_out;
use crate::desk::Desk;

/// What libraries may ask of whoever passes on a program that holds them: their names and texts, and no more.
const LICENCES: &[&str] =
    &["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Unlicense", "Zlib"];

/// Whether an SPDX expression can be met with these. `AND` is taken to bind weaker than `OR`, which refuses too much at
/// most.
fn may_be_passed_on(expression: &str) -> bool {
    let bare = expression.replace(['(', ')'], "").replace('/', " OR ");
    bare.split(" AND ").all(|part| part.split(" OR ").any(|one| LICENCES.contains(&one)))
}

#[test]
fn each_library_may_be_passed_on() {
    for (expression, may) in [
        ("MIT", true),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 OR GPL-2.0-only", true),
        ("(MIT OR GPL-2.0) AND Unicode-3.0", true),
        ("MIT AND GPL-2.0", false),
        ("GPL-3.0-only", false),
        ("", false),
    ] {
        assert_eq!(may_be_passed_on(expression), may, "{expression}");
    }
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--prefix", "none", "--format", "{l}|{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let lines = String::from_utf8(tree.stdout).unwrap();
    assert!(lines.lines().count() > 100, "{}", String::from_utf8_lossy(&tree.stderr));
    let not = |line: &&str| !line.is_empty() && !may_be_passed_on(line.split('|').next().unwrap());
    assert_eq!(lines.lines().filter(not).collect::<Vec<_>>(), [""; 0]);
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}:\n{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

#[test]
fn it_installs_where_nothing_else_is_and_works() {
    for tool in ["dpkg-deb", "objcopy", "xz"] {
        if !is_there(tool) {
            return left_out(&format!("the package ({tool} is not installed)"));
        }
    }
    let desk = Desk::new();
    let made = desk.path().join("made");
    run(Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/package"))
        .args(["--program", env!("CARGO_BIN_EXE_disclosed")])
        .arg(&made)
        .envs([("DEBFULLNAME", "Tests"), ("DEBEMAIL", "tests@debian.org")])
        // Not small, but soon.
        .envs([("DPKG_DEB_COMPRESSOR_LEVEL", "0"), ("XZ_OPT", "-0")]));
    run(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&made));
    let version = env!("CARGO_PKG_VERSION");
    let name = |suffix: &str| {
        let found = fs::read_dir(&made).unwrap().map(|e| e.unwrap().path());
        found.into_iter().find(|p| p.to_str().unwrap().ends_with(suffix)).unwrap_or_else(|| panic!("no {suffix}"))
    };
    let (deb, tarball) = (name(".deb"), name(".tar.xz"));
    if is_there("lintian") {
        run(Command::new("lintian").args(["--allow-root", "--fail-on", "error,warning"]).arg(&deb));
    } else {
        left_out("lintian (it is not installed)");
    }

    // Without root, dpkg writes no file as root's; it is asked to look only.
    let root = desk.path().join("root");
    fs::create_dir_all(root.join("var/lib/dpkg/info")).unwrap();
    for list in ["status", "available"] {
        fs::write(root.join("var/lib/dpkg").join(list), "").unwrap();
    }
    let dpkg = |what: &str, of: &Path| {
        let mut command = Command::new("dpkg");
        // The libraries that it wants are the machine's; a shell that could be its root's own is not there either.
        command.args(["--force-depends,script-chrootless,not-root", "--log=/dev/null"]);
        command.arg(format!("--root={}", root.display())).arg(what).arg(of);
        run(&mut command)
    };
    dpkg("--install", &deb);
    let program = root.join("usr/bin/disclosed");
    assert_eq!(run(Command::new(&program).arg("--version")), format!("disclosed {version}\n"));
    let checked = run(Command::new(&program).arg("check").current_dir(desk.path()));
    assert!(checked.contains("ok"), "{checked}");
    let unpacked = desk.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    run(Command::new("tar").arg("-xf").arg(&tarball).args(["--strip-components=1", "-C"]).arg(&unpacked));
    for file in [
        "usr/bin/disclosed",
        "usr/lib/systemd/system/disclosed@.service",
        "usr/lib/systemd/system/disclosed-backup@.service",
        "usr/lib/systemd/system/disclosed-backup@.timer",
        "usr/share/man/man1/disclosed.1.gz",
        "usr/share/man/man5/disclosed.toml.5.gz",
        "usr/share/bash-completion/completions/disclosed",
        "usr/share/zsh/vendor-completions/_disclosed",
        "usr/share/fish/vendor_completions.d/disclosed.fish",
        "usr/share/doc/disclosed/examples/config.toml",
        "usr/share/doc/disclosed/copyright",
        "usr/share/doc/disclosed/third-party.gz",
        "usr/share/doc/disclosed/changelog.gz",
        "usr/share/doc/disclosed/changelog.Debian.gz",
    ] {
        let [one, other] = [&root, &unpacked].map(|r| fs::read(r.join(file)).unwrap_or_else(|e| panic!("{file}: {e}")));
        assert!(one == other && !one.is_empty(), "{file}");
    }
    let completed = "source usr/share/bash-completion/completions/disclosed; COMP_WORDS=(disclosed sta); COMP_CWORD=1; \
                     _disclosed disclosed sta disclosed; echo ${COMPREPLY[@]}";
    assert_eq!(run(Command::new("bash").args(["-c", completed]).current_dir(&root)), "status\n");
    dpkg("--remove", Path::new("disclosed"));
    assert!(!program.exists());
}
