//! Which columns has an event in a table? What all have, flat; the rest is the body, as JSON.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{
    attribute::Attribute,
    exported::{Data, Exported},
};

/// A column and what it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    /// Microseconds since 1970, UTC.
    Time,
    Text,
}

/// A value of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Time(i64),
    Text(Vec<u8>),
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// In their order. Parquet has the type and the date in its folders' names.
pub(super) const COLUMNS: [Column; 18] = [
    column("seq", Kind::Number),
    column("room_seq", Kind::Number),
    column("id", Kind::Text),
    column("version", Kind::Number),
    column("time", Kind::Time),
    column("actor_type", Kind::Text),
    column("actor_id", Kind::Text),
    column("room_id", Kind::Text),
    column("user_id", Kind::Text),
    column("lounge_id", Kind::Text),
    column("subject", Kind::Text),
    column("correlation_id", Kind::Text),
    column("causation_id", Kind::Text),
    column("key", Kind::Text),
    column("body_hash", Kind::Text),
    column("after", Kind::Text),
    column("traceparent", Kind::Text),
    column("data", Kind::Text),
];

/// The values of one event, in the order of [`COLUMNS`].
pub(super) fn values(event: &Exported) -> [Option<Value>; COLUMNS.len()] {
    let number = |number: u64| Some(Value::Number(i64::try_from(number).unwrap_or(i64::MAX)));
    let text = |text: String| Some(Value::Text(text.into_bytes()));
    let attribute = |name| event.get(name).map(|value| Value::Text(value.as_bytes().to_vec()));
    let lounge = event.lounge().map(|lounge| lounge.to_string());
    let lounge = lounge.or_else(|| event.get(Attribute::LoungeId).map(str::to_owned));
    [
        number(event.seq),
        event.room_seq.and_then(number),
        attribute(Attribute::Id),
        number(event.type_name().1.into()),
        event.time().map(|time| Value::Time(time.timestamp_micros())),
        attribute(Attribute::ActorType),
        attribute(Attribute::ActorId),
        event.room().and_then(|room| text(room.to_string())),
        event.user().and_then(|user| text(user.to_string())),
        lounge.and_then(text),
        attribute(Attribute::Subject),
        attribute(Attribute::CorrelationId),
        attribute(Attribute::CausationId),
        attribute(Attribute::Key),
        attribute(Attribute::BodyHash),
        attribute(Attribute::After),
        attribute(Attribute::TraceParent),
        match &event.data {
            Data::Absent => None,
            Data::Json(json) => Some(Value::Text(json.clone())),
            // Still JSON, so that what reads the column as such does not stop here.
            Data::Bytes(bytes) => text(format!("{{\"data_base64\":\"{}\"}}", STANDARD.encode(bytes))),
        },
    ]
}
