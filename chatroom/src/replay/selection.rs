//! Which events are meant? Filters, asked of the server by subject where they can be, and of every record in any case.

use anyhow::{Context, Result, bail};
use event_log::{Content, EventLog, JetStream, Record, Slice, Start};
use events::{Event, Family, LoungeId, RoomEvent, RoomId, StreamName, Subject, UserId};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

use super::exported::user_of;

/// Most subjects that the server is asked to filter by; with more, it sends all of their families.
const SUBJECTS_MAX: usize = 256;

/// What was asked for. Of each kind any one has to fit, and of all kinds that are named one each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Filters {
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) rooms: BTreeSet<RoomId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) lounges: BTreeSet<LoungeId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) users: BTreeSet<UserId>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) types: BTreeSet<String>,
}

/// Filters, and what had to be looked up for them.
pub(super) struct Selection {
    filters: Filters,
    families: Vec<Family>,
    /// Which rooms the lounges that were asked for have.
    rooms_of_lounges: BTreeSet<RoomId>,
    /// Rooms that are made while the log is followed are not known to the server's filter.
    is_followed: bool,
}

impl Selection {
    /// Looks up what the filters need, up to `end`.
    ///
    /// # Errors
    /// A type that does not exist; a log that cannot be read.
    pub(super) async fn new(log: &JetStream, filters: Filters, end: u64, is_followed: bool) -> Result<Self> {
        let families = families(&filters.types)?;
        let mut selection = Self { filters, families, rooms_of_lounges: BTreeSet::new(), is_followed };
        if !selection.filters.lounges.is_empty() && end > 0 {
            let filters = Family::Room.filter(StreamName::Chat, None).into_iter().collect();
            let slice = Slice { start: Start::Beginning, last: Some(end), filters, content: Content::Whole };
            let mut rooms = log.slice(StreamName::Chat, slice);
            while let Some(record) = rooms.next().await {
                selection.learn(&record?);
            }
        }
        Ok(selection)
    }

    /// Whether what comes has to say itself which rooms its lounges have: in the bodies.
    pub(super) fn learns_rooms(&self) -> bool {
        self.is_followed && !self.filters.lounges.is_empty()
    }

    /// Remembers a room that is made in one of the lounges. A room never changes its lounge.
    fn learn(&mut self, record: &Record) {
        if self.filters.lounges.is_empty() || !record.subject.ends_with(".meta") {
            return;
        }
        if let Ok(fact) = record.fact()
            && let Event::Room(change) = fact.event
            && let RoomEvent::Created(created) = change.event
            && self.filters.lounges.contains(&created.lounge)
        {
            self.rooms_of_lounges.insert(created.room);
        }
    }

    /// What the server filters by; empty: it sends all.
    pub(super) fn subjects(&self) -> Vec<String> {
        if self.filters.types.is_empty() && self.filters.rooms.is_empty() && self.filters.lounges.is_empty() {
            return Vec::new();
        }
        self.subjects_of(&self.families)
    }

    /// The same of these families only.
    pub(super) fn subjects_of(&self, families: &[Family]) -> Vec<String> {
        let of_all = || families.iter().filter_map(|family| family.filter(StreamName::Chat, None)).collect();
        let Some(rooms) = self.rooms() else { return of_all() };
        let of_rooms = rooms.iter().flat_map(|room| families.iter().map(move |family| (family, *room)));
        let mut subjects: Vec<String> =
            of_rooms.filter_map(|(family, room)| family.filter(StreamName::Chat, Some(room))).collect();
        if families.contains(&Family::Lounge) && self.filters.rooms.is_empty() {
            subjects.extend(self.filters.lounges.iter().map(|lounge| Subject::Lounge(*lounge).to_string()));
        }
        if subjects.is_empty() || subjects.len() > SUBJECTS_MAX { of_all() } else { subjects }
    }

    /// The rooms that it is about, where those are known.
    fn rooms(&self) -> Option<BTreeSet<RoomId>> {
        match (self.filters.rooms.is_empty(), self.filters.lounges.is_empty()) {
            (false, true) => Some(self.filters.rooms.clone()),
            (true, false) if !self.is_followed => Some(self.rooms_of_lounges.clone()),
            (false, false) => Some(self.filters.rooms.clone()),
            (true, _) => None,
        }
    }

    /// Whether everything that a room counts is among what is read, for each room that is.
    pub(super) fn has_all_of_its_rooms(&self) -> bool {
        self.filters.types.is_empty()
    }

    /// Whether this record is meant.
    pub(super) fn takes(&mut self, record: &Record) -> bool {
        self.learn(record);
        let Filters { rooms, lounges, users, types } = &self.filters;
        let subject = record.subject.parse::<Subject>().ok();
        let room = subject.and_then(room_of);
        let header = |name| record.header(name).unwrap_or_default();
        let of_lounge = || match subject {
            Some(Subject::Lounge(lounge)) => lounges.contains(&lounge),
            _ => room.is_some_and(|room| self.rooms_of_lounges.contains(&room)),
        };
        let of_user = || {
            let about = subject.and_then(user_of);
            let by = header("ce-actorid").parse::<UserId>().ok();
            about.into_iter().chain(by).any(|user| users.contains(&user))
        };
        (rooms.is_empty() || room.is_some_and(|room| rooms.contains(&room)))
            && (lounges.is_empty() || of_lounge())
            && (users.is_empty() || of_user())
            && (types.is_empty() || types.contains(name_of(header("ce-type"))))
    }
}

/// `message.posted` of `chatroom.message.posted.v1`.
fn name_of(event_type: &str) -> &str {
    let name = event_type.strip_prefix("chatroom.").and_then(|rest| rest.rsplit_once(".v"));
    name.map_or(event_type, |(name, _)| name)
}

fn room_of(subject: Subject) -> Option<RoomId> {
    match subject {
        Subject::RoomReports(room) => Some(room),
        other => other.counted_room(),
    }
}

fn families(types: &BTreeSet<String>) -> Result<Vec<Family>> {
    let all = || Family::of(StreamName::Chat);
    let known: BTreeMap<&str, Family> =
        all().flat_map(|family| family.types().iter().map(move |of| (of.name, family))).collect();
    let mut families = BTreeSet::new();
    for name in types {
        let Some(family) = known.get(name.as_str()) else {
            let names: Vec<&str> = known.into_keys().collect();
            bail!("there is no type {name:?}; there are {}", names.join(", "));
        };
        families.insert(*family);
    }
    Ok(if types.is_empty() { all().collect() } else { families.into_iter().collect() })
}

/// Reads the log's end.
pub(super) async fn end(log: &JetStream) -> Result<u64> {
    let extent = log.extent(StreamName::Chat).await.context("asking for the end of CHAT")?;
    Ok(extent.last)
}
