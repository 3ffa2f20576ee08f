//! What is a phone number? E.164, as a phone dials it from anywhere.

use super::Fault;

/// A number in E.164: `+` and 7 to 15 digits, the first not 0. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Takes the number as it is written in E.164: no spaces, no leading zeros, no extension.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::new("not-e164", "a number in E.164: + and 7 to 15 digits, as +4915112345678");
        let digits = text.strip_prefix('+').ok_or_else(wrong)?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(text.to_owned())) } else { Err(wrong()) }
    }

    /// The number itself, for the keyed hash only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The last two digits, to tell its owner which number it is.
    pub fn hint(&self) -> &str {
        &self.0[self.0.len() - 2..]
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phone(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_e164_and_is_not_shown() {
        let phone = Phone::parse("+4915112345678").expect("a number");
        assert_eq!(phone.hint(), "78");
        assert!(!format!("{phone:?}").contains("49"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in
            ["", "+", "4915112345678", "+0151123456", "+49 151 123456", "+49151١٢٣٤", "+1234567890123456", "+123456"]
        {
            assert!(Phone::parse(text).is_err(), "{text}");
        }
    }
}
