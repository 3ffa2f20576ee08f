//! Are the words that people would look for found in what people really said, in twenty languages, and nothing else?
//!
//! `golden.ndjson` holds a language a line: real chat messages (from the chitchat-dataset, MIT, and the
//! chatterbot-corpus, BSD) by number, and for each search the numbers of all those among them that it has to find, as
//! somebody who reads the language would say. Inflected words stand where Postgres has a stemmer.

use crate::{search::path, whole::Whole};
use anyhow::{Context, Result, ensure};
use events::RoomId;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const GOLDEN: &str = include_str!("golden.ndjson");
const LANGUAGES: usize = 20;

#[derive(Deserialize)]
struct Golden {
    language: String,
    lines: BTreeMap<u32, String>,
    finds: BTreeMap<String, BTreeSet<u32>>,
}

// Red without the stems (de, en, es, fr, hi, id, it, nl, pt, ru), without the pairs (ja, zh-Hans, zh-Hant), and
// without `bare` (de, es, fa, fr, pt, ur).
#[tokio::test]
async fn the_known_words_of_every_language_are_found_in_what_was_really_said() -> Result<()> {
    let golden: Vec<Golden> = GOLDEN.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert_eq!(golden.len(), LANGUAGES);
    let mut whole = Whole::start().await?;
    let (mut rooms, mut numbers, mut last) = (HashMap::new(), HashMap::new(), 0);
    for Golden { language, lines, .. } in &golden {
        let (room, _) = whole.room(language).await?;
        rooms.insert(language, room);
        for (number, text) in lines {
            last = whole.says(room, text).await?;
            numbers.insert((room, text.as_str()), *number);
        }
    }
    let mut wrong = Vec::new();
    for Golden { language, finds, .. } in &golden {
        let room = rooms[language];
        for (q, wanted) in finds {
            let here = found(&whole, &format!("{}&room={room}", path(q)), last).await?;
            // In all rooms others may have the word too.
            let anywhere = found(&whole, &path(q), last).await?;
            let missing = here.iter().any(|hit| !anywhere.contains(hit));
            let here: BTreeSet<u32> =
                here.iter().filter_map(|(room, text)| numbers.get(&(*room, text.as_str()))).copied().collect();
            if here != *wanted || missing {
                wrong.push(format!("{language}: {q} finds {here:?}, not {wanted:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    whole.stop().await
}

/// Room and text of each hit.
async fn found(whole: &Whole, path: &str, position: u64) -> Result<Vec<(RoomId, String)>> {
    let (status, page) = whole.get(path, position).await?;
    ensure!(status == 200, "{path}: {page}");
    let items = page["items"].as_array().context("items")?;
    items
        .iter()
        .map(|hit| {
            let room = hit["room"]["id"].as_str().context("a room")?.parse()?;
            Ok((room, hit["message"]["text"].as_str().context("a text")?.to_owned()))
        })
        .collect()
}
