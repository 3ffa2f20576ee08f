//! How does a reader follow the fake? As it follows the real one: in order, checked at each step and after each cut.

use super::{Shared, State};
use crate::{FollowError, Record, Start};
use events::{EventId, StreamName, Time};
use futures::{Stream, stream};
use std::sync::Arc;
use tokio::sync::watch;

/// The last record that was delivered; its id is unknown for a start by sequence.
#[derive(Clone, Copy)]
struct Mark {
    seq: u64,
    id: Option<EventId>,
}

struct Follower {
    shared: Arc<Shared>,
    changed: watch::Receiver<u64>,
    stream: StreamName,
    filters: Vec<String>,
    mark: Option<Mark>,
    since: Option<Time>,
    /// Whether the record at the mark was asked for again and must come first.
    inclusive: bool,
    /// Whether the record at a checkpoint still has to be handed to the reader.
    deliver_mark: bool,
    /// Over which connection it reads, and what comes next there.
    reads: Option<Reads>,
}

#[derive(Clone, Copy)]
struct Reads {
    connection: u64,
    next: u64,
}

pub(super) fn follow(
    shared: Arc<Shared>,
    stream: StreamName,
    start: Start,
    filters: Vec<String>,
) -> impl Stream<Item = Result<Record, FollowError>> {
    let (mark, since) = match start {
        Start::Beginning => (None, None),
        Start::Checkpoint { seq, id } => (Some(Mark { seq, id: Some(id) }), None),
        Start::Sequence(seq) => (Some(Mark { seq, id: None }), None),
        Start::Time(since) => (None, Some(since)),
    };
    let changed = shared.changed.subscribe();
    let deliver_mark = mark.is_some();
    let follower =
        Follower { shared, changed, stream, filters, mark, since, inclusive: false, deliver_mark, reads: None };
    // An error is the end: the stream after it is empty.
    stream::unfold(Some(follower), async |follower| {
        let mut follower = follower?;
        match follower.next().await {
            Ok(record) => Some((Ok(record), Some(follower))),
            Err(diverged) => Some((Err(diverged), None)),
        }
    })
}

impl Follower {
    async fn next(&mut self) -> Result<Record, FollowError> {
        loop {
            self.changed.borrow_and_update();
            if let Some(record) = self.step()? {
                return Ok(record);
            }
            self.changed.changed().await.expect("the follower holds the log that tells it");
        }
    }

    fn step(&mut self) -> Result<Option<Record>, FollowError> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        if !state.is_up() {
            return Ok(None);
        }
        let mut reads = self.connected(&mut state)?;
        while let Some((record, stored_at)) = state.next(self.stream, reads.next) {
            reads.next = record.seq + 1;
            self.reads = Some(reads);
            let wanted = self.mark.is_some() || self.since.is_none_or(|since| since <= stored_at);
            if wanted
                && self.passes(&record.subject)
                && let Some(record) = self.accept(record)?
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    /// After a cut it begins anew at the mark, and the log has to be the one that was read.
    fn connected(&mut self, state: &mut State) -> Result<Reads, FollowError> {
        if let Some(reads) = self.reads.filter(|reads| reads.connection == state.connection) {
            return Ok(reads);
        }
        self.check(state)?;
        self.inclusive = self.mark.is_some();
        let next = self.mark.map_or(1, |mark| mark.seq.max(1));
        Ok(*self.reads.insert(Reads { connection: state.connection, next }))
    }

    fn check(&self, state: &mut State) -> Result<(), FollowError> {
        let Some(mark) = self.mark else { return Ok(()) };
        let last = state.extent(self.stream).last;
        if last < mark.seq {
            return Err(self.diverged(mark.seq, format!("it ends at {last}")));
        }
        match state.read(self.stream, mark.seq) {
            Some(record) => self.is_ours(mark, &record),
            None if self.stream == StreamName::Chat && mark.id.is_some() => {
                Err(self.diverged(mark.seq, "it does not hold it".to_owned()))
            }
            None => Ok(()),
        }
    }

    /// Whether a record is the next one, and for the reader.
    fn accept(&mut self, record: Record) -> Result<Option<Record>, FollowError> {
        let first = std::mem::take(&mut self.inclusive);
        let seq = record.seq;
        match self.mark {
            Some(mark) if first && seq == mark.seq => {
                self.is_ours(mark, &record)?;
                self.mark = Some(Mark { seq, id: record.id() });
                return Ok(std::mem::take(&mut self.deliver_mark).then_some(record));
            }
            Some(mark) if first && mark.id.is_some() && self.forgets_nothing() => {
                return Err(self.diverged(mark.seq, format!("it goes on at {seq} without it")));
            }
            Some(mark) if !first && self.forgets_nothing() && seq != mark.seq + 1 => {
                return Err(self.diverged(mark.seq, format!("it goes on at {seq}")));
            }
            // Whoever reads from the beginning has to get the beginning.
            None if self.since.is_none() && self.forgets_nothing() && seq != 1 => {
                return Err(self.diverged(seq, format!("it begins at {seq}")));
            }
            Some(_) | None => {}
        }
        self.deliver_mark = false;
        self.mark = Some(Mark { seq, id: record.id() });
        Ok(Some(record))
    }

    /// All of `CHAT` is followed: every sequence has to come.
    fn forgets_nothing(&self) -> bool {
        self.stream == StreamName::Chat && self.filters.is_empty()
    }

    fn passes(&self, subject: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| matches(filter, subject))
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

/// Whether a subject is one that a filter names: `*` is any one token, `>` at the end one or more.
fn matches(filter: &str, subject: &str) -> bool {
    let mut subject = subject.split('.');
    for token in filter.split('.') {
        match (token, subject.next()) {
            (">", rest) => return rest.is_some(),
            ("*", Some(_)) => {}
            (literal, found) if found == Some(literal) => {}
            _ => return false,
        }
    }
    subject.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn filters_match_as_the_servers_do() {
        assert!(matches("chat.v1.>", "chat.v1.sys.epoch"));
        assert!(matches("chat.v1.user.*", "chat.v1.user.ada"));
        assert!(matches("chat.v1.sys.relay", "chat.v1.sys.relay"));
        for (filter, subject) in [
            ("chat.v1.>", "chat.v1"),
            ("chat.v1.user.*", "chat.v1.user.ada.x"),
            ("chat.v1.user.*", "chat.v1.user"),
            ("chat.v1.user", "chat.v1.user.ada"),
            ("chat.v1.sys.relay", "chat.v1.sys.epoch"),
        ] {
            assert!(!matches(filter, subject), "{filter} {subject}");
        }
    }
}
