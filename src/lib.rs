//! skeleton
pub mod config;
pub mod imap;
pub mod mail;
pub mod maildir;
pub mod net;
pub mod policy;
pub mod smtp;
pub mod ticket;
