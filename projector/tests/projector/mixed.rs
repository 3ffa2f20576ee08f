//! A log by seed with all that a log may hold: what older releases wrote, what cannot be applied, the words that drop it.

use crate::{failpoints::dropped, fixtures, history};
use event_log::Record;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::BTreeSet;

/// `CHAT` twice, and the streams that forget.
pub(crate) struct Log {
    pub(crate) chat: Vec<Record>,
    /// Before it was mended.
    pub(crate) spoiled: Vec<Record>,
    pub(crate) broken: BTreeSet<u64>,
    pub(crate) small: Vec<Record>,
}

impl Log {
    /// `mended`: what cannot be applied is not dropped, but can be one day.
    pub(crate) fn of(seed: u64, facts: usize, mended: bool) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ 0x106);
        let mut chat = history::chat(seed, facts);
        mix_in(&mut chat, fixtures::of_chat(), &mut random);
        let mut spoiled = chat.clone();
        let keyed = |record: &Record| !record.subject.starts_with("chat.v1.sys.");
        let mut broken = BTreeSet::new();
        for _ in 0..random.random_range(0..3) {
            let at = random.random_range(1..chat.len());
            if keyed(&chat[at]) && broken.insert(at as u64 + 1) {
                spoiled[at].body = ["{", "{\"room\":7}", "\"\\ud800\""][random.random_range(0..3)].into();
            }
        }
        if !mended {
            let drops = broken.iter().map(|seq| dropped(0, *seq)).collect();
            mix_in_behind(&mut spoiled, drops, &broken, &mut random);
            chat.clone_from(&spoiled);
        }
        Self { chat, spoiled, broken, small: history::small(seed, 60) }
    }

    /// How many records a part is.
    pub(crate) fn upto(&self, thousandth: u64) -> usize {
        (self.chat.len() * usize::try_from(thousandth).expect("a part") / 1_000).max(1)
    }
}

fn mix_in(chat: &mut Vec<Record>, others: Vec<Record>, random: &mut StdRng) {
    let mut places: Vec<usize> = others.iter().map(|_| random.random_range(1..chat.len())).collect();
    places.sort_unstable();
    for (added, (place, record)) in places.into_iter().zip(others).enumerate() {
        chat.insert(place + added, record);
    }
    number(chat);
}

/// Each somewhere behind the event that it drops, whose sequence stays what it says.
fn mix_in_behind(chat: &mut Vec<Record>, drops: Vec<Record>, broken: &BTreeSet<u64>, random: &mut StdRng) {
    let last = broken.last().copied().unwrap_or_default();
    for record in drops {
        let place = random.random_range(usize::try_from(last).expect("small")..=chat.len());
        chat.insert(place, record);
    }
    number(chat);
}

fn number(chat: &mut [Record]) {
    for (record, seq) in chat.iter_mut().zip(1..) {
        record.seq = seq;
    }
}
