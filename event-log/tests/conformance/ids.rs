//! What does the server make of an id that it has stored? Measured claims, each on one server and on three.

use super::{
    raw::{Answer, Message, batch, last, single, stored, subject},
    rig::Rig,
};
use async_nats::Client;
use servers::Role;

/// A message whose tip has moved on, and where it stands.
async fn overtaken(client: &Client) -> (String, Message, u64) {
    let tip = subject();
    let message = Message::tip(&tip, 0);
    let at = stored(client, message.clone()).await;
    stored(client, Message::tip(&tip, at)).await;
    (tip, message, at)
}

/// Why nothing is sent again as a single.
pub(super) async fn a_single_sent_again_after_its_tip_moved_is_refused_on_one_server_and_known_on_three(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (_, message, at) = overtaken(&client).await;
    let known = if rig.replicas() == 1 { Answer::Refused(10_071) } else { Answer::Duplicate(at) };
    assert_eq!(single(&client, message).await, known);
}

/// Why it is sent again as a batch.
pub(super) async fn a_batch_of_one_sent_again_is_known_wherever_its_tip_is(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (tip, message, at) = overtaken(&client).await;
    assert_eq!(batch(&client, [message]).await, Answer::Refused(10_201));
    // What was not stored is not known, and cannot be stored any more.
    assert_eq!(batch(&client, [Message::tip(&tip, at)]).await, Answer::Refused(10_071));
    let two = [Message::tip(&subject(), 0), Message::tip(&subject(), 0)];
    assert!(matches!(batch(&client, two.clone()).await, Answer::Stored(_)));
    assert_eq!(batch(&client, two).await, Answer::Refused(10_201));
}

/// Why an answer of 10201 to a batch of several proves nothing for any one of them.
pub(super) async fn one_known_id_refuses_a_batch_whole(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (_, message, _) = overtaken(&client).await;
    let other = subject();
    assert_eq!(batch(&client, [Message::tip(&other, 0), message]).await, Answer::Refused(10_201));
    assert_eq!(last(&client, &other).await, None);
}

/// Why no client chooses an id.
pub(super) async fn an_id_is_known_on_any_subject_and_with_any_body(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (here, there) = (subject(), subject());
    let message = Message::on(&here);
    let at = stored(&client, message.clone()).await;
    assert_eq!(single(&client, message.moved_to(&there).body("another")).await, Answer::Duplicate(at));
    assert_eq!(last(&client, &there).await, None, "it is dropped");
}

/// How an event is found by its id.
pub(super) async fn an_id_sought_under_the_tip_is_answered_with_its_place(rig: Rig) {
    let client = rig.client(Role::Command).await;
    let (tip, message, at) = overtaken(&client).await;
    let end = last(&client, &tip).await.expect("two stand there");
    let sought = message.after(&tip, end).body("whatever");
    assert_eq!(single(&client, sought).await, Answer::Duplicate(at));
    assert_eq!(last(&client, &tip).await, Some(end));
}
