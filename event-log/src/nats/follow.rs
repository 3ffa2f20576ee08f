//! How does a reader hear every record once and in order? One push consumer, checked at each step, made anew when in doubt.

use super::{
    api::Api,
    consumer::{Consumer, Delivery, Step},
};
use crate::{Content, FollowError, Record, Slice, Start};
use events::{EventId, StreamName, Time};
use futures::{Stream, stream};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// After a failed attempt to make a consumer, while the server is away.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How often the record at the last position is read again, to notice a log that was swapped underneath.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// And again when the server did not answer: seldom enough not to slow down what it does deliver.
const CHECK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The last record that was delivered.
#[derive(Debug, Clone, Copy)]
struct Mark {
    seq: u64,
    /// Unknown for a start by sequence, and for a record that is not ours.
    id: Option<EventId>,
}

struct Follower {
    api: Api,
    stream: StreamName,
    filters: Vec<String>,
    content: Content,
    /// Where a slice ends; none: never.
    last: Option<u64>,
    mark: Option<Mark>,
    /// From when on, until the first record is there.
    since: Option<Time>,
    /// Whether the record at the mark was asked for again and must come first.
    inclusive: bool,
    consumer: Option<Consumer>,
    check_at: Instant,
    /// Whether the record at a checkpoint still has to be handed to the reader.
    deliver_mark: bool,
}

pub(super) fn follow(api: Api, stream: StreamName, slice: Slice) -> impl Stream<Item = Result<Record, FollowError>> {
    let Slice { start, last, filters, content } = slice;
    let mark = match start {
        Start::Beginning => None,
        Start::Checkpoint { seq, id } => Some(Mark { seq, id: Some(id) }),
        Start::Sequence(seq) => Some(Mark { seq, id: None }),
        Start::Time(_) => None,
    };
    let since = match start {
        Start::Time(since) => Some(since),
        Start::Beginning | Start::Checkpoint { .. } | Start::Sequence(_) => None,
    };
    let follower = Follower {
        api,
        stream,
        filters,
        content,
        last,
        mark,
        since,
        inclusive: false,
        consumer: None,
        check_at: Instant::now() + CHECK_EVERY,
        deliver_mark: mark.is_some(),
    };
    // An error is the end: the stream after it is empty.
    stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        match follower.next().await {
            Ok(record) => record.map(|record| (Ok(record), Some(follower))),
            Err(diverged) => Some((Err(diverged), None)),
        }
    })
}

impl Follower {
    /// The next record; none behind the last of a slice.
    async fn next(&mut self) -> Result<Option<Record>, FollowError> {
        loop {
            if self.mark.is_some_and(|mark| !self.deliver_mark && self.last.is_some_and(|last| mark.seq >= last)) {
                return Ok(None);
            }
            let Some(consumer) = &mut self.consumer else {
                self.begin().await?;
                continue;
            };
            // The slice's last record was there before its consumer was made, so it is among what was still to come then.
            if self.last.is_some() && consumer.is_caught_up() {
                return self.end();
            }
            match consumer.step(&self.api).await {
                Step::Broken(why) => {
                    tracing::debug!(stream = %self.stream, why, "making the consumer anew");
                    self.consumer = None;
                }
                Step::Nothing => self.check_now_and_then().await?,
                Step::Message(Delivery { seq, subject, headers, body, stored_at: _ }) => {
                    let record = Record { stream: self.stream, seq, subject, headers, body };
                    // A busy stream has no idle moment: here as well, before the next one is believed.
                    self.check_now_and_then().await?;
                    if self.last.is_some_and(|last| record.seq > last) {
                        return self.end();
                    }
                    if let Some(record) = self.accept(record)? {
                        return Ok(Some(record));
                    }
                }
            }
        }
    }

    /// A slice is over. Of a whole `CHAT` each record has to have come, up to the last.
    fn end(&self) -> Result<Option<Record>, FollowError> {
        match (self.mark, self.last) {
            (mark, Some(last)) if self.forgets_nothing() && mark.is_none_or(|mark| mark.seq < last) => {
                Err(self.diverged(mark.map_or(0, |mark| mark.seq), format!("it does not go on to {last}")))
            }
            _ => Ok(None),
        }
    }

    /// Makes a consumer from the mark on, as soon as the server lets us; before that, the log has to be the one we know.
    async fn begin(&mut self) -> Result<(), FollowError> {
        self.check().await?;
        match Consumer::make(&self.api, self.stream.as_str(), self.start(), &self.filters).await {
            Ok(consumer) => {
                self.consumer = Some(consumer);
                self.inclusive = self.mark.is_some();
            }
            Err(why) => {
                tracing::debug!(stream = %self.stream, %why, "the log is away");
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
        }
        Ok(())
    }

    /// Where the next consumer starts.
    fn start(&self) -> Value {
        let mut from = match (self.mark, self.since) {
            (Some(mark), _) => json!({ "deliver_policy": "by_start_sequence", "opt_start_seq": mark.seq.max(1) }),
            (None, Some(since)) => json!({ "deliver_policy": "by_start_time", "opt_start_time": since.to_rfc3339() }),
            (None, None) => json!({ "deliver_policy": "all" }),
        };
        from["headers_only"] = (self.content == Content::Headers).into();
        from
    }

    /// Whether a record is the next one, and for the reader.
    fn accept(&mut self, record: Record) -> Result<Option<Record>, FollowError> {
        let first = std::mem::take(&mut self.inclusive);
        if let Some(mark) = self.mark {
            if first && record.seq == mark.seq {
                self.is_ours(mark, &record)?;
                self.mark = Some(Mark { seq: record.seq, id: record.id() });
                return Ok(std::mem::take(&mut self.deliver_mark).then_some(record));
            }
            // A stream that forgets may have forgotten the mark; `CHAT` forgets nothing.
            if first && mark.id.is_some() && self.forgets_nothing() {
                return Err(self.diverged(mark.seq, format!("it goes on at {} without it", record.seq)));
            }
            if record.seq <= mark.seq {
                return Err(self.diverged(mark.seq, format!("it went back to {}", record.seq)));
            }
            if !first && self.forgets_nothing() && record.seq != mark.seq + 1 {
                return Err(self.diverged(mark.seq, format!("it goes on at {}", record.seq)));
            }
        }
        // Whoever reads from the beginning has to get the beginning.
        if self.mark.is_none() && self.since.is_none() && self.forgets_nothing() && record.seq != 1 {
            return Err(self.diverged(record.seq, format!("it begins at {}", record.seq)));
        }
        self.deliver_mark = false;
        self.mark = Some(Mark { seq: record.seq, id: record.id() });
        Ok(Some(record))
    }

    /// All of `CHAT` is followed: every sequence has to come.
    fn forgets_nothing(&self) -> bool {
        self.stream == StreamName::Chat && self.filters.is_empty()
    }

    async fn check_now_and_then(&mut self) -> Result<(), FollowError> {
        if Instant::now() >= self.check_at { self.check().await } else { Ok(()) }
    }

    /// Whether the log still holds what was read from it. A server that is away proves nothing.
    async fn check(&mut self) -> Result<(), FollowError> {
        self.check_at = Instant::now() + CHECK_AGAIN_AFTER;
        let Some(mark) = self.mark else { return Ok(()) };
        let Ok(extent) = self.api.extent(self.stream).await else { return Ok(()) };
        if extent.last < mark.seq {
            return Err(self.diverged(mark.seq, format!("it ends at {}", extent.last)));
        }
        match self.api.read(self.stream, mark.seq).await {
            Ok(Some(record)) => self.is_ours(mark, &record)?,
            Ok(None) if self.stream == StreamName::Chat && mark.id.is_some() => {
                return Err(self.diverged(mark.seq, "it does not hold it".to_owned()));
            }
            Ok(None) => {}
            Err(_) => return Ok(()),
        }
        self.check_at = Instant::now() + CHECK_EVERY;
        Ok(())
    }

    fn is_ours(&self, mark: Mark, record: &Record) -> Result<(), FollowError> {
        match (mark.id, record.id()) {
            (Some(known), found) if found != Some(known) => {
                let found = found.map_or_else(|| "no event".to_owned(), |id| id.to_string());
                Err(self.diverged(mark.seq, format!("{known} was read there, and now it holds {found}")))
            }
            _ => Ok(()),
        }
    }

    fn diverged(&self, seq: u64, why: String) -> FollowError {
        FollowError::Diverged { stream: self.stream, seq, why }
    }
}
