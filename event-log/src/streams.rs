//! Which streams does the log have, and how are they set? Made by the operator; nobody else may.

use crate::{AppendError, EventLog, Freshness, JetStream, LogError, nats::Api};
use async_nats::Client;
use clap::Args;
use events::{
    Actor, Condition, Envelope, Epoch, Event, EventId, NewEvent, StreamName, Subject,
    system::{EpochEvent, EpochStarted},
};
use serde_json::{Value, json};
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep};

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
pub(crate) const DUPLICATE_WINDOW_NS: u64 = 120_000_000_000;
/// What a user's presence keeps of the past.
pub(crate) const PRESENCE_PER_USER: i64 = 64;
const NO_SUCH_STREAM: &str = "10059";
const NO_PEERS: &str = "10005";
/// A cluster elects within 9 s who leads a stream, and hears of a server that is there again sooner.
const BEGUN_WITHIN: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(100);

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
        "max_msgs": -1,
        "max_age": 0,
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

/// Creates what is missing, updates what loses nothing, and begins the epoch of what is empty. Safe to repeat.
///
/// # Errors
/// By name: a difference that could lose messages, before anything is changed; a stream that holds records and no
/// epoch; what the server does not allow.
pub async fn migrate(client: &Client, args: &StreamArgs) -> Result<(), LogError> {
    let api = Api::new(client.clone());
    let (mut streams, mut by_hand) = (Vec::new(), Vec::new());
    for wanted in settings(args) {
        let name = wanted["name"].as_str().unwrap_or_default().to_owned();
        let found = config(&api, &name).await?;
        let differences = found.as_ref().map_or_else(Vec::new, |found| differences(&wanted, found));
        let unsafe_ones = differences.iter().filter(|difference| !difference.loses_nothing());
        by_hand.extend(unsafe_ones.map(|difference| format!("{name}: {difference}")));
        streams.push((name, wanted, found, differences));
    }
    // All are looked at before one is touched: half a migration would be harder to judge than none.
    if !by_hand.is_empty() {
        let why =
            format!("could lose messages, so it is left alone and has to be settled by hand: {}", by_hand.join("; "));
        return Err(LogError::Unexpected { doing: "comparing the streams", why });
    }
    for (name, wanted, found, differences) in streams {
        match found {
            None => {
                create(&api, &name, &wanted).await?;
                tracing::info!(stream = name, "created");
            }
            Some(_) if differences.is_empty() => {}
            Some(mut config) => {
                // All else stays as it is, also what a newer server knows and we do not.
                differences.iter().for_each(|difference| config[&difference.setting] = difference.wanted.clone());
                api.request::<Value>("updating a stream", format!("$JS.API.STREAM.UPDATE.{name}"), &config).await?;
                let changed: Vec<String> = differences.iter().map(Difference::to_string).collect();
                tracing::info!(stream = name, ?changed, "updated");
            }
        }
    }
    let log = JetStream::new(client.clone());
    for stream in StreamName::ALL {
        if log.last(Subject::Epoch(stream), Freshness::Leader).await?.is_some() {
            continue;
        }
        let last = log.extent(stream).await?.last;
        if last > 0 {
            let why = format!(
                "{stream} goes up to {last} and holds no epoch, so its beginning is lost or it is not ours: \
                 restore it from a backup, or delete it if nothing in it counts, then migrate again"
            );
            return Err(LogError::Unexpected { doing: "beginning the first epoch", why });
        }
        begin_epoch(&log, stream, 0).await?;
    }
    Ok(())
}

async fn create(api: &Api, name: &str, settings: &Value) -> Result<(), LogError> {
    let until = Instant::now() + BEGUN_WITHIN;
    loop {
        let asked = api.request::<Value>("creating a stream", format!("$JS.API.STREAM.CREATE.{name}"), settings);
        match asked.await {
            // On a cluster that has only just started its leader has not yet heard of every server, or a busy one does
            // not answer in time. To create a stream that is there as it is wanted changes nothing.
            Err(error) if may_do_later(&error) && Instant::now() < until => sleep(LOOK_EVERY).await,
            made => return made.map(drop),
        }
    }
}

fn may_do_later(error: &LogError) -> bool {
    match error {
        LogError::Unavailable { .. } => true,
        LogError::Unexpected { why, .. } => why.starts_with(NO_PEERS),
    }
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
    let event = epoch_begun(stream, before);
    let until = Instant::now() + BEGUN_WITHIN;
    loop {
        match log.append(vec![event.clone()]).await {
            // Somebody else began it in the same moment.
            Ok(_) | Err(AppendError::Conflict | AppendError::AlreadyStored { .. }) => return Ok(()),
            // On a cluster a new stream is made before every server knows where to send its messages.
            Err(AppendError::NotStored(_)) if Instant::now() < until => sleep(LOOK_EVERY).await,
            Err(why) => return Err(LogError::Unexpected { doing: "beginning an epoch", why: why.to_string() }),
        }
    }
}

/// The event that begins another epoch on a stream whose last one began at `before`.
pub(crate) fn epoch_begun(stream: StreamName, before: u64) -> NewEvent {
    let now = chrono::SubsecRound::trunc_subsecs(chrono::Utc::now(), 3);
    let subject = Subject::Epoch(stream);
    let started = EpochStarted { epoch: Epoch(rand::random_range(1..u32::MAX)), at: now };
    let id = EventId::at(now, rand::random());
    let mut envelope = Envelope::new(id, now, Actor::Operator, id.to_string());
    envelope.after = Some(Condition { subject, seq: before });
    NewEvent { subject, envelope, event: EpochEvent::from(started).into() }
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
            Some(found) => wrong.extend(differences(&wanted, &found).iter().map(|what| format!("{name}: {what}"))),
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

/// A setting that is not as it has to be.
struct Difference {
    setting: String,
    wanted: Value,
    found: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, not {}", self.setting, self.found, self.wanted)
    }
}

impl Difference {
    /// Whether changing it can lose no message. What is not known to be safe is not.
    fn loses_nothing(&self) -> bool {
        match self.setting.as_str() {
            "duplicate_window" | "compression" | "num_replicas" => true,
            // Less room, or a bound where there was none (-1), drops what does not fit.
            "max_bytes" => match (self.wanted.as_i64(), self.found.as_i64()) {
                (Some(wanted), Some(found)) => found > 0 && wanted > found,
                _ => false,
            },
            setting => setting.starts_with("allow_"),
        }
    }
}

/// What is wanted and found otherwise; the server leaves out what is false, zero or none.
fn differences(wanted: &Value, found: &Value) -> Vec<Difference> {
    let nothing = |value: &Value| matches!(value.to_string().as_str(), "null" | "false" | "0" | "\"none\"");
    let wanted = wanted.as_object().into_iter().flatten();
    wanted
        .filter(|(name, value)| found[name.as_str()] != **value && !(nothing(value) && nothing(&found[name.as_str()])))
        .map(|(name, value)| Difference {
            setting: name.clone(),
            wanted: value.clone(),
            found: found[name.as_str()].clone(),
        })
        .collect()
}
