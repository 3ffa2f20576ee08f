//! Where in a text is what was looked for? A part of it in fragments, each a hit or not: no markup, so nothing to escape.

use std::collections::HashSet;

use crate::resource::Fragment;

/// Most characters of a highlight.
const HIGHLIGHT_CHARS_MAX: usize = 200;
/// So many characters of it, at most, stand before the first hit.
const BEFORE_CHARS_MAX: usize = 60;

/// What is a hit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) words: HashSet<String>,
    pub(crate) stems: HashSet<String>,
    pub(crate) beginnings: Vec<String>,
    /// Of what is written without spaces.
    pub(crate) runs: Vec<String>,
}

/// A piece of a text: a word, a run without spaces, or what is between them. All of a text's make it up again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// As it is compared; empty for what is between words.
    pub(crate) bare: &'a str,
    /// In the text's language; empty where there is none.
    pub(crate) stem: &'a str,
}

/// The part of the text around the first hit.
pub(crate) fn highlight(pieces: &[Piece<'_>], marks: &Marks) -> Vec<Fragment> {
    let mut fragments: Vec<Fragment> = Vec::new();
    for piece in pieces {
        for (text, hit) in marks.parts(piece) {
            match fragments.last_mut() {
                Some(last) if last.hit == hit => last.text.push_str(&text),
                _ => fragments.push(Fragment { text, hit }),
            }
        }
    }
    excerpt(fragments)
}

impl Marks {
    fn parts(&self, piece: &Piece<'_>) -> Vec<(String, bool)> {
        let whole = |hit| vec![(piece.text.to_owned(), hit)];
        if piece.bare.is_empty() {
            return whole(false);
        }
        if self.has(piece) {
            return whole(true);
        }
        let text: Vec<char> = piece.text.chars().collect();
        let bare: Vec<char> = piece.bare.chars().collect();
        let hits = self.within(&bare);
        if !hits.contains(&true) {
            return whole(false);
        }
        // Where comparing has changed the number of characters, nobody can tell which.
        if text.len() != bare.len() {
            return whole(true);
        }
        text.into_iter().zip(hits).map(|(char, hit)| (char.to_string(), hit)).collect()
    }

    fn has(&self, piece: &Piece<'_>) -> bool {
        // One character of the text may be several words: ½ is 1 and 2.
        let mut words = piece.bare.split(' ');
        self.stems.contains(piece.stem)
            || words.any(|word| {
                self.words.contains(word)
                    || self.beginnings.iter().any(|beginning| word.starts_with(beginning.as_str()))
            })
    }

    /// Which characters belong to a run that was looked for.
    fn within(&self, bare: &[char]) -> Vec<bool> {
        let mut hits = vec![false; bare.len()];
        for run in &self.runs {
            let run: Vec<char> = run.chars().collect();
            for (at, window) in bare.windows(run.len()).enumerate() {
                if window == run {
                    hits[at..at + run.len()].fill(true);
                }
            }
        }
        hits
    }
}

/// Cuts both ends off: what stands too far before the first hit, and what is beyond the limit.
fn excerpt(mut fragments: Vec<Fragment>) -> Vec<Fragment> {
    if let [first, _, ..] = fragments.as_mut_slice()
        && !first.hit
    {
        let chars = first.text.chars().count();
        if chars > BEFORE_CHARS_MAX {
            let cut: String = first.text.chars().skip(chars - BEFORE_CHARS_MAX).collect();
            // Not in the middle of a word where there is another.
            let word = cut.char_indices().find(|(_, char)| char.is_whitespace()).map(|(at, char)| at + char.len_utf8());
            first.text = word.filter(|at| *at < cut.len()).map_or(cut.clone(), |at| cut[at..].to_owned());
        }
    }
    let mut left = HIGHLIGHT_CHARS_MAX;
    for fragment in &mut fragments {
        fragment.text = fragment.text.chars().take(left).collect();
        left -= fragment.text.chars().count();
    }
    fragments.retain(|fragment| !fragment.text.is_empty());
    fragments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(words: &[&str], stems: &[&str], beginnings: &[&str], runs: &[&str]) -> Marks {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Marks {
            words: owned(words).into_iter().collect(),
            stems: owned(stems).into_iter().collect(),
            beginnings: owned(beginnings),
            runs: owned(runs),
        }
    }

    /// With the hits in brackets.
    fn shown(pieces: &[(&str, &str, &str)], marks: &Marks) -> String {
        let pieces: Vec<_> = pieces.iter().map(|(text, bare, stem)| Piece { text, bare, stem }).collect();
        let fragments = highlight(&pieces, marks).into_iter();
        fragments.map(|Fragment { text, hit }| if hit { format!("[{text}]") } else { text }).collect()
    }

    #[test]
    fn words_are_hit_by_themselves_by_their_stem_and_by_their_beginning() {
        let text = [("Tee", "tee", ":de:tee"), (", ", "", ""), ("Läufe", "laufe", ":de:lauf"), ("!", "", "")];
        assert_eq!(shown(&text, &marks(&["tee"], &[":de:lauf"], &[], &[])), "[Tee], [Läufe]!");
        assert_eq!(shown(&text, &marks(&[], &[], &["lau"], &[])), "Tee, [Läufe]!");
        assert_eq!(shown(&text, &marks(&["e"], &[":en:lauf"], &["aufe"], &["e"])), "T[ee], Läuf[e]!");
    }

    #[test]
    fn of_a_run_only_what_was_looked_for_is_hit() {
        let text = [("早上好早上", "早上好早上", ""), ("，", "", ""), ("上", "上", "")];
        assert_eq!(shown(&text, &marks(&[], &[], &[], &["早上"])), "[早上]好[早上]，上");
        assert_eq!(shown(&text, &marks(&[], &[], &[], &["上好", "好早"])), "早[上好早]上，上");
        // Five half-width characters are four of the usual width.
        assert_eq!(shown(&[("ｶﾞｲﾄﾞ", "ガイド", "")], &marks(&[], &[], &[], &["イド"])), "[ｶﾞｲﾄﾞ]");
    }

    #[test]
    fn a_long_text_is_cut_to_what_is_around_the_first_hit() {
        let (before, after) = ("lorem ipsum ".repeat(40), " dolor sit".repeat(40));
        let text = [(before.as_str(), "x", ""), ("tea", "tea", ""), (after.as_str(), "x", "")];
        let shown = shown(&text, &marks(&["tea"], &[], &[], &[]));
        assert!(shown.starts_with("ipsum lorem") && shown.contains("ipsum [tea] dolor"), "{shown}");
        assert_eq!(shown.chars().count(), HIGHLIGHT_CHARS_MAX + "[]".len());
        let unfound = highlight(&[Piece { text: &before, bare: "x", stem: "" }], &Marks::default());
        assert_eq!(unfound, [Fragment { text: before.chars().take(HIGHLIGHT_CHARS_MAX).collect(), hit: false }]);
    }
}
