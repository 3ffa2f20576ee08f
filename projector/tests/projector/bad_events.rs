//! What becomes of an event that somebody publishes by hand? It waits, it halts, or it harms nothing; it is never silent.

use crate::{
    SOON,
    bed::{ADA, Bed, ends, joined, posted, said},
};
use event_log::{JetStream, Record};
use events::{
    MessageEvent, MessageId, RoomId, Subject,
    message::{MessageEdited, MessageModerated, MessageStatus, ReactionAdded},
};
use platform::health::{Health, State};
use projector::operator;
use uuid::Uuid;

fn header(mut record: Record, name: &str, value: &str) -> Record {
    record.headers.insert(name, value);
    record
}

fn without(record: Record, gone: &str) -> Record {
    let mut headers = async_nats::HeaderMap::new();
    for (name, values) in record.headers.iter().filter(|(name, _)| name.to_string() != gone) {
        values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
    }
    Record { headers, ..record }
}

fn body(record: Record, body: impl Into<Vec<u8>>) -> Record {
    Record { body: body.into().into(), ..record }
}

fn written(record: Record, from: &str, to: &str) -> Record {
    let text = String::from_utf8(record.body.to_vec()).expect("JSON");
    assert!(text.contains(from), "{text}");
    body(record, text.replacen(from, to, 1))
}

fn on(record: Record, subject: &str) -> Record {
    Record { subject: subject.to_owned(), ..record }
}

/// Words enough that Postgres could not keep what they are found by, in a message that the server still takes.
fn beyond_every_limit() -> String {
    (0..110_000).map(|n| format!("{n:x}zq ")).collect()
}

/// Of characters that do not repeat, lest Postgres make it short.
pub(crate) fn long_emoji() -> String {
    (0..2_000_u32).filter_map(|n| char::from_u32(0x4e00 + n.wrapping_mul(7_919) % 20_000)).collect()
}

fn of_year(record: Record, year: &str) -> Record {
    let text = String::from_utf8(record.body.to_vec()).expect("JSON");
    body(record, text.replace("\"1970-", &format!("\"{year}-")))
}

/// What cannot be applied, each in a room of its own.
fn to_be_parked(room: RoomId) -> Vec<(&'static str, Record)> {
    let post = || posted(room, "hello");
    let moderated =
        MessageModerated { room, message: MessageId(Uuid::now_v7()), status: MessageStatus::Hidden, reason: None };
    let moderated = said(Subject::RoomMessages(room), MessageEvent::from(moderated));
    let emoji = long_emoji();
    let reaction = ReactionAdded { room, message: MessageId(Uuid::now_v7()), user: ADA, emoji };
    vec![
        ("no JSON", body(post(), "{")),
        ("nothing at all", body(post(), "")),
        ("no UTF-8", body(post(), [0x22, 0xff, 0x22])),
        ("a field is missing", written(post(), "\"author\"", "\"auth0r\"")),
        ("a field of another type", written(post(), "\"text\":\"hello\"", "\"text\":7")),
        ("U+0000 in a text", written(post(), "hello", "hel\\u0000lo")),
        ("half of a surrogate", written(post(), "hello", "hel\\ud83dlo")),
        ("U+0000 for a word, which the reason repeats", written(moderated, "\"hidden\"", "\"\\u0000\"")),
        ("no ce-id", without(post(), "ce-id")),
        ("a bad ce-id", header(post(), "ce-id", "7")),
        ("a bad ce-time", header(post(), "ce-time", "yesterday")),
        ("nobody acted", header(post(), "ce-actortype", "nobody")),
        ("a text beyond the limit", posted(room, &beyond_every_limit())),
        ("a moment before all time", of_year(joined(room), "-10000")),
        ("an emoji beyond the limit", said(Subject::RoomMessages(room), MessageEvent::from(reaction))),
        ("a state that is missing", written(joined(room), "\"after\"", "\"befor\"")),
    ]
}

async fn halts(health: &Health) -> String {
    let halted = async {
        loop {
            match health.get("projector") {
                Some(State::Failing { code: "halted", why }) => return why,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(SOON, halted).await.expect("it halts")
}

/// Red with `kept(why)` left out of `parked::write`: U+0000 for a word then halts all rooms.
#[tokio::test]
async fn what_cannot_be_applied_waits_with_its_room_and_is_listed() {
    let bed = Bed::new().await;
    let running = bed.starts();
    let other = RoomId(Uuid::now_v7());
    bed.publishes(&joined(other)).await;
    let mut bad = Vec::new();
    for kind in 0..to_be_parked(other).len() {
        let room = RoomId(Uuid::now_v7());
        let (what, record) = to_be_parked(room).swap_remove(kind);
        bed.publishes(&joined(room)).await;
        bed.publishes(&posted(room, "before")).await;
        let seq = bed.publishes(&record).await;
        bed.publishes(&posted(room, "after")).await;
        bed.publishes(&posted(other, what)).await;
        bad.push((what, room, seq));
    }
    bed.arrives().await;
    let waiting = operator::waiting(&bed.tables.url()).await.expect("it answers");
    for (what, room, seq) in &bad {
        let of_the_room = waiting.iter().find(|waiting| waiting.key == format!("room {room}"));
        let waiting = of_the_room.unwrap_or_else(|| panic!("{what}: {waiting:?}"));
        assert_eq!((waiting.seq, waiting.events), (*seq, 2), "{what}: {waiting:?}");
        assert!(!waiting.why.is_empty(), "{what}");
        assert_eq!(bed.texts(*room).await, ["before"], "{what}");
        println!("{what}: parked, {}", waiting.why.chars().take(100).collect::<String>());
    }
    assert_eq!(waiting.len(), bad.len());
    assert_eq!(bed.texts(other).await, bad.iter().map(|(what, ..)| *what).collect::<Vec<_>>());
    let degraded = |health: &Health| matches!(health.get("projector"), Some(State::Degraded { .. }));
    assert!(degraded(&running.1));
    ends(running).await;
    // An operator drops each, and its room goes on.
    let running = bed.starts();
    let operator = JetStream::new(bed.operator.clone());
    for (what, _, seq) in &bad {
        operator::drop_event(&operator, &bed.tables.url(), *seq, what).await.expect("others wait for it");
    }
    bed.arrives().await;
    for (what, room, _) in &bad {
        assert_eq!(bed.texts(*room).await, ["before", "after"], "{what}");
    }
    assert_eq!(running.1.get("projector"), Some(State::Ok));
    ends(running).await;
}

/// What all of the log hangs on, or what only a newer release can know.
fn to_halt(room: RoomId) -> Vec<(&'static str, Record)> {
    let post = || posted(room, "hello");
    let system =
        |subject: &str, event_type: &str, text: &str| body(header(on(post(), subject), "ce-type", event_type), text);
    vec![
        ("an unknown type", header(post(), "ce-type", "chatroom.message.sung.v1")),
        ("a newer version", header(post(), "ce-type", "chatroom.message.posted.v2")),
        ("no type", without(post(), "ce-type")),
        ("a subject of nobody", on(post(), "chat.v1.weather.today")),
        ("a room under another's partition", on(post(), &post().subject.replacen("chat.v1.", "chat.v1.f", 1))),
        ("a malformed epoch", system("chat.v1.sys.epoch", "chatroom.epoch.started.v1", "{\"epoch\":\"one\"}")),
        ("a malformed relay", system("chat.v1.sys.relay", "chatroom.relay.advanced.v1", "{}")),
        ("a malformed drop", system("chat.v1.sys.drop", "chatroom.event.dropped.v1", "{\"seq\":-1}")),
    ]
}

/// Red with the epoch or the drops that cannot be read as an error of the start: it ends, and is started again for ever.
#[tokio::test]
async fn what_everything_hangs_on_halts_the_projector_which_names_it_and_stays() {
    let mut bed = Bed::new().await;
    let room = RoomId(Uuid::now_v7());
    for (what, record) in to_halt(room) {
        let running = bed.starts();
        bed.publishes(&joined(room)).await;
        bed.publishes(&posted(room, "before")).await;
        bed.arrives().await;
        let seq = bed.publishes(&record).await;
        bed.publishes(&posted(room, "after")).await;
        let why = halts(&running.1).await;
        assert!(why.contains(&format!("at {seq}")), "{what}: {why}");
        assert_eq!(bed.texts(room).await, ["before"], "{what}");
        ends(running).await;
        // A start finds the same, and stays to name it.
        let running = bed.starts();
        let why = halts(&running.1).await;
        assert!(why.contains(&format!("at {seq}")), "{what}, after a start: {why}");
        println!("{what}: halted, {why}");
        ends(running).await;
        assert_eq!(bed.texts(room).await, ["before"], "{what}");
        bed = bed.anew().await;
    }
}

/// The subject says where an event belongs, the state that it carries is the row, and the first of an id wins.
#[tokio::test]
async fn what_is_odd_and_can_be_applied_harms_nobody() {
    let bed = Bed::new().await;
    let (room, other) = (RoomId(Uuid::now_v7()), RoomId(Uuid::now_v7()));
    for room in [room, other] {
        bed.publishes(&joined(room)).await;
    }
    let running = bed.starts();
    let first = posted(room, "first");
    bed.publishes(&first).await;
    // Another room in the body than in the subject: it is of the subject's.
    bed.publishes(&written(posted(room, "strayed"), &room.to_string(), &other.to_string())).await;
    // The id of a message that is there, under an id of the event's own.
    bed.publishes(&header(written(first.clone(), "first", "second"), "ce-id", &Uuid::now_v7().to_string())).await;
    // An edit of a message that is nowhere.
    let edited = MessageEdited { room, message: MessageId(Uuid::now_v7()), text: "nothing".into() };
    bed.publishes(&said(Subject::RoomMessages(room), MessageEvent::from(edited))).await;
    // A state that no membership comes to.
    bed.publishes(&written(joined(room), "\"role\":\"member\"", "\"role\":\"owner\"")).await;
    // The last second of 2016, which Postgres has no word for.
    bed.publishes(&header(posted(room, "leap"), "ce-time", "2016-12-31T23:59:60Z")).await;
    bed.publishes(&posted(room, "last")).await;
    bed.arrives().await;
    assert_eq!(bed.texts(room).await, ["first", "strayed", "leap", "last"]);
    assert_eq!(bed.texts(other).await, Vec::<String>::new());
    assert_eq!(operator::waiting(&bed.tables.url()).await.expect("it answers"), []);
    assert_eq!(running.1.get("projector"), Some(State::Ok));
    ends(running).await;
}
