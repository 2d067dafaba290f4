//! skeleton
pub mod clock;
pub mod command;
pub mod config;
pub mod daemon;
pub mod imap;
pub mod mail;
pub mod maildir;
pub mod net;
pub mod open;
pub mod policy;
pub mod project;
pub mod smtp;
pub mod store;
pub mod ticket;
pub mod token;
pub mod tracker;
