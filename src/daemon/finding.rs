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
    /// What would mend it, where that is a line of the config.
    pub mend: Option<Mend>,
}

/// A line of the config that mends what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mend {
    /// `plus_addressing = false`.
    NoTags,
    /// `idle = false`.
    NoPush,
    /// `server`, with `authserv_ids` where it is of the operator's own.
    Server(&'static str, Vec<String>),
}

impl Finding {
    /// All is well.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { good: true, known: true, text: text.into(), mend: None }
    }

    /// Something is wrong.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { good: false, known: true, text: text.into(), mend: None }
    }

    /// The same, with what mends it.
    pub(crate) fn mended_by(self, mend: Mend) -> Self {
        Self { mend: Some(mend), ..self }
    }

    /// It could not be found out.
    pub(crate) fn unknown(text: impl Into<String>) -> Self {
        Self { good: true, known: false, text: text.into(), mend: None }
    }
}
