//! What may be said? Texts and reasons, which are stored exactly as they were sent, and passwords.

use super::Fault;
use unicode_normalization::UnicodeNormalization;

/// Code points of a message.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// Code points of a reason.
pub const REASON_CHARS_MAX: usize = 500;
/// Characters of a password, after NFKC.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Characters of a password, after NFKC.
pub const PASSWORD_CHARS_MAX: usize = 128;

/// Passwords that everybody tries first, one a line, in lower case.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident $chars_max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Refuses what is blank, too long, or holds control characters that a database does not.
            pub fn parse(text: String) -> Result<Self, Fault> {
                readable(text, $chars_max).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self { text.0 }
        }
    )*};
}
texts! {
    /// A message's text: never trimmed, never altered.
    MessageText TEXT_CHARS_MAX;
    /// Why somebody moderates or reports, in his own words.
    Reason REASON_CHARS_MAX;
}

fn readable(text: String, chars_max: usize) -> Result<String, Fault> {
    if text.chars().count() > chars_max {
        return Err(Fault::too_long(chars_max));
    }
    if text.chars().all(char::is_whitespace) {
        return Err(Fault::new("blank", "there has to be something to read"));
    }
    // U+0000 among them: JSON has it, Postgres has not.
    if text.chars().any(|c| c < ' ' && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Fault::new("control-character", "no control characters but line breaks and tabs"));
    }
    Ok(text)
}

/// A password in NFKC, so that every keyboard gives the same. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password that is to be set: long enough, and not one that everybody tries first.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let password = Self::presented(text)?;
        if password.0.chars().count() < PASSWORD_CHARS_MIN {
            return Err(Fault::new("too-short", format!("at least {PASSWORD_CHARS_MIN} characters")));
        }
        let lower = password.0.to_lowercase();
        if COMMON_PASSWORDS.lines().any(|common| common == lower) {
            return Err(Fault::new("common", "one of the passwords that everybody tries first"));
        }
        Ok(password)
    }

    /// A password that is to be compared: any that is not too long to be hashed.
    pub fn presented(text: &str) -> Result<Self, Fault> {
        // NFKC may lengthen a character eighteenfold: what is long before is not looked at.
        if text.chars().take(PASSWORD_CHARS_MAX + 1).count() > PASSWORD_CHARS_MAX {
            return Err(Fault::too_long(PASSWORD_CHARS_MAX));
        }
        let password: String = text.nfkc().collect();
        if password.chars().count() > PASSWORD_CHARS_MAX {
            return Err(Fault::too_long(PASSWORD_CHARS_MAX));
        }
        Ok(Self(password))
    }

    /// The password itself, for the hash only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_as_it_was_sent() {
        for text in ["  hi  ", "a\r\n\tb", "e\u{301}", "\u{202e}abc", "\u{200b}"] {
            assert_eq!(MessageText::parse(text.to_owned()).expect("a text").as_str(), text);
        }
    }

    #[test]
    fn what_is_no_text_is_refused() {
        let code = |text: &str| MessageText::parse(text.to_owned()).map_or_else(|fault| fault.code, |_| "");
        assert_eq!(code(""), "blank");
        assert_eq!(code(" \n\u{3000}"), "blank");
        assert_eq!(code("a\0b"), "control-character");
        assert_eq!(code("a\u{1b}[31m"), "control-character");
        assert_eq!(code(&"é".repeat(TEXT_CHARS_MAX)), "");
        assert_eq!(code(&"é".repeat(TEXT_CHARS_MAX + 1)), "too-long");
    }

    #[test]
    fn every_control_character_but_three_is_refused_wherever_it_stands() {
        for c in ('\0'..' ').filter(|c| !matches!(c, '\n' | '\r' | '\t')) {
            for text in [format!("{c}a"), format!("a{c}"), format!("{c}")] {
                assert!(MessageText::parse(text.clone()).is_err() && Reason::parse(text).is_err(), "{c:?}");
            }
        }
        assert_eq!(Reason::parse("x".repeat(REASON_CHARS_MAX + 1)).map_err(|fault| fault.code), Err("too-long"));
    }

    #[test]
    fn a_password_is_the_same_on_every_keyboard() {
        let composed = Password::parse("gr\u{fc}ner tee ﬁn").expect("long enough");
        let decomposed = Password::parse("gru\u{308}ner tee fin").expect("long enough");
        assert_eq!(composed, decomposed);
        assert_eq!(format!("{composed:?}"), "Password(***)");
    }

    #[test]
    fn a_password_that_is_short_or_common_is_not_set_but_may_be_tried() {
        let code = |text: &str| Password::parse(text).map_or_else(|fault| fault.code, |_| "");
        assert_eq!(code("seven77"), "too-short");
        assert_eq!(code("Password1"), "common");
        assert_eq!(code(&"x".repeat(129)), "too-long");
        assert_eq!(code("correct horse battery"), "");
        assert!(Password::presented("password1").is_ok());
    }

    #[test]
    fn the_list_of_common_passwords_holds_what_the_rules_would_let_pass() {
        for common in COMMON_PASSWORDS.lines() {
            assert!(common.chars().count() >= PASSWORD_CHARS_MIN && common == common.to_lowercase(), "{common}");
        }
    }
}
