//! When the next digest is due.
