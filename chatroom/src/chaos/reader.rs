//! What stands in the log? Read as anybody could who has a NATS client and our documentation: JSON and headers, without
//! the vocabulary's decoding and folds, which are among what is judged.

use anyhow::{Context, Result, bail};
use event_log::{EventLog, Freshness, Record, Start};
use events::{StreamName, Subject};
use futures::StreamExt;
use serde_json::Value;

/// A record, as far as judges look at it.
pub(super) struct Entry {
    pub(super) seq: u64,
    pub(super) subject: String,
    /// `message.posted` for `chatroom.message.posted.v1`.
    pub(super) kind: String,
    pub(super) id: String,
    /// `<seq>@<subject>`.
    pub(super) after: Option<String>,
    pub(super) body: Value,
}

impl Entry {
    fn of(record: &Record) -> Result<Self> {
        let header = |name| record.header(name).with_context(|| format!("no {name} at {}", record.seq));
        let name = header("ce-type")?;
        let kind = name.strip_prefix("chatroom.").and_then(|name| name.rsplit_once(".v"));
        let (kind, _) = kind.with_context(|| format!("{name:?} at {} is no type of ours", record.seq))?;
        Ok(Self {
            seq: record.seq,
            subject: record.subject.clone(),
            kind: kind.to_owned(),
            id: header("ce-id")?.to_owned(),
            after: record.header("ce-after").map(str::to_owned),
            body: serde_json::from_slice(&record.body).with_context(|| format!("the body at {}", record.seq))?,
        })
    }

    /// A field of the body that is a text; empty where there is none.
    pub(super) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_default()
    }

    /// Room and person of a membership's subject.
    pub(super) fn member(&self) -> Option<(&str, &str)> {
        let tokens: Vec<&str> = self.subject.split('.').collect();
        match tokens.as_slice() {
            ["chat", "v1", _, "room", room, "member", user] => Some((room, user)),
            _ => None,
        }
    }
}

/// Shows every record of the stream behind `after`, in order, up to its end now.
pub(super) async fn read(
    log: &dyn EventLog,
    stream: StreamName,
    after: u64,
    mut see: impl FnMut(&Entry),
) -> Result<()> {
    let end = log.extent(stream).await?.last;
    if end <= after {
        return Ok(());
    }
    // Both streams that are judged end with a record that stays: nothing is appended any more.
    let mut records = log.follow(stream, Start::Sequence(after + 1), Vec::new());
    while let Some(record) = records.next().await {
        let record = record?;
        see(&Entry::of(&record)?);
        if record.seq >= end {
            return Ok(());
        }
    }
    bail!("{stream} was followed to an end that it does not have")
}

/// The last record on a subject.
pub(super) async fn tip(log: &dyn EventLog, subject: Subject) -> Result<Option<Entry>> {
    log.last(subject, Freshness::Leader).await?.as_ref().map(Entry::of).transpose()
}
