//! One line of a check.

/// What a look at the config, the database or a server came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Whether all is well, as far as is known.
    pub good: bool,
    /// Whether it could be found out.
    pub known: bool,
    /// What was looked at, and what to do when it is not well.
    pub text: String,
}

impl Finding {
    /// All is well.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { good: true, known: true, text: text.into() }
    }

    /// Something is wrong.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { good: false, known: true, text: text.into() }
    }

    /// It could not be found out.
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self { good: true, known: false, text: text.into() }
    }
}
