//! Tests against real mail servers on loopback: Dovecot, and Postfix where the tests run as root.
//!
//! Each test has servers, users, mail and ports of its own, in a folder that goes when the test ends.
//! What a machine does not allow is not skipped in silence: a line `left out: …` names it.

// `cfg(test)` lets the lints see helpers as what they are: parts of tests.
#[cfg(test)]
mod booted;
#[cfg(test)]
mod check;
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod guarantees;
#[cfg(test)]
mod init;
#[cfg(test)]
mod logins;
#[cfg(test)]
mod process;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod smoke;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod wire;
