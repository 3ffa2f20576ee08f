//! What does an interrupted run have to know? A file to which each step is appended before the next one depends on it.

use anyhow::{Context, Result, bail, ensure};
use events::{LoungeId, MessageId, RoomId};
use serde::{Deserialize, Serialize};
use std::{
    collections::{HashMap, HashSet},
    fs::{File, OpenOptions},
    io::{BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

use super::verify;

/// One step. Keys stand before the request that carries them: an interrupted run repeats it with the same.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// The first: which file this is the state of.
    Play {
        digest: u64,
        lines: u32,
    },
    /// Before it registers.
    Owner {
        phone: String,
        password: String,
    },
    /// An author who registers; before it does.
    Registering {
        author: u32,
        phone: String,
        password: String,
    },
    /// An author who came as a guest, or whose refresh token was exchanged.
    Guest {
        author: u32,
        refresh: String,
    },
    LoungeKey {
        language: String,
        key: Uuid,
    },
    Lounge {
        language: String,
        id: LoungeId,
    },
    RoomKey {
        room: u32,
        key: Uuid,
    },
    Room {
        room: u32,
        id: RoomId,
    },
    Joined {
        room: u32,
        author: u32,
    },
    /// The last joining, and its position: all others are before it.
    Staged {
        position: String,
    },
    /// Before a line is posted.
    Key {
        line: u32,
        key: Uuid,
    },
    Posted {
        line: u32,
        id: MessageId,
        position: String,
    },
    Refused {
        line: u32,
        code: String,
    },
    /// A `message.posted` that came over a socket.
    Heard {
        room: u32,
        seq: u64,
        id: MessageId,
        text: u64,
    },
}

/// All steps so far, folded.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) owner: Option<(String, String)>,
    pub(super) registering: HashMap<u32, (String, String)>,
    pub(super) guests: HashMap<u32, String>,
    pub(super) lounge_keys: HashMap<String, Uuid>,
    pub(super) lounges: HashMap<String, LoungeId>,
    pub(super) room_keys: HashMap<u32, Uuid>,
    pub(super) rooms: HashMap<u32, RoomId>,
    pub(super) joined: HashSet<(u32, u32)>,
    pub(super) staged: Option<String>,
    /// Keys of lines whose outcome is not known.
    pub(super) keys: HashMap<u32, Uuid>,
    /// By line; nil where none is posted.
    pub(super) posted: Vec<Uuid>,
    pub(super) refused: HashMap<u32, String>,
    /// By room: where its last post stands.
    pub(super) positions: HashMap<u32, String>,
    /// By room.
    pub(super) heard: HashMap<u32, Heard>,
}

/// What was heard of a room.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The last `seq`; 0 before anything was heard.
    pub(super) seq: u64,
    pub(super) said: Vec<verify::Said>,
}

impl Memory {
    pub(super) fn is_settled(&self, line: u32) -> bool {
        !self.posted[line as usize].is_nil() || self.refused.contains_key(&line)
    }

    fn apply(&mut self, entry: Entry, room_of: &impl Fn(u32) -> Option<u32>) -> Result<()> {
        match entry {
            Entry::Play { .. } => bail!("it begins twice"),
            Entry::Owner { phone, password } => self.owner = Some((phone, password)),
            Entry::Registering { author, phone, password } => {
                self.registering.insert(author, (phone, password));
            }
            Entry::Guest { author, refresh } => {
                self.guests.insert(author, refresh);
            }
            Entry::LoungeKey { language, key } => {
                self.lounge_keys.insert(language, key);
            }
            Entry::Lounge { language, id } => {
                self.lounges.insert(language, id);
            }
            Entry::RoomKey { room, key } => {
                self.room_keys.insert(room, key);
            }
            Entry::Room { room, id } => {
                self.rooms.insert(room, id);
            }
            Entry::Joined { room, author } => {
                self.joined.insert((room, author));
            }
            Entry::Staged { position } => self.staged = Some(position),
            Entry::Key { line, key } => {
                self.keys.insert(line, key);
            }
            Entry::Posted { line, id, position } => {
                let room = room_of(line).context("a line beyond the file")?;
                self.keys.remove(&line);
                self.posted[line as usize] = id.0;
                self.positions.insert(room, position);
            }
            Entry::Refused { line, code } => {
                room_of(line).context("a line beyond the file")?;
                self.keys.remove(&line);
                self.refused.insert(line, code);
            }
            Entry::Heard { room, seq, id, text } => {
                let heard = self.heard.entry(room).or_default();
                heard.seq = heard.seq.max(seq);
                heard.said.push(verify::Said { id: id.0, text });
            }
        }
        Ok(())
    }
}

/// The state file, or nothing where none was asked for.
pub(super) struct Journal {
    file: Option<Mutex<File>>,
}

impl Journal {
    /// Opens or makes the file and recalls what it holds. It is locked: one run at a time. It holds
    /// refresh tokens and passwords, so only its owner may read it.
    pub(super) fn open(
        path: Option<&Path>,
        digest: u64,
        lines: u32,
        room_of: &impl Fn(u32) -> Option<u32>,
    ) -> Result<(Self, Memory)> {
        let mut memory = Memory { posted: vec![Uuid::nil(); lines as usize], ..Memory::default() };
        let Some(path) = path else { return Ok((Self { file: None }, memory)) };
        let named = || format!("the state file {}", path.display());
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .with_context(|| format!("opening {}", named()))?;
        file.try_lock().with_context(|| format!("{} is used by another run", named()))?;
        let whole = recall(&file, digest, lines, &mut memory, room_of).with_context(named)?;
        // What a killed run had half written was not acted upon.
        file.set_len(whole).with_context(named)?;
        file.seek(SeekFrom::End(0)).with_context(named)?;
        let journal = Self { file: Some(Mutex::new(file)) };
        if whole == 0 {
            journal.note(&Entry::Play { digest, lines })?;
        }
        Ok((journal, memory))
    }

    /// Appends a step. It survives the end of this process from here on; a power cut it may not.
    pub(super) fn note(&self, entry: &Entry) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).context("writing the state file")
    }
}

/// Folds the whole lines; answers how many bytes they are.
fn recall(
    file: &File,
    digest: u64,
    lines: u32,
    memory: &mut Memory,
    room_of: &impl Fn(u32) -> Option<u32>,
) -> Result<u64> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut whole, mut line) = (0_u64, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(whole);
        }
        let entry = serde_json::from_slice(&line).with_context(|| format!("at byte {whole}"))?;
        match entry {
            Entry::Play { digest: other, lines: count } if whole == 0 => {
                ensure!((other, count) == (digest, lines), "is of another file, or of another --rooms");
            }
            _ if whole == 0 => bail!("is no state of a load"),
            entry => memory.apply(entry, room_of).with_context(|| format!("at byte {whole}"))?,
        }
        whole += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_run_is_recalled_up_to_its_last_whole_line() {
        let path = std::env::temp_dir().join(format!("chatroom-journal-{}", std::process::id()));
        let open = || Journal::open(Some(&path), 7, 2, &|line| (line < 2).then_some(0));
        let (journal, memory) = open().expect("new");
        assert!(memory.owner.is_none());
        let (key, id) = (Uuid::now_v7(), MessageId(Uuid::now_v7()));
        journal.note(&Entry::Key { line: 0, key }).expect("written");
        journal.note(&Entry::Key { line: 1, key }).expect("written");
        journal.note(&Entry::Posted { line: 0, id, position: "p".into() }).expect("written");
        assert!(open().is_err(), "two runs at once");
        drop(journal);
        OpenOptions::new()
            .append(true)
            .open(&path)
            .expect("it is there")
            .write_all(b"{\"posted\":{\"li")
            .expect("torn");

        let (journal, memory) = open().expect("it is whole again");
        assert_eq!((memory.is_settled(0), memory.is_settled(1)), (true, false));
        assert_eq!(memory.keys, HashMap::from([(1, key)]), "an outcome that is unknown keeps its key");
        drop(journal);
        let other = Journal::open(Some(&path), 8, 2, &|_| None);
        std::fs::remove_file(&path).expect("it is there");
        assert!(other.is_err(), "the state of another file");
    }
}
