//! What is a reaction, and who takes it back?

use super::{Hall, refused};
use crate::house::{a_guest, user_id};
use events::MessageEvent;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_has_one_text_however_it_is_sent_and_is_ones_own() {
    let hall = Hall::start().await;
    let hello = hall.bob_says("hello").await;
    let react = |method, emoji: &str| hall.ask(method, &format!("{hello}/reactions/{emoji}"), Value::Null);
    // ❤ with and without what makes it an emoji; 👨‍👩‍👧 in one piece.
    for sent in ["%E2%9D%A4", "%E2%9D%A4%EF%B8%8F"] {
        let reacted = react("PUT", sent).by(&hall.ada).done(&hall.pair.one).await;
        assert_eq!(reacted["reaction"]["emoji"], "❤\u{fe0f}");
    }
    let family = "%F0%9F%91%A8%E2%80%8D%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7";
    react("PUT", family).by(&hall.bob).done(&hall.pair.one).await;
    react("DELETE", family).by(&hall.ada).done(&hall.pair.one).await;
    for none in ["a", "%00", "%F0%9F%91%8D%F0%9F%91%8D", "%F0%9F%91", "1", "%20", ":heart:"] {
        assert_eq!(refused(react("PUT", none).by(&hall.ada), &hall.pair.one).await, "invalid-request", "{none}");
    }
    let reactions: Vec<_> = hall.messages().await.into_iter().filter_map(reaction).collect();
    let (ada, bob) = (user_id(&hall.ada), user_id(&hall.bob));
    let (heart, family) = ("❤\u{fe0f}".to_owned(), "👨\u{200d}👩\u{200d}👧".to_owned());
    let expected =
        [("+", ada, heart.clone()), ("+", ada, heart), ("+", bob, family.clone()), ("-", ada, family)].to_vec();
    assert_eq!(reactions, expected, "Ada takes back what is hers only");

    let outsider = a_guest(&hall.pair, "Eve").await;
    assert_eq!(refused(react("PUT", "%E2%9D%A4").by(&outsider), &hall.pair.one).await, "forbidden");
    hall.stop().await;
}

fn reaction(event: MessageEvent) -> Option<(&'static str, events::UserId, String)> {
    match event {
        MessageEvent::ReactionAdded(added) => Some(("+", added.user, added.emoji)),
        MessageEvent::ReactionRemoved(removed) => Some(("-", removed.user, removed.emoji)),
        _ => None,
    }
}
