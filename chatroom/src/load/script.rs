//! What is to be played? A file of conversations, one line a message, read twice: first who is in it, then what is said.

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::mpsc;

/// A longer line is no message: 4,000 code points, all escaped, are 48 KiB.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Lines read ahead; when it is full, reading waits.
const AHEAD: usize = 1_024;

/// One line of the file. Other fields are ignored.
#[derive(Debug, Deserialize)]
struct Line {
    room: String,
    language: String,
    author: String,
    #[serde(default)]
    at: Option<DateTime<Utc>>,
    text: String,
}

/// What is remembered of a line: who said it where, and a digest of the text. 16 bytes a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) room: u32,
    pub(super) author: u32,
    pub(super) text: u64,
}

/// A line that is to be said now.
#[derive(Debug)]
pub(super) struct Cue {
    /// Counts from 0, over the lines of the rooms that are played.
    pub(super) line: u32,
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) text: String,
}

/// A room of the file.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) name: String,
    pub(super) language: String,
    /// Who speaks there, in the order of their first words.
    pub(super) authors: Vec<u32>,
    pub(super) lines: u32,
}

/// The file, without its texts.
#[derive(Debug)]
pub(super) struct Script {
    path: PathBuf,
    pub(super) scenes: Vec<Scene>,
    pub(super) authors: Vec<String>,
    pub(super) lines: Vec<Said>,
    /// Tells one script from another.
    pub(super) digest: u64,
}

impl Script {
    /// Reads the file once; of its rooms the first `rooms_max`.
    pub(super) fn read(path: &Path, rooms_max: usize) -> Result<Self> {
        let mut script =
            Self { path: path.to_owned(), scenes: vec![], authors: vec![], lines: vec![], digest: FNV_OFFSET };
        let (mut rooms, mut authors) = (HashMap::<String, u32>::new(), HashMap::<String, u32>::new());
        for line in lines_of(path)? {
            let line = line?;
            let room = match rooms.get(&line.room) {
                Some(room) => *room,
                None if script.scenes.len() == rooms_max => continue,
                None => {
                    let room = u32::try_from(script.scenes.len()).context("too many rooms")?;
                    let (name, language) = (line.room.clone(), line.language);
                    script.scenes.push(Scene { name, language, authors: vec![], lines: 0 });
                    rooms.insert(line.room, room);
                    room
                }
            };
            let author = match authors.get(&line.author) {
                Some(author) => *author,
                None => {
                    let author = u32::try_from(script.authors.len()).context("too many authors")?;
                    script.authors.push(line.author.clone());
                    authors.insert(line.author, author);
                    author
                }
            };
            let scene = &mut script.scenes[room as usize];
            if !scene.authors.contains(&author) {
                scene.authors.push(author);
            }
            scene.lines += 1;
            let text = digest(line.text.as_bytes());
            script.digest = [u64::from(room), u64::from(author), text]
                .iter()
                .fold(script.digest, |sum, part| fnv(sum, &part.to_be_bytes()));
            ensure!(script.lines.len() < u32::MAX as usize, "too many lines");
            script.lines.push(Said { room, author, text });
        }
        ensure!(!script.lines.is_empty(), "{} holds no message", path.display());
        Ok(script)
    }

    /// Reads the file again and hands out the lines that are `wanted`, in order, as fast as they are taken.
    /// The task ends when all are handed out or nobody takes them any more.
    pub(super) fn cues(
        self: &Arc<Self>,
        wanted: impl Fn(u32) -> bool + Send + 'static,
    ) -> (mpsc::Receiver<Cue>, tokio::task::JoinHandle<Result<()>>) {
        let (send, cues) = mpsc::channel(AHEAD);
        let script = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let rooms: HashMap<&str, u32> = script.scenes.iter().map(|scene| scene.name.as_str()).zip(0..).collect();
            let mut next = 0;
            for line in lines_of(&script.path)? {
                let line = line?;
                let Some(room) = rooms.get(line.room.as_str()) else { continue };
                let said = script.lines.get(next as usize);
                let same = said.is_some_and(|said| said.room == *room && said.text == digest(line.text.as_bytes()));
                ensure!(same, "{} has changed while it was played", script.path.display());
                if wanted(next) && send.blocking_send(Cue { line: next, at: line.at, text: line.text }).is_err() {
                    return Ok(());
                }
                next += 1;
            }
            Ok(())
        });
        (cues, reading)
    }
}

/// The lines of a plain or gzipped file.
fn lines_of(path: &Path) -> Result<impl Iterator<Item = Result<Line>>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let plain: Box<dyn Read> = match path.extension() {
        Some(extension) if extension == "gz" => Box::new(MultiGzDecoder::new(BufReader::new(file))),
        _ => Box::new(file),
    };
    let (mut reader, mut buffer, mut number) = (BufReader::with_capacity(1 << 16, plain), Vec::new(), 0_u64);
    let name = path.display().to_string();
    Ok(std::iter::from_fn(move || {
        loop {
            buffer.clear();
            number += 1;
            let read = reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut buffer);
            return match read.with_context(|| format!("reading {name}, line {number}")) {
                Ok(0) => None,
                Ok(_) if buffer.trim_ascii().is_empty() => continue,
                Ok(_) => Some(serde_json::from_slice(&buffer).with_context(|| format!("{name}, line {number}"))),
                Err(why) => Some(Err(why)),
            };
        }
    }))
}

const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn fnv(sum: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(sum, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

/// A digest of a text, the same in every run and build, which the standard hasher does not promise.
pub(super) fn digest(text: &[u8]) -> u64 {
    fnv(FNV_OFFSET, text)
}

/// How fast: as fast as it goes, or a multiple of the time between the file's lines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    Max,
    Times(f64),
}

impl std::str::FromStr for Pace {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> Result<Self> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.strip_suffix('x').map(str::parse::<f64>) {
            Some(Ok(times)) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => bail!("neither `max` nor a multiple such as `1x` or `2.5x`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn line(room: &str, author: &str, text: &str) -> String {
        serde_json::json!({ "room": room, "language": "en", "author": author, "at": "2018-04-10T18:11:41Z", "text": text })
            .to_string()
    }

    fn file(name: &str, lines: &[String]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("chatroom-script-{}-{name}", std::process::id()));
        let mut text = lines.join("\n").into_bytes();
        if name.ends_with("gz") {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(&text).expect("in memory");
            text = gz.finish().expect("in memory");
        }
        std::fs::write(&path, text).expect("a temporary file");
        path
    }

    #[tokio::test]
    async fn the_second_reading_hands_out_what_is_wanted_in_order() {
        let said = ["one", "two", "three", "four"];
        let lines: Vec<_> = said.iter().zip(["a", "b", "a", "c"]).map(|(text, room)| line(room, "ada", text)).collect();
        for name in ["plain.ndjson", "zipped.ndjson.gz"] {
            let path = file(name, &lines);
            let script = Arc::new(Script::read(&path, 2).expect("readable"));
            assert_eq!((script.scenes.len(), script.lines.len(), script.scenes[0].lines), (2, 3, 2));
            let (mut cues, reading) = script.cues(|line| line != 1);
            let mut heard = Vec::new();
            while let Some(cue) = cues.recv().await {
                heard.push((cue.line, cue.text));
            }
            reading.await.expect("no panic").expect("readable");
            std::fs::remove_file(path).expect("it is there");
            assert_eq!(heard, [(0, "one".to_owned()), (2, "three".to_owned())]);
        }
    }

    #[test]
    fn a_line_that_is_no_message_is_named() {
        let path = file("bad.ndjson", &[line("a", "ada", "hi"), "{".into()]);
        let why = format!("{:#}", Script::read(&path, usize::MAX).expect_err("not JSON"));
        std::fs::remove_file(path).expect("it is there");
        assert!(why.contains("line 2"), "{why}");
    }

    #[test]
    fn a_pace_is_max_or_a_multiple() {
        assert_eq!("max".parse::<Pace>().expect("a pace"), Pace::Max);
        assert_eq!("2.5x".parse::<Pace>().expect("a pace"), Pace::Times(2.5));
        for bad in ["", "x", "0x", "-1x", "infx", "10"] {
            assert!(bad.parse::<Pace>().is_err(), "{bad}");
        }
    }
}
