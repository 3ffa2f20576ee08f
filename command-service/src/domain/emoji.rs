//! What is one emoji?

use super::Fault;

/// One emoji as Unicode lists them: with skin tone or without, a ZWJ sequence, a flag, a keycap.
///
/// Written in full, whatever was sent: ❤ and ❤️ are one reaction, not two that look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Emoji(&'static str);

impl Emoji {
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let known = emojis::get(text).ok_or_else(|| Fault::new("not-an-emoji", "exactly one emoji"))?;
        Ok(Self(known.as_str()))
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<Emoji> for String {
    fn from(emoji: Emoji) -> Self {
        emoji.0.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_emoji_is_one() {
        for one in ["👍", "👍🏽", "👨‍👩‍👧‍👦", "🇩🇪", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "1️⃣", "#️⃣", "🏳️‍🌈", "👩🏽‍❤️‍💋‍👨🏿", "©️", "🫩"]
        {
            assert_eq!(Emoji::parse(one).map(Emoji::as_str), Ok(one));
        }
    }

    #[test]
    fn what_is_sent_short_is_the_same_emoji() {
        for (short, full) in [("❤", "❤️"), ("🏳\u{200d}🌈", "🏳️‍🌈"), ("1\u{20e3}", "1️⃣"), ("☹", "☹️")]
        {
            assert_eq!(Emoji::parse(short).map(Emoji::as_str), Ok(full), "{short}");
        }
    }

    #[test]
    fn nothing_else_is_an_emoji() {
        let none =
            ["", " ", "a", "1", "#", "👍👍", "👍 ", " 👍", "\u{200d}", "👍\0", "🇩", "👍a", "❤\u{fe0e}", "\u{fe0f}"];
        for text in none {
            assert_eq!(Emoji::parse(text).map_err(|fault| fault.code), Err("not-an-emoji"), "{text:?}");
        }
    }
}
