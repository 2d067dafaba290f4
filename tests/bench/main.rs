//! What the daemon costs: `cargo bench`, or `cargo bench -- NAME` for one part. Each figure is one line with its
//! bound and whether it holds. Nothing is asserted: a machine that is busy is no bug.
//!
//! What is compared is measured in turns in one run, so that ratios hold where times do not.

// `cfg(test)` lets the lints see helpers as what they are: parts of tests.
#[cfg(test)]
mod daemon;
#[cfg(test)]
mod figure;
#[cfg(test)]
mod growth;
#[cfg(test)]
mod ingest;
#[cfg(test)]
mod mails;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod process_cost;
#[cfg(test)]
mod push;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod scale;
#[cfg(test)]
#[expect(dead_code, reason = "the tests with servers use the rest of it")]
#[path = "../servers"]
mod servers {
    pub(crate) mod process;
    pub(crate) mod rig;
    pub(crate) mod wire;
}
#[cfg(test)]
mod world;

#[cfg(test)]
use servers::{process, rig, wire};

fn main() {
    #[cfg(test)]
    run(&std::env::args().skip(1).collect::<Vec<_>>());
}

/// The parts whose names stand in the arguments; all of them when none does.
#[cfg(test)]
fn run(arguments: &[String]) {
    // `cargo test` runs this too, without the flag that `cargo bench` gives.
    if !arguments.iter().any(|a| a == "--bench") {
        println!("left out: the benchmarks; run them with cargo bench");
        return;
    }
    let wanted = |part: &str| {
        let mut names = arguments.iter().filter(|a| !a.starts_with("--")).peekable();
        names.peek().is_none() || names.any(|name| name == part)
    };
    if wanted("reading") {
        reading::measure();
    }
    if wanted("ingest") {
        ingest::measure();
    }
    if wanted("push") {
        push::measure();
    }
    if wanted("peak") {
        process_cost::peak();
    }
    if wanted("scale") {
        scale::measure();
    }
    if wanted("simulate") {
        policy::simulate();
    }
    if ["growth", "tick", "policy", "day", "memory", "start"].into_iter().any(wanted) {
        let mut large = world::World::new();
        if wanted("growth") {
            growth::growth(&mut large);
        }
        large.fill(world::LARGE);
        if wanted("tick") {
            growth::tick(&mut large);
        }
        if wanted("policy") {
            policy::policy(&mut large);
        }
        if wanted("day") {
            policy::day(&mut large);
        }
        let home = large.retire();
        if wanted("memory") {
            process_cost::memory(home.path());
        }
        if wanted("start") {
            process_cost::start(home.path());
        }
    }
}
