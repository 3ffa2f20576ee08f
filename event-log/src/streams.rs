//! Which streams does the log have, and how are they set? Made by the operator; nobody else may.

use crate::{AppendError, EventLog, Freshness, JetStream, LogError, nats::Api};
use async_nats::Client;
use clap::Args;
use events::{
    Actor, Condition, Envelope, Epoch, Event, EventId, NewEvent, StreamName, Subject,
    system::{EpochEvent, EpochStarted},
};
use serde_json::{Value, json};

/// How large the log may become, and how often it is kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Streams")]
pub struct StreamArgs {
    /// Copies of each stream: 1 on one server, 3 on a cluster.
    #[arg(long, env = "NATS_REPLICAS", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=5))]
    pub replicas: u8,

    /// Most bytes of the stream CHAT; keep it well below the disk.
    #[arg(long, env = "CHAT_BYTES_MAX", value_name = "BYTES", default_value_t = 16 << 30)]
    pub chat_bytes_max: i64,

    /// Most bytes of each of the other streams.
    #[arg(long, env = "OTHER_BYTES_MAX", value_name = "BYTES", default_value_t = 2 << 30)]
    pub other_bytes_max: i64,
}

/// The stream whose only message shows that appending works.
pub const CANARY: &str = "CANARY";
/// Its subject.
pub const CANARY_SUBJECT: &str = "canary.append";
/// The bucket of presence leases.
pub const LEASES: &str = "PRESENCE_LEASES";
/// A lease ends by itself after this long.
pub const LEASE_TTL_SECS: u64 = 75;
/// Within which the server recognises an id that it has stored. "STREAM.UPDATE" takes nanoseconds.
const DUPLICATE_WINDOW_NS: u64 = 120_000_000_000;
/// What a user's presence keeps of the past.
const PRESENCE_PER_USER: i64 = 64;
const NO_SUCH_STREAM: &str = "10059";

/// What each stream has to be. Fields that are not named are the server's.
fn settings(args: &StreamArgs) -> Vec<Value> {
    let one_server = args.replicas == 1;
    let mut all: Vec<Value> = StreamName::ALL.map(|stream| of_the_log(stream, args)).into();
    all.push(json!({
        "name": CANARY, "subjects": ["canary.>"], "storage": "file", "retention": "limits",
        "num_replicas": args.replicas, "max_msgs": 1, "max_bytes": 1 << 20, "discard": "old",
    }));
    let mut leases = json!({
        "name": format!("KV_{LEASES}"), "subjects": [format!("$KV.{LEASES}.>")], "storage": "file",
        "retention": "limits", "num_replicas": args.replicas, "max_msgs_per_subject": 1, "max_bytes": 256 << 20,
        "discard": "new", "deny_delete": true, "allow_rollup_hdrs": true, "allow_direct": true, "allow_msg_ttl": true,
        "max_age": LEASE_TTL_SECS * 1_000_000_000, "subject_delete_marker_ttl": LEASE_TTL_SECS * 1_000_000_000,
    });
    // Leases are soft: with an fsync each, their renewals would eat the log's.
    if one_server {
        leases["persist_mode"] = json!("async");
    }
    all.push(leases);
    all
}

fn of_the_log(stream: StreamName, args: &StreamArgs) -> Value {
    let forgets_nothing = stream == StreamName::Chat;
    let mut settings = json!({
        "name": stream.as_str(),
        "subjects": [stream.subjects()],
        "storage": "file",
        "retention": "limits",
        "num_replicas": args.replicas,
        "max_bytes": if forgets_nothing { args.chat_bytes_max } else { args.other_bytes_max },
        "max_msgs_per_subject": -1,
        "duplicate_window": DUPLICATE_WINDOW_NS,
        "deny_delete": true,
        // A rollup purges its subject, so where there is one, purging is kept away by rights alone.
        "deny_purge": forgets_nothing,
        "allow_rollup_hdrs": !forgets_nothing,
        "allow_atomic": true,
        "allow_direct": true,
        "allow_msg_ttl": stream == StreamName::Identity,
        "discard": "new",
        "compression": "none",
    });
    match stream {
        StreamName::Chat => settings["compression"] = json!("s2"),
        StreamName::Identity => {}
        StreamName::Presence => {
            settings["compression"] = json!("s2");
            settings["discard"] = json!("old");
            settings["max_msgs_per_subject"] = json!(PRESENCE_PER_USER);
        }
        StreamName::Markers => {
            settings["discard"] = json!("old");
            settings["max_msgs_per_subject"] = json!(1);
        }
    }
    settings
}

/// Creates what is missing, updates what differs, and begins the first epoch of each stream. Safe to repeat.
///
/// # Errors
/// What the server does not allow, by name: a difference that cannot be changed, a missing right, a lack of room.
pub async fn migrate(client: &Client, args: &StreamArgs) -> Result<(), LogError> {
    let api = Api::new(client.clone());
    for wanted in settings(args) {
        let name = wanted["name"].as_str().unwrap_or_default();
        match config(&api, name).await? {
            None => {
                api.request::<Value>("creating a stream", format!("$JS.API.STREAM.CREATE.{name}"), &wanted).await?;
                tracing::info!(stream = name, "created");
            }
            Some(found) if differences(&wanted, &found).is_empty() => {}
            Some(mut found) => {
                let changed = differences(&wanted, &found);
                found
                    .as_object_mut()
                    .into_iter()
                    .for_each(|found| found.extend(wanted.as_object().cloned().unwrap_or_default()));
                api.request::<Value>("updating a stream", format!("$JS.API.STREAM.UPDATE.{name}"), &found).await?;
                tracing::info!(stream = name, ?changed, "updated");
            }
        }
    }
    let log = JetStream::new(client.clone());
    for stream in StreamName::ALL {
        if log.last(Subject::Epoch(stream), Freshness::Leader).await?.is_none() {
            begin_epoch(&log, stream, 0).await?;
        }
    }
    Ok(())
}

/// Begins another epoch on each stream: after a restore, so that no reader takes it for the log it knew.
///
/// # Errors
/// When a stream is missing or takes nothing.
pub async fn new_epoch(client: &Client) -> Result<(), LogError> {
    let log = JetStream::new(client.clone());
    for stream in StreamName::ALL {
        let before = log.last(Subject::Epoch(stream), Freshness::Leader).await?.map_or(0, |record| record.seq);
        begin_epoch(&log, stream, before).await?;
    }
    Ok(())
}

async fn begin_epoch(log: &JetStream, stream: StreamName, before: u64) -> Result<(), LogError> {
    let now = chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 3);
    let subject = Subject::Epoch(stream);
    let started = EpochStarted { epoch: Epoch(rand::random_range(1..u32::MAX)), at: now };
    let id = EventId::at(now, rand::random());
    let mut envelope = Envelope::new(id, now, Actor::Operator, id.to_string());
    envelope.after = Some(Condition { subject, seq: before });
    let event = NewEvent { subject, envelope, event: EpochEvent::from(started).into() };
    match log.append(vec![event]).await {
        // Somebody else began it in the same moment.
        Ok(_) | Err(AppendError::Conflict) => Ok(()),
        Err(why) => Err(LogError::Unexpected { doing: "beginning an epoch", why: why.to_string() }),
    }
}

/// The epoch that a stream is in.
///
/// # Errors
/// When it cannot be read, or was never begun: then `chatroom migrate` was not run.
pub async fn epoch(log: &dyn EventLog, stream: StreamName) -> Result<Epoch, LogError> {
    let doing = "reading the stream's epoch";
    let unexpected = |why: String| LogError::Unexpected { doing, why };
    let record = log.last(Subject::Epoch(stream), Freshness::Leader).await?;
    let record = record.ok_or_else(|| unexpected(format!("{stream} has none: run `chatroom migrate`")))?;
    match record.fact().map_err(|why| unexpected(why.to_string()))?.event {
        Event::Epoch(EpochEvent::Started(started)) => Ok(started.epoch),
        other => Err(unexpected(format!("found {}", other.event_type()))),
    }
}

/// Says in words what is not as it has to be: for the doctor. Replicas and sizes are the operator's to choose.
///
/// # Errors
/// When the server does not answer.
pub async fn verify(client: &Client) -> Result<Vec<String>, LogError> {
    let api = Api::new(client.clone());
    let args = StreamArgs { replicas: 1, chat_bytes_max: 0, other_bytes_max: 0 };
    let mut wrong = Vec::new();
    for mut wanted in settings(&args) {
        let name = wanted["name"].as_str().unwrap_or_default().to_owned();
        for chosen in ["num_replicas", "max_bytes", "persist_mode"] {
            wanted.as_object_mut().and_then(|wanted| wanted.remove(chosen));
        }
        match config(&api, &name).await? {
            None => wrong.push(format!("{name} is missing")),
            Some(found) => wrong.extend(differences(&wanted, &found).into_iter().map(|what| format!("{name}: {what}"))),
        }
    }
    Ok(wrong)
}

async fn config(api: &Api, name: &str) -> Result<Option<Value>, LogError> {
    match api.request::<Value>("asking for a stream", format!("$JS.API.STREAM.INFO.{name}"), &json!({})).await {
        Ok(info) => Ok(Some(info["config"].clone())),
        Err(LogError::Unexpected { why, .. }) if why.starts_with(NO_SUCH_STREAM) => Ok(None),
        Err(why) => Err(why),
    }
}

/// What is wanted and found otherwise; the server leaves out what is false, zero or none.
fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let nothing = |value: &Value| matches!(value.to_string().as_str(), "null" | "false" | "0" | "\"none\"");
    let wanted = wanted.as_object().into_iter().flatten();
    wanted
        .filter(|(name, value)| found[name.as_str()] != **value && !(nothing(value) && nothing(&found[name.as_str()])))
        .map(|(name, value)| format!("{name} is {}, not {value}", found[name.as_str()]))
        .collect()
}
