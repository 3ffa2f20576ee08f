//! How far has somebody read?

use super::{Hall, key, refused};
use crate::house::{Ask, Pair, a_guest, user_id};
use events::{Change, Event, Subject};
use serde_json::{Value, json};

impl Hall {
    async fn bob_has_read(&self) -> Option<u64> {
        let marker = self.pair.house.tip(Subject::Marker(user_id(&self.bob), self.room())).await;
        marker.map(|record| match record.fact().expect("of our vocabulary").event {
            Event::Marker(Change { after, .. }) => after.seq,
            other => panic!("a marker's fact: {other:?}"),
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marker_goes_forward_on_both_instances_and_not_beyond_what_can_be_read() {
    let hall = Hall::start().await;
    hall.read_model.has_head(hall.room(), 10).await;
    let read = |seq: u64| hall.ask("PUT", "/read", json!({ "seq": seq })).by(&hall.bob);
    let (one, two) = (&hall.pair.one, &hall.pair.two);
    for (seq, instance, stands) in
        [(4, one, 4), (3, two, 4), (7, two, 7), (5, one, 7), (u64::MAX, one, 10), (9, two, 10)]
    {
        let answer = read(seq).of(instance).await;
        assert_eq!(answer.body, json!({ "marker": { "room_id": hall.room(), "seq": stands } }));
        assert!(!answer.headers.contains_key("chat-position"));
        assert_eq!(hall.bob_has_read().await, Some(stands));
    }
    let outsider = a_guest(&hall.pair, "Eve").await;
    assert_eq!(refused(hall.ask("PUT", "/read", json!({ "seq": 1 })).by(&outsider), one).await, "forbidden");
    for wrong in [json!({ "seq": -1 }), json!({ "seq": "1" }), json!({})] {
        assert_eq!(refused(hall.ask("PUT", "/read", wrong).by(&hall.bob), one).await, "validation");
    }

    hall.read_model.has_head(hall.room(), 20).await;
    let key = key();
    let keyed = read(15).with_key(&key);
    let first = keyed.of(one).await;
    let again = keyed.of(two).await;
    assert_eq!((again.body, again.headers["idempotency-replayed"].as_bytes()), (first.body, b"true".as_slice()));
    hall.ask("DELETE", "/members/me", Value::Null).by(&hall.bob).done(one).await;
    assert_eq!(refused(read(20), one).await, "forbidden");
    hall.stop().await;
}

// Red with `forgets` giving false always: 500 at each repeat.
#[tokio::test(flavor = "multi_thread")]
async fn a_marker_that_a_later_one_replaced_is_repeated_with_what_stands_now() {
    let hall = Hall::start().await;
    let (one, two) = (&hall.pair.one, &hall.pair.two);
    let read = |seq: u64| hall.ask("PUT", "/read", json!({ "seq": seq })).by(&hall.bob);
    let stands = |seq: u64| json!({ "marker": { "room_id": hall.room(), "seq": seq } });
    let (behind, beyond) = (key(), key());
    hall.read_model.has_head(hall.room(), 7).await;
    read(5).with_key(&behind).done(one).await;
    // No further than can be read by now, so that the repeat would go on.
    assert_eq!(read(15).with_key(&beyond).done(one).await, stands(7));
    hall.read_model.has_head(hall.room(), 20).await;
    read(9).done(one).await;
    for instance in [one, two, one] {
        assert_eq!(read(5).with_key(&behind).done(instance).await, stands(9), "as it wished already");
        let repeat = read(15).with_key(&beyond).of(instance).await;
        assert_eq!((repeat.status, &repeat.body), (200, &stands(9)), "the log knows it, and it was applied");
        assert_eq!(repeat.headers["idempotency-replayed"], "true");
    }
    assert_eq!(hall.bob_has_read().await, Some(9));
    hall.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_marked_while_it_is_unknown_what_can_be_read() {
    let pair = Pair::start().await;
    let bob = a_guest(&pair, "Bob").await;
    let room = "/v1/rooms/0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01/read";
    assert_eq!(refused(Ask::new("PUT", room, json!({ "seq": 1 })).by(&bob), &pair.one).await, "overloaded");
    pair.stop().await;
}
