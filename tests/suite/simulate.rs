//! `disclosed simulate`.
