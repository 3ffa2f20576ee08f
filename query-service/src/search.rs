//! What does somebody look for? Words, phrases and beginnings, understood and made into a question to the index.

pub(crate) mod highlight;

use events::{RoomId, UserId};
use platform::{Code, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    cursor::{self, List, Place},
    page,
};

/// Most characters of `q`.
const Q_CHARS_MAX: usize = 200;
/// Least characters before a `*`: what is shorter begins too many words.
const BEGINNING_CHARS_MIN: usize = 2;

/// What to look for, and which page of it.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wish {
    /// Words that must all occur, in any form that the room's language knows of them; `"some words"` in this order
    /// and form; `begin*` for words that begin so (two characters or more). Without regard to case, accents,
    /// punctuation and the width of letters. What is written without spaces (Chinese, Japanese, Korean, Thai, Lao,
    /// Khmer, Burmese) is found by any part of it, from one character on.
    #[param(min_length = 1, max_length = 200, example = "tea \"green leaves\" por*")]
    q: String,
    /// Only in this room.
    #[param(value_type = Option<Uuid>)]
    room: Option<RoomId>,
    /// A page's `next`.
    cursor: Option<String>,
    /// How many, 1 to 50; without it 50.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<u32>,
}

/// A page that was asked for, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) terms: Vec<Term>,
    pub(crate) room: Option<RoomId>,
    pub(crate) before: u64,
    pub(crate) limit: u32,
    pub(crate) list: List,
}

/// How a term is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In any form.
    Word,
    /// As it is.
    Phrase,
    /// Whatever goes on after it.
    Beginning,
}

/// A part of `q`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) kind: Kind,
}

/// A term as texts are compared: cut by the same functions as they.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// All of it, its words parted by one space.
    pub(crate) bare: String,
    /// What is written without spaces.
    pub(crate) runs: Vec<String>,
    /// Each other word, and after a space each its stems.
    pub(crate) alternatives: Vec<String>,
}

/// The question to the index, and what else a hit must have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Question {
    /// A `tsquery`.
    pub(crate) query: String,
    /// What must stand in the text as it is: words alone may stand apart, and so may pairs of characters.
    pub(crate) exact: Vec<String>,
    pub(crate) marks: highlight::Marks,
}

impl Wish {
    /// Reads the parameters.
    ///
    /// # Errors
    /// 400 `invalid-request`: `q` outside 1–200 characters, a limit outside 1–50, what is no cursor of this search.
    pub(crate) fn read(&self, caller: UserId) -> Result<Asked, Problem> {
        let limit = page::limit(self.limit)?;
        if !(1..=Q_CHARS_MAX).contains(&self.q.chars().count()) {
            return Err(wrong("`q` has 1 to 200 characters."));
        }
        let list = List::Search { caller: caller.0, room: self.room, q: cursor::digest(&self.q) };
        let before = self.cursor.as_deref().map_or(Ok(i64::MAX as u64), |cursor| u64::of(list, cursor))?;
        Ok(Asked { terms: terms(&self.q), room: self.room, before, limit, list })
    }
}

/// An unclosed quote goes to the end.
fn terms(q: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    for (n, part) in q.split('"').enumerate() {
        if n % 2 == 1 {
            // Control characters part words; Postgres takes no U+0000.
            let text = part.replace(char::is_control, " ");
            terms.push(Term { text, kind: Kind::Phrase });
            continue;
        }
        for word in part.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
            let (text, kind) = match word.strip_suffix('*') {
                Some(beginning) => (beginning, Kind::Beginning),
                None => (word, Kind::Word),
            };
            terms.push(Term { text: text.to_owned(), kind });
        }
    }
    terms
}

impl Question {
    /// # Errors
    /// 400 `invalid-request`: there is no word in it, or a beginning is too short.
    pub(crate) fn of(terms: &[(Kind, Cut)]) -> Result<Self, Problem> {
        let mut question = Self::default();
        let mut needed = Vec::new();
        for (kind, cut) in terms {
            question.words(*kind, cut, &mut needed)?;
            question.runs(cut, &mut needed);
            if *kind == Kind::Phrase && cut.alternatives.len() + cut.runs.len() > 1 {
                question.exact.push(cut.edged());
            }
        }
        if needed.is_empty() {
            return Err(wrong("`q` has no word in it."));
        }
        question.query = needed.join(" & ");
        Ok(question)
    }

    fn words(&mut self, kind: Kind, cut: &Cut, needed: &mut Vec<String>) -> Result<(), Problem> {
        let last = cut.alternatives.len().saturating_sub(1);
        for (n, alternatives) in cut.alternatives.iter().enumerate() {
            let mut alternatives = alternatives.split(' ');
            let word = alternatives.next().unwrap_or_default();
            if word.is_empty() {
                continue;
            }
            if kind == Kind::Beginning && n == last {
                if word.chars().count() < BEGINNING_CHARS_MIN {
                    return Err(wrong("Before `*` there are at least two characters."));
                }
                needed.push(format!("{}:*", lexeme(word)));
                self.marks.beginnings.push(word.to_owned());
                continue;
            }
            let stems: Vec<&str> = alternatives.filter(|stem| kind != Kind::Phrase && !stem.is_empty()).collect();
            let any: Vec<_> = std::iter::once(word).chain(stems.iter().copied()).map(lexeme).collect();
            needed.push(format!("({})", any.join(" | ")));
            self.marks.words.insert(word.to_owned());
            self.marks.stems.extend(stems.into_iter().map(str::to_owned));
        }
        Ok(())
    }

    /// By pairs of characters, as `text_search.pairs` makes them. More than one pair may stand apart in a text.
    fn runs(&mut self, cut: &Cut, needed: &mut Vec<String>) {
        for run in &cut.runs {
            let chars: Vec<char> = run.chars().collect();
            match chars.as_slice() {
                [] => continue,
                [one] => needed.push(format!("{}:*", lexeme(&one.to_string()))),
                more => needed.extend(more.windows(2).map(|pair| lexeme(&String::from_iter(pair)))),
            }
            if chars.len() > 2 {
                self.exact.push(run.clone());
            }
            self.marks.runs.push(run.clone());
        }
    }
}

impl Cut {
    /// With a space at each end where a word ends: a part of a word is none.
    fn edged(&self) -> String {
        let begins = |run: &String| self.bare.starts_with(run.as_str());
        let ends = |run: &String| self.bare.ends_with(run.as_str());
        let before = if self.runs.first().is_some_and(begins) { "" } else { " " };
        let after = if self.runs.last().is_some_and(ends) { "" } else { " " };
        format!("{before}{}{after}", self.bare)
    }
}

/// In a `tsquery`. What parts words is in none of them, but this is SQL's business and not to be relied on here.
fn lexeme(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn wrong(detail: &'static str) -> Problem {
    Problem::new(Code::InvalidRequest, detail)
}

#[cfg(test)]
mod tests;
