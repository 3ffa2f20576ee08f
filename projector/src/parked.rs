//! What waits because it cannot be applied? An event and its key's later ones, until an operator retries or drops it.

use crate::{
    batch::fact_of,
    checkpoint::bigint,
    failure::Failure,
    projections::{Changes, Heads, Way},
};
use deadpool_postgres::Transaction;
use event_log::{Fact, Record};
use events::{LoungeId, RoomId, StreamName, Subject, Time, UserId};
use std::{collections::BTreeSet, fmt};
use tokio_postgres::Row;
use uuid::Uuid;

/// Whose events wait together: no projection reads another key's rows, so the others go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Room(RoomId),
    User(UserId),
    Lounge(LoungeId),
}

impl Key {
    /// `None`: what all of the log hangs on, or a stream whose rows are the state of the last event.
    pub(crate) fn of(subject: Subject) -> Option<Self> {
        match subject {
            Subject::Room(room) | Subject::Member(room, _) => Some(Self::Room(room)),
            Subject::RoomMessages(room) | Subject::RoomReports(room) => Some(Self::Room(room)),
            Subject::User(user) => Some(Self::User(user)),
            Subject::Lounge(lounge) => Some(Self::Lounge(lounge)),
            Subject::Epoch(_) | Subject::Relay | Subject::Drop => None,
            Subject::Phone(_) | Subject::Account(_) | Subject::Credential(_) | Subject::Session(_) => None,
            Subject::Presence(_) | Subject::Marker(..) => None,
        }
    }

    fn room(self) -> Option<Uuid> {
        match self {
            Self::Room(room) => Some(room.0),
            Self::User(_) | Self::Lounge(_) => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => write!(f, "room {room}"),
            Self::User(user) => write!(f, "user {user}"),
            Self::Lounge(lounge) => write!(f, "lounge {lounge}"),
        }
    }
}

/// An event that is to wait.
pub(crate) struct Parked<'r> {
    pub(crate) record: &'r Record,
    pub(crate) key: Key,
    pub(crate) room_seq: Option<u64>,
    pub(crate) at: Time,
    /// `None`: it waits for one before it.
    pub(crate) why: Option<&'r str>,
}

const INSERT: &str = "
    insert into parked (seq, key, room_id, room_seq, subject, event_type, headers, body, at, why)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

/// Events that are read and let go at once.
const RELEASED_AT_ONCE: i64 = 256;

const SELECT: &str = "
    select seq, room_seq, subject, headers, body, at
    from parked
    where key = $1
    order by seq
    limit $2";

/// What is parked together with this sequence.
const SELECT_KEY: &str = "
    select key
    from parked
    where seq = $1";

const DELETE: &str = "
    delete from parked
    where seq = any($1)";

const BLAME: &str = "
    update parked set why = $2
    where seq = $1";

pub(crate) async fn write(parked: &[Parked<'_>], transaction: &Transaction<'_>) -> Result<(), tokio_postgres::Error> {
    for waiting in parked {
        let Parked { record, key, room_seq, at, why } = waiting;
        let insert = transaction.prepare_cached(INSERT).await?;
        let event_type = record.header(events::envelope::TYPE_HEADER).unwrap_or("without a type");
        let (seq, room_seq) = (bigint(record.seq), room_seq.map(bigint));
        let (event_type, why) = (kept(event_type), why.map(kept));
        let (key, room, body) = (key.to_string(), key.room(), record.body.as_ref());
        let headers = serde_json::to_value(&record.headers).expect("names and values are texts");
        transaction
            .execute(&insert, &[&seq, &key, &room, &room_seq, &record.subject, &event_type, &headers, &body, at, &why])
            .await?;
    }
    Ok(())
}

/// Lets go what waits under a key, as far as it can be applied by now; `dropped` change nothing. What still cannot be
/// applied, and everything behind it, goes on waiting. Says how many were let go.
pub(crate) async fn release(
    key: &str,
    dropped: &BTreeSet<u64>,
    transaction: &mut Transaction<'_>,
) -> Result<usize, Failure> {
    let mut released = 0;
    loop {
        let select = transaction.prepare_cached(SELECT).await?;
        let rows = transaction.query(&select, &[&key, &RELEASED_AT_ONCE]).await?;
        let waiting = rows.iter().map(Waiting::read).collect::<Result<Vec<_>, Failure>>()?;
        let now = release_some(&waiting, dropped, transaction).await?;
        released += now;
        if now < waiting.len() || waiting.is_empty() {
            return Ok(released);
        }
    }
}

async fn release_some(
    waiting: &[Waiting],
    dropped: &BTreeSet<u64>,
    transaction: &mut Transaction<'_>,
) -> Result<usize, Failure> {
    let good = waiting.iter().take_while(|waiting| dropped.contains(&waiting.record.seq) || waiting.is_good()).count();
    if let Some(Waiting { record, said: Err(why), .. }) = waiting.get(good) {
        blame(record.seq, why, transaction).await?;
    }
    let (mut released, mut size) = (0, good);
    while released < good {
        let part = &waiting[released..good.min(released + size)];
        match apply(part, dropped, transaction).await {
            Ok(()) => released += part.len(),
            // Halved until the one event is found that Postgres refuses.
            Err(Failure::Refused(_)) if part.len() > 1 => size = part.len() / 2,
            Err(Failure::Refused(why)) => {
                blame(part[0].record.seq, &why, transaction).await?;
                break;
            }
            Err(away @ Failure::Away(_)) => return Err(away),
        }
    }
    Ok(released)
}

/// The keys whose events wait: of each, the first says why.
pub(crate) async fn keys(transaction: &Transaction<'_>) -> Result<BTreeSet<String>, tokio_postgres::Error> {
    let select = transaction.prepare_cached("select distinct key from parked where why is not null").await?;
    Ok(transaction.query(&select, &[]).await?.iter().map(|row| row.get("key")).collect())
}

/// The key under which an event waits, if it does.
pub(crate) async fn key_of(seq: u64, transaction: &Transaction<'_>) -> Result<Option<String>, Failure> {
    let select = transaction.prepare_cached(SELECT_KEY).await?;
    let row = transaction.query_opt(&select, &[&bigint(seq)]).await?;
    Ok(row.map(|row| row.get("key")))
}

/// An event as it waits.
struct Waiting {
    record: Record,
    room_seq: Option<u64>,
    at: Time,
    said: Result<Fact, String>,
}

impl Waiting {
    fn read(row: &Row) -> Result<Self, Failure> {
        let number = |value: i64| u64::try_from(value).expect("written from a sequence");
        let headers = serde_json::from_value(row.get("headers")).map_err(|why| Failure::Refused(why.to_string()))?;
        let record = Record {
            stream: StreamName::Chat,
            seq: number(row.get("seq")),
            subject: row.get("subject"),
            headers,
            body: row.get::<_, Vec<u8>>("body").into(),
        };
        let said = fact_of(&record).map_err(|why| why.to_string());
        Ok(Self { record, room_seq: row.get::<_, Option<i64>>("room_seq").map(number), at: row.get("at"), said })
    }

    fn counted_room(&self) -> Option<RoomId> {
        self.record.subject.parse().ok().and_then(|subject: Subject| subject.counted_room())
    }

    fn is_good(&self) -> bool {
        self.said.is_ok()
    }
}

async fn apply(waiting: &[Waiting], dropped: &BTreeSet<u64>, transaction: &mut Transaction<'_>) -> Result<(), Failure> {
    let mut changes = Changes::default();
    let rooms: BTreeSet<_> = waiting.iter().filter_map(Waiting::counted_room).collect();
    let mut heads = Heads::default();
    heads.know(rooms.iter().copied(), transaction).await?;
    rooms.into_iter().for_each(|room| changes.know(room, &heads));
    for Waiting { record, room_seq, at, said } in waiting {
        match said {
            Ok(fact) if !dropped.contains(&record.seq) => changes.fold(fact, *room_seq),
            Ok(_) | Err(_) => changes.pass(record, *room_seq, *at),
        }
    }
    let seqs: Vec<_> = waiting.iter().map(|waiting| bigint(waiting.record.seq)).collect();
    let mut savepoint = transaction.transaction().await?;
    changes.write(Way::Insert, &mut savepoint).await?;
    let delete = savepoint.prepare_cached(DELETE).await?;
    savepoint.execute(&delete, &[&seqs]).await?;
    savepoint.commit().await?;
    Ok(())
}

async fn blame(seq: u64, why: &str, transaction: &Transaction<'_>) -> Result<(), Failure> {
    let blame = transaction.prepare_cached(BLAME).await?;
    transaction.execute(&blame, &[&bigint(seq), &kept(why)]).await?;
    Ok(())
}

/// A text as Postgres keeps it, which it does without U+0000; a reason repeats what it found.
fn kept(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
