//! Programs that never outlive the test that started them, and waiting with a deadline.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A program in a process group of its own. Dropping it kills the group, also when a test panics.
pub(crate) struct Process {
    child: Child,
    guard: Child,
}

impl Process {
    /// Starts the program. Standard output and error are as the command says; there is nothing to read.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let child = command.process_group(0).spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        Self { guard: guard(child.id()), child }
    }

    /// The leader's own pipes, for a dialogue.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Sends a signal, by its name without `SIG`, to the leader alone.
    pub(crate) fn signal(&self, name: &str) {
        kill(name, &self.child.id().to_string());
    }

    /// Sends a signal to the leader and all that it started.
    pub(crate) fn signal_group(&self, name: &str) {
        kill(name, &format!("-{}", self.child.id()));
    }

    /// The exit status, as soon as the leader has ended.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Waits for the leader to end by itself.
    pub(crate) fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        until(limit, || self.ended().is_some());
        self.ended()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal_group("KILL");
        let _ = self.child.wait();
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// Kills the group when its standard input closes: that happens even when the tests themselves are killed.
fn guard(group: u32) -> Child {
    Command::new("sh")
        .args(["-c", r#"read -r _; kill -s KILL -- "-$1""#, "guard", &group.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("sh is there")
}

/// The standard library sends no signal but KILL, so the shell does. A process that is gone already is no error.
fn kill(signal: &str, target: &str) {
    let _ = Command::new("sh")
        .args(["-c", r#"kill -s "$1" -- "$2""#, "kill", signal, target])
        .stderr(Stdio::null())
        .status()
        .expect("sh is there");
}

/// Asks again and again until the answer is yes; `false` when the limit is reached first.
pub(crate) fn until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begin = now();
    loop {
        if done() {
            return true;
        }
        if begin.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether the answer stays yes all the time.
pub(crate) fn stays(time: Duration, mut so: impl FnMut() -> bool) -> bool {
    !until(time, || !so())
}

#[expect(clippy::disallowed_methods, reason = "real servers take real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
