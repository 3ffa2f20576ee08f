//! What may somebody or something be called? Names as they are shown: one line, NFC, with something to see.

use super::Fault;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Code points of a person's name.
pub const DISPLAY_NAME_CHARS_MAX: usize = 40;
/// Code points of a lounge's, a room's or a device's name.
pub const NAME_CHARS_MAX: usize = 80;
/// Code points of a room's topic or a lounge's description.
pub const ABOUT_CHARS_MAX: usize = 500;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident $chars_max:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Trims it, brings it to NFC, and says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, Fault> {
                name(text, $chars_max).map(Self)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self { name.0 }
        }
    )*};
}
names! {
    /// What a person is called; not unique.
    DisplayName DISPLAY_NAME_CHARS_MAX;
    /// What a lounge is called; not unique.
    LoungeName NAME_CHARS_MAX;
    /// What a room is called; not unique.
    RoomName NAME_CHARS_MAX;
    /// What a client calls the device it runs on.
    DeviceName NAME_CHARS_MAX;
}

/// A room's topic or a lounge's description: like a name, and it may have several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About(String);

impl About {
    /// Trims it, brings it to NFC, and says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let lines: Vec<&str> = text.lines().collect();
        shown(&lines.join("\n"), ABOUT_CHARS_MAX, Lines::Many).map(Self)
    }
}

impl From<About> for String {
    fn from(about: About) -> Self {
        about.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lines {
    One,
    Many,
}

fn name(text: &str, chars_max: usize) -> Result<String, Fault> {
    shown(text, chars_max, Lines::One)
}

fn shown(text: &str, chars_max: usize, lines: Lines) -> Result<String, Fault> {
    let text: String = text.trim().nfc().collect();
    if !text.chars().any(is_visible) {
        return Err(Fault::new("blank", "there has to be something to see"));
    }
    if text.chars().count() > chars_max {
        return Err(Fault::too_long(chars_max));
    }
    if text.chars().any(is_bidi_control) {
        return Err(Fault::new("bidi-control", "no characters that change the direction of what follows"));
    }
    let breaks = |c: char| !(c == '\n' && lines == Lines::Many) && is_control(c);
    if text.chars().any(breaks) {
        return Err(Fault::new("control-character", "no control characters or line breaks"));
    }
    if joins_nothing(&text) {
        return Err(Fault::new("stray-joiner", "joiners stand between visible characters only"));
    }
    Ok(text)
}

fn is_control(c: char) -> bool {
    use GeneralCategory::{Control, LineSeparator, ParagraphSeparator};
    matches!(c.general_category(), Control | LineSeparator | ParagraphSeparator)
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// Neither space nor format character nor one of the fillers that fonts draw as nothing.
fn is_visible(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator, SpaceSeparator};
    let nothing =
        matches!(c.general_category(), Control | Format | LineSeparator | ParagraphSeparator | SpaceSeparator);
    let filler = matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}')
        || matches!(c, '\u{ffa0}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' | '\u{180b}'..='\u{180f}');
    !nothing && !filler
}

/// Whether a ZWJ or ZWNJ has no visible character on one of its sides.
/// A variation selector belongs to the emoji before it.
fn joins_nothing(text: &str) -> bool {
    let chars: Vec<char> = text.chars().filter(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}')).collect();
    let seen = |index: Option<usize>| index.and_then(|index| chars.get(index)).is_some_and(|c| is_visible(*c));
    let stray = |(index, c): (usize, &char)| is_joiner(*c) && !(seen(index.checked_sub(1)) && seen(Some(index + 1)));
    chars.iter().enumerate().any(stray)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> &'static str {
        DisplayName::parse(text).map_or_else(|fault| fault.code, |_| "")
    }

    #[test]
    fn a_name_is_trimmed_and_composed() {
        assert_eq!(DisplayName::parse("  Zoe\u{308} ").expect("a name").as_str(), "Zo\u{eb}");
    }

    #[test]
    fn emoji_and_persian_are_names() {
        for name in ["👩‍👩‍👧", "🏳️‍🌈", "می‌خواهم", "李", "Ada Lovelace", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
        {
            assert_eq!(code(name), "", "{name}");
        }
    }

    #[test]
    fn what_cannot_be_seen_or_misleads_is_no_name() {
        let cases = [
            ("", "blank"),
            (" \u{3000} ", "blank"),
            ("\u{200b}\u{2060}", "blank"),
            ("\u{3164}", "blank"),
            ("\u{202e}ada", "bidi-control"),
            ("ada\nbob", "control-character"),
            ("a\0b", "control-character"),
            ("a\u{2028}b", "control-character"),
            ("ada\u{200d}", "stray-joiner"),
            ("a\u{200d}\u{200d}b", "stray-joiner"),
        ];
        for (name, expected) in cases {
            assert_eq!(code(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_name_has_a_longest_form() {
        assert_eq!(code(&"ä".repeat(DISPLAY_NAME_CHARS_MAX)), "");
        assert_eq!(code(&"ä".repeat(DISPLAY_NAME_CHARS_MAX + 1)), "too-long");
    }

    #[test]
    fn a_topic_may_have_lines() {
        assert_eq!(String::from(About::parse("one\r\ntwo").expect("two lines")), "one\ntwo");
        assert!(LoungeName::parse("one\ntwo").is_err());
    }

    proptest! {
        #[test]
        fn a_name_that_was_taken_is_taken_again_unchanged(text in "\\PC{0,60}") {
            if let Ok(name) = RoomName::parse(&text) {
                prop_assert_eq!(RoomName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
