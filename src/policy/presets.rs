//! Policies ready to use.
