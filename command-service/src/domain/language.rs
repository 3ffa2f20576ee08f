//! Which language is spoken in a room? A BCP 47 tag in its canonical form.

use super::Fault;
use language_tags::LanguageTag;

/// Longer tags are legal and no language.
const TAG_CHARS_MAX: usize = 35;

/// A language tag: `en`, `pt-BR`, `zh-Hant`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language(String);

impl Language {
    /// Brings it to its canonical form (`EN-us` is `en-US`); refuses what the registry does not know.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || Fault::new("not-bcp47", "a language tag of BCP 47, as en or pt-BR");
        if text.len() > TAG_CHARS_MAX {
            return Err(Fault::too_long(TAG_CHARS_MAX));
        }
        let tag = LanguageTag::parse(text).map_err(|_| wrong())?;
        tag.validate().map_err(|_| wrong())?;
        let canonical = tag.canonicalize().map_err(|_| wrong())?;
        Ok(Self(canonical.into_string()))
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_brought_to_its_canonical_form() {
        for (text, canonical) in [("en", "en"), ("EN-us", "en-US"), ("zh-hant", "zh-Hant"), ("iw", "he")] {
            assert_eq!(String::from(Language::parse(text).expect("a language")), canonical);
        }
    }

    #[test]
    fn what_is_no_language_is_refused() {
        for text in ["", "e", "english", "en_US", "en-", "*", "xx-", "en-US-US", &"a-".repeat(40)] {
            assert!(Language::parse(text).is_err(), "{text}");
        }
    }
}
