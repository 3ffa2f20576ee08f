//! Why was somebody or something moderated? A few lines in the moderator's words, kept as they were sent.

use super::Fault;

/// Code points of a reason.
pub const REASON_CHARS_MAX: usize = 500;

/// A reason: never trimmed, never altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Refuses what is blank, too long, or holds control characters that a database does not.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        if text.chars().count() > REASON_CHARS_MAX {
            return Err(Fault::too_long(REASON_CHARS_MAX));
        }
        if text.chars().all(char::is_whitespace) {
            return Err(Fault::new("blank", "there has to be something to read, or no reason at all"));
        }
        if text.chars().any(|c| c < ' ' && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(Fault::new("control-character", "no control characters but line breaks and tabs"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl From<Reason> for String {
    fn from(reason: Reason) -> Self {
        reason.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_something_to_read_of_500_characters_at_most() {
        let code = |text: &str| Reason::parse(text).map_or_else(|fault| fault.code, |_| "");
        assert_eq!(code("spam,\r\n\tagain"), "");
        assert_eq!(code(""), "blank");
        assert_eq!(code(" \n"), "blank");
        assert_eq!(code("a\0b"), "control-character");
        assert_eq!(code(&"ü".repeat(REASON_CHARS_MAX)), "");
        assert_eq!(code(&"ü".repeat(REASON_CHARS_MAX + 1)), "too-long");
    }
}
