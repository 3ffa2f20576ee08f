//! Is each command in the log as often as its answer says? Once for a yes, never for a no.

use anyhow::Result;
use event_log::EventLog;
use events::StreamName;
use std::collections::HashMap;

use super::{
    deed::{Done, End, Trace},
    part::{Part, Wrong},
};
use crate::chaos::reader::{self, Entry};

/// Everything that a deed can leave, as the log has it.
#[derive(Default)]
pub(super) struct Ledger {
    found: HashMap<Trace, Vec<Found>>,
}

struct Found {
    seq: u64,
    /// The event's id; of a person's appearance whose it is.
    id: String,
}

impl Ledger {
    /// Reads the log from its beginning.
    pub(super) async fn read(log: &dyn EventLog) -> Result<Self> {
        let mut ledger = Self::default();
        for stream in [StreamName::Chat, StreamName::Identity] {
            reader::read(log, stream, 0, |entry| ledger.enter(entry)).await?;
        }
        Ok(ledger)
    }

    fn enter(&mut self, entry: &Entry) {
        let user = || entry.text("user").to_owned();
        let (kind, mark, id) = match entry.kind.as_str() {
            "message.posted" => ("message.posted", entry.text("text").to_owned(), entry.id.clone()),
            "lounge.created" => ("lounge.created", entry.text("name").to_owned(), entry.id.clone()),
            "user.appeared" => ("user.appeared", entry.text("display_name").to_owned(), user()),
            "account.registered" => ("account.registered", entry.text("display_name").to_owned(), user()),
            "member.joined" => {
                let Some((room, user)) = entry.member() else { return };
                ("member.joined", format!("{room}/{user}"), entry.id.clone())
            }
            _ => return,
        };
        self.found.entry(Trace { kind, mark }).or_default().push(Found { seq: entry.seq, id });
    }

    /// Compares every deed with it.
    pub(super) fn judge(&self, done: &[Done], part: &mut Part) {
        for Done { traces, end, repeats } in done {
            part.count(end, *repeats);
            let found = |trace| (trace, self.found.get(trace).map_or(&[][..], Vec::as_slice));
            // A deed is wrong once, by whatever is wrong with it first.
            if let Some((wrong, what)) = traces.iter().map(found).find_map(|(trace, found)| judge(trace, end, found)) {
                part.is(wrong, what);
            }
        }
    }
}

fn judge(trace: &Trace, end: &End, found: &[Found]) -> Option<(Wrong, String)> {
    let Trace { kind, mark } = trace;
    let at = || found.iter().map(|found| found.seq).collect::<Vec<_>>();
    match (end, found) {
        (End::Open(why), _) => Some((Wrong::Open, format!("{kind} {mark:?} was left open: {why}"))),
        (End::Refused(why) | End::Wronged(why), [_, ..]) => {
            Some((Wrong::Ghost, format!("{kind} {mark:?} was refused ({why}), and stands at {:?}", at())))
        }
        (End::Wronged(why), []) => Some((Wrong::Wronged, format!("{kind} {mark:?} was refused: {why}"))),
        (End::Refused(_), []) => None,
        (End::Applied { .. }, []) => Some((Wrong::Lost, format!("{kind} {mark:?} was acknowledged, and is not there"))),
        (End::Applied { .. }, [_, _, ..]) => Some((Wrong::Twice, format!("{kind} {mark:?} stands at {:?}", at()))),
        (End::Applied { id, seq }, [found]) => {
            // Of two streams an answer names the one that all may read.
            let at_its_place = *kind == "account.registered" || seq.is_none_or(|seq| seq == found.seq);
            let itself = id.as_ref().is_none_or(|id| *id == found.id);
            let what = || format!("{kind} {mark:?} was answered as {id:?} at {seq:?}, and stands at {:?}", at());
            (!(at_its_place && itself)).then(|| (Wrong::Lost, what()))
        }
    }
}
