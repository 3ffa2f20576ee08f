//! Many commands at the same moment, through both instances.

use rand::{RngExt, rngs::StdRng, seq::SliceRandom};
use std::sync::Arc;
use tokio::task::JoinSet;

use super::{
    instance::Instance,
    pair::{Pair, Side},
};
use crate::client::{Answer, Ask, Outcome};

/// A task gives way up to so many times before it sends, so that no two rounds begin alike.
const YIELDS_MAX: u32 = 12;

/// What one client does: its first command, and, once that was applied, the others one after the other.
pub(super) type Deeds = Vec<(Side, Ask)>;

/// Lets all clients begin at once, in an order that the seed draws; gives the answers of each, in the order given.
///
/// The seed decides who asks what through which instance; which of two that run at once is faster stays the
/// scheduler's choice.
pub(super) async fn storm(pair: &Pair, clients: Vec<Deeds>, draw: &mut StdRng) -> Vec<Vec<Outcome<Answer>>> {
    let mut order: Vec<(usize, Deeds)> = clients.into_iter().enumerate().collect();
    order.shuffle(draw);
    pair.armed.set(true);
    let mut clients = JoinSet::new();
    for (place, deeds) in order {
        let yields = draw.random_range(0..=YIELDS_MAX);
        let deeds: Vec<_> = deeds.into_iter().map(|(side, ask)| (Arc::clone(pair.through(side)), ask)).collect();
        clients.spawn(async move {
            for _ in 0..yields {
                tokio::task::yield_now().await;
            }
            (place, act(deeds).await)
        });
    }
    let mut answers = clients.join_all().await;
    pair.armed.set(false);
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answers)| answers).collect()
}

async fn act(deeds: Vec<(Arc<Instance>, Ask)>) -> Vec<Outcome<Answer>> {
    let mut answers = Vec::with_capacity(deeds.len());
    for (instance, ask) in deeds {
        if matches!(answers.first(), Some(Outcome::Refused(_) | Outcome::Unknown { .. })) {
            break;
        }
        answers.push(instance.send_once_taken(ask).await);
    }
    answers
}
