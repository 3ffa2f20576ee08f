//! The rules: what a command becomes, given the state it is decided on. No clock, no I/O, no randomness.
//!
//! A function here takes the states as their tips leave them and a command with its time, and gives the fact,
//! `None` where nothing would change, or a [`Rejection`].

pub mod emoji;
pub mod identity;
pub mod language;
pub mod lounge;
pub mod marker;
pub mod membership;
pub mod message;
pub mod moderation;
pub mod names;
pub mod phone;
pub mod presence;
pub mod rejection;
pub mod room;
pub mod text;

pub use rejection::Rejection;

/// What is wrong with one field of a command, for programs and for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: &'static str,
    pub detail: String,
}

impl Fault {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    /// What has to be there; `detail` says why.
    pub(crate) fn missing(detail: impl Into<String>) -> Self {
        Self::new("missing", detail)
    }

    fn too_long(chars_max: usize) -> Self {
        Self::new("too-long", format!("at most {chars_max} characters"))
    }
}
