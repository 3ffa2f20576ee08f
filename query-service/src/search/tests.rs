//! Is a search understood as it was typed, and asked of the index so that nothing typed is part of the asking?

use super::*;
use uuid::Uuid;

fn wish(q: &str) -> Wish {
    Wish { q: q.to_owned(), room: None, cursor: None, limit: None }
}

fn cut(bare: &str, runs: &[&str], alternatives: &[&str]) -> Cut {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Cut { bare: bare.to_owned(), runs: owned(runs), alternatives: owned(alternatives) }
}

fn query(kind: Kind, cut: Cut) -> (String, Vec<String>) {
    let question = Question::of(&[(kind, cut)]).expect("has a word");
    (question.query, question.exact)
}

#[test]
fn words_phrases_and_beginnings_are_told_apart() {
    let typed = terms(r#" tea  "green leaves" por* "and the rest"#);
    let typed: Vec<_> = typed.iter().map(|term| (term.text.as_str(), term.kind)).collect();
    let wanted =
        [("tea", Kind::Word), ("green leaves", Kind::Phrase), ("por", Kind::Beginning), ("and the rest", Kind::Phrase)];
    assert_eq!(typed, wanted);
    assert_eq!(terms("a\0b").len(), 2, "Postgres takes no U+0000");
    assert_eq!(terms("\"a\0b\"")[0].text, "a b");
}

#[test]
fn what_is_typed_has_one_to_two_hundred_characters() {
    let caller = UserId(Uuid::from_u128(1));
    let asked = wish(&"茶".repeat(200)).read(caller).expect("as long as it may be");
    assert_eq!((asked.before, asked.limit), (i64::MAX as u64, 50));
    for wrong in ["".to_owned(), "x".repeat(201)] {
        assert_eq!(wish(&wrong).read(caller).expect_err("too short or long").code, Code::InvalidRequest);
    }
}

#[test]
fn a_cursor_goes_on_with_the_same_search_of_the_same_person() {
    let (ada, bob) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
    let list = wish("tea").read(ada).expect("a search").list;
    let onward = |q: &str, room| Wish { cursor: Some(7_u64.cursor(list)), room, ..wish(q) };
    assert_eq!(onward("tea", None).read(ada).expect("the same").before, 7);
    assert!(onward("tea", None).read(bob).is_err());
    assert!(onward("teas", None).read(ada).is_err());
    assert!(onward("tea", Some(RoomId(Uuid::from_u128(3)))).read(ada).is_err());
}

#[test]
fn a_word_is_found_by_itself_and_its_stems_a_phrase_by_itself() {
    let running = || cut("running", &[], &["running :de:running :en:run"]);
    assert_eq!(query(Kind::Word, running()).0, "('running' | ':de:running' | ':en:run')");
    assert_eq!(query(Kind::Phrase, running()), ("('running')".to_owned(), vec![]));
    assert_eq!(query(Kind::Beginning, running()).0, "'running':*");
    let two = cut("green tea", &[], &["green :en:green", "tea :en:tea"]);
    assert_eq!(query(Kind::Phrase, two), ("('green') & ('tea')".to_owned(), vec![" green tea ".to_owned()]));
}

#[test]
fn what_has_no_spaces_is_asked_for_in_pairs_and_more_than_one_stands_together() {
    assert_eq!(query(Kind::Word, cut("茶", &["茶"], &[])), ("'茶':*".to_owned(), vec![]));
    assert_eq!(query(Kind::Word, cut("早上", &["早上"], &[])), ("'早上'".to_owned(), vec![]));
    let three = query(Kind::Word, cut("早上好", &["早上好"], &[]));
    assert_eq!(three, ("'早上' & '上好'".to_owned(), vec!["早上好".to_owned()]));
    let mixed = query(Kind::Phrase, cut("my 手机", &["手机"], &["my :en:my"])).1;
    assert_eq!(mixed, [" my 手机"], "a word ends before it, and nobody knows where one does within it");
}

#[test]
fn nothing_typed_becomes_part_of_the_query() {
    let (query, _) = query(Kind::Word, cut("", &[], &[r"a'|b\ :en:x'"]));
    assert_eq!(query, r"('a''|b\\' | ':en:x''')");
}

#[test]
fn without_a_word_there_is_nothing_to_look_for() {
    for (kind, cut) in [(Kind::Word, cut("", &[], &[])), (Kind::Beginning, cut("a", &[], &["a"]))] {
        assert_eq!(Question::of(&[(kind, cut)]).expect_err("refused").code, Code::InvalidRequest);
    }
    assert_eq!(Question::of(&[]).expect_err("refused").code, Code::InvalidRequest);
}
