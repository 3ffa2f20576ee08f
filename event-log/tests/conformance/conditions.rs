//! What is a condition worth, and a read? Measured claims; on three servers they differ from one.

use super::{
    raw::{Answer, Message, Stood, all, last, last_anywhere, single, stored, subject},
    rig::Rig,
};
use futures::future::join_all;
use servers::Role;
use std::iter;

/// Enough to see it on a cluster, too few to wait for.
const WRITERS: usize = 8;
const TRIES_EACH: usize = 40;

/// Why of one send's singles no two look at one subject, and why a batch is made of two already.
pub(super) async fn on_three_servers_two_that_look_at_one_subject_are_not_taken_at_once(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (room, member) = (subject(), subject());
    let joined = stored(&client, Message::tip(&member, 0)).await;
    let at_once = (0..50).map(|_| single(&client, Message::on(&room).after(&member, joined)));
    let answers = join_all(at_once).await;
    let refused = answers.iter().filter(|answer| **answer == Answer::Refused(10_164)).count();
    let taken = answers.iter().filter(|answer| matches!(answer, Answer::Stored(_))).count();
    println!("50 at once under one condition, on {} servers: {refused} refused", rig.replicas());
    assert_eq!(taken + refused, answers.len(), "{answers:?}");
    assert!(taken > 0);
    // How many collide is chance; on one server none may.
    assert!(rig.replicas() > 1 || refused == 0);
}

/// Why a refusal is decided on what the leader says.
pub(super) async fn the_leader_is_never_behind(rig: Rig) {
    // A direct read is answered by the server that is asked, if it holds the stream.
    let (client, asked) = (rig.client(Role::Command).await, rig.follower("CHAT").await);
    let asked = asked.connect(Role::Command).await.expect("a role may connect");
    let behind = join_all((0..WRITERS).map(|_| async {
        let subject = subject();
        let (mut at, mut behind) = (0, 0);
        for _ in 0..TRIES_EACH {
            at = stored(&client, Message::tip(&subject, at)).await;
            behind += usize::from(last_anywhere(&asked, &subject).await != Some(at));
            assert_eq!(last(&asked, &subject).await, Some(at));
        }
        behind
    }));
    let (behind, reads) = (behind.await.into_iter().sum::<usize>(), WRITERS * TRIES_EACH);
    println!("direct reads just after a write, on {} servers: {behind} of {reads} behind", rig.replicas());
    assert!(rig.replicas() > 1 || behind == 0);
}

/// Why a condition is one literal subject. That one holds; how often the other does not is chance, and printed.
pub(super) async fn a_literal_condition_always_holds_and_on_three_servers_one_with_a_wildcard_does_not(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let parent = subject();
    let wildcard = format!("{parent}.>");
    let literal = |writer: usize| format!("{parent}.{}", writer % 2);
    // Half of them race for two subjects, and change what the other half watches.
    join_all((0..WRITERS).map(|writer| {
        let races = writer < WRITERS / 2;
        let own = if races { literal(writer) } else { format!("{parent}.watches.{writer}") };
        let watched = if races { own.clone() } else { wildcard.clone() };
        let client = &client;
        async move {
            for _ in 0..TRIES_EACH {
                let seen = last(client, &watched).await.unwrap_or(0);
                single(client, Message::on(&own).after(&watched, seen)).await;
            }
        }
    }))
    .await;
    let violated_of = |stand: &[Stood], watched: &str| {
        let before = iter::once(0).chain(stand.iter().map(|stood| stood.seq));
        let accepted = before.zip(stand).filter(|(_, stood)| stood.watched.as_deref() == Some(watched));
        let (held, violated): (Vec<_>, Vec<_>) = accepted.partition(|(before, stood)| stood.after == Some(*before));
        (violated.len(), held.len() + violated.len())
    };
    for own in [literal(0), literal(1)] {
        let (violated, accepted) = violated_of(&all(&client, &own).await, &own);
        assert!(violated == 0 && accepted > 0, "literal: {violated} of {accepted} violated");
    }
    let (violated, accepted) = violated_of(&all(&client, &wildcard).await, &wildcard);
    println!("conditions with a wildcard, on {} servers: {violated} of {accepted} violated", rig.replicas());
    assert!(rig.replicas() > 1 || violated == 0);
}
