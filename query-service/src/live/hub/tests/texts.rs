//! Which texts go out? None that was taken back, or of which nobody here knows whether it was.

use super::*;
use events::message::{MessageEdited, MessageModerated, MessageStatus, MessagesRemoved, RemovalCause};

fn of_messages(seq: u64, event: impl Into<MessageEvent>) -> Record {
    record(seq, Subject::RoomMessages(ROOM), event.into())
}

/// An edit of what was said at `posted`.
fn edits(seq: u64, posted: u64, text: &str) -> Record {
    of_messages(seq, MessageEdited { room: ROOM, message: said_at(posted), text: text.into() })
}

fn moderates(seq: u64, posted: u64, status: MessageStatus) -> Record {
    of_messages(seq, MessageModerated { room: ROOM, message: said_at(posted), status, reason: None })
}

fn removes_all_of_ada(seq: u64) -> Record {
    of_messages(seq, MessagesRemoved { room: ROOM, user: ADA, why: RemovalCause::Moderation, reason: None })
}

/// Text and status of each frame.
fn shown(outbox: &Outbox) -> Vec<(Option<String>, Option<String>)> {
    let frames = outbox.take(usize::MAX).0;
    let frames = frames.iter().map(|frame| serde_json::from_str::<serde_json::Value>(frame.json()).expect("a frame"));
    let field = |frame: &serde_json::Value, name| frame["d"][name].as_str().map(ToOwned::to_owned);
    frames.map(|frame| (field(&frame, "text"), field(&frame, "status"))).collect()
}

// Red without `without_text` in `render`.
#[test]
fn what_was_removed_later_on_is_not_told_once_more() {
    let hub = hub();
    let (id, outbox) = enters(&hub, BOB);
    hub.publish(EPOCH, [&says(101, "rude")]);
    hub.publish(EPOCH, [&edits(102, 101, "ruder")]);
    (3..=300).for_each(|n| _ = hub.publish(EPOCH, [&says(100 + n, "fine")]));
    hub.publish(EPOCH, [&removes_all_of_ada(401)]);
    assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::UpTo(266));
    assert_eq!(shown(&outbox), vec![(None, Some("removed".to_owned())); 256]);
}

// Red without `without_text` in `render`, and with `Some(None)` taken for visible there.
#[test]
fn an_edit_is_told_with_its_text_only_where_the_message_is_known_to_be_visible() {
    let edited = |events: &[Record]| {
        let hub = hub();
        let (id, outbox) = enters(&hub, BOB);
        assert_eq!(hub.attach(id, ROOM, 10, &HashMap::new()), Attached::Yes);
        events.iter().for_each(|event| _ = hub.publish(EPOCH, [event]));
        shown(&outbox).pop().expect("an edit")
    };
    let said = says(101, "hello");
    let hidden = moderates(102, 101, MessageStatus::Hidden);
    let restored = moderates(103, 101, MessageStatus::Visible);
    let without = |status: &str| (None, Some(status.to_owned()));
    assert_eq!(edited(&[said.clone(), edits(102, 101, "hi")]), (Some("hi".into()), None));
    assert_eq!(edited(&[said.clone(), hidden.clone(), edits(103, 101, "hi")]), without("hidden"));
    assert_eq!(edited(&[said.clone(), hidden, restored, edits(104, 101, "hi")]), (Some("hi".into()), None));
    assert_eq!(edited(&[said, removes_all_of_ada(102), edits(103, 101, "hi")]), without("removed"));
    assert_eq!(edited(&[edits(101, 50, "hi")]), (None, None), "it was said before the ring");
}

// Red without `texts.forget` in `Ring::forget`: what became of each posting would be kept for ever.
#[test]
fn of_what_the_ring_forgot_no_text_is_known() {
    let mut ring = Ring::after(100, 2);
    let mut push = |record: Record| {
        let fact = record.fact().expect("one of ours");
        ring.push(Arc::new(Entry { position: record.seq, of: Some((ROOM, record.seq - 90)), fact: Some(fact.into()) }));
        ring.status(said_at(101))
    };
    let status = [says(101, "one"), says(102, "two"), says(103, "three")].map(&mut push);
    assert_eq!(status, [Some(MessageStatus::Visible), Some(MessageStatus::Visible), None]);
}
