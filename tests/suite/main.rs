//! The tests that look at the core from outside: configs, mail that others wrote, transcripts, simulation.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails says so by a panic"
)]

mod backup;
mod cli;
mod clock;
mod configs;
mod containment;
mod content;
mod contract;
mod corpus;
mod desk;
mod erasing;
mod files;
mod first_start;
mod health;
mod honest;
mod init;
mod keeping;
mod lists;
mod mails;
mod manual;
mod matrix;
mod model;
mod offers;
mod package;
mod pages;
mod parts;
mod properties;
mod providers;
mod readme;
mod scripted;
mod simulate;
mod simulation;
mod smime;
mod takeover;
mod tidy;
mod transcripts;
mod unheard;
mod world;
mod written;
