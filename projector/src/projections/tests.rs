//! Does a fold of several tables keep one room's numbers, its members and its set of reactions?

use super::{
    Changes,
    members::Presence,
    reactions::Fate,
    room_head::{self, Head, Heads},
};
use event_log::Fact;
use events::{
    Actor, Change, Envelope, Event, EventId, Evolve, LoungeId, MembershipEvent, MessageEvent, MessageId, Room, RoomId,
    Subject, Time, UserId, Visibility,
    membership::{MemberJoined, MemberLeft, MemberMuted, Role},
    message::{MessagePosted, MessageReported, ReactionAdded, ReactionRemoved, ReportEvent},
    room::{RoomCreated, RoomEvent},
};
use uuid::Uuid;

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));
const HELLO: MessageId = MessageId(Uuid::from_u128(3));

fn fact(seq: u64, subject: Subject, event: impl Into<Event>) -> Fact {
    let envelope = Envelope::new(EventId(Uuid::from_u128(seq.into())), Time::UNIX_EPOCH, Actor::User(ADA), "test");
    Fact { seq, subject, envelope, event: event.into() }
}

fn reacted(seq: u64, event: impl Into<MessageEvent>) -> Fact {
    fact(seq, Subject::RoomMessages(ROOM), event.into())
}

fn memberships(events: Vec<MembershipEvent>) -> Vec<Fact> {
    let mut state = None;
    let mut facts = Vec::new();
    for (event, seq) in events.into_iter().zip(1..) {
        state = events::Membership::after(state, &event);
        let after = state.clone().expect("every fact leaves a membership");
        facts.push(fact(seq, Subject::Member(ROOM, ADA), Change { event, after }));
    }
    facts
}

fn heads_at(seq: u64) -> Heads {
    let mut heads = Heads::default();
    heads.advance([(ROOM, Head { seq, ..Head::default() })].into_iter());
    heads
}

fn folded<'a>(facts: &'a [Fact], heads: &Heads) -> Changes<'a> {
    let mut changes = Changes::default();
    for fact in facts {
        let room_seq = fact.subject.counted_room().map(|room| changes.count(room, fact.seq, heads));
        changes.fold(fact, room_seq);
    }
    changes
}

fn joined() -> MembershipEvent {
    MemberJoined { room: ROOM, user: ADA, role: Role::Member, at: Time::UNIX_EPOCH }.into()
}

#[test]
fn a_report_is_not_counted_and_the_rest_is() {
    let mut heads = room_head::Changes::default();
    let before = heads_at(6);
    assert_eq!((heads.count(ROOM, 90, &before), heads.count(ROOM, 95, &before)), (7, 8));
    let reported = ReportEvent::from(MessageReported { room: ROOM, message: HELLO, reason: None });
    let added = ReactionAdded { room: ROOM, message: HELLO, user: ADA, emoji: "👍".to_owned() };
    let facts = [fact(1, Subject::RoomReports(ROOM), reported), reacted(2, added)];
    let heads: Vec<_> = folded(&facts, &before).heads().map(|(room, head)| (room, head.seq)).collect();
    assert_eq!(heads, [(ROOM, 7)]);
}

#[test]
fn a_message_keeps_the_language_that_its_room_had() {
    let opened = |seq, language: &str| {
        let event = RoomEvent::from(RoomCreated {
            room: ROOM,
            lounge: LoungeId(Uuid::from_u128(4)),
            name: "Tea".into(),
            topic: None,
            language: language.into(),
            visibility: Visibility::Public,
            guests: true,
            owner: ADA,
            at: Time::UNIX_EPOCH,
        });
        fact(seq, Subject::Room(ROOM), Change::<_, Room>::of(None, event))
    };
    let posted = |seq, message| {
        let (text, mentions) = ("hello".into(), Vec::new());
        reacted(seq, MessagePosted { room: ROOM, message, author: ADA, text, reply_to: None, mentions })
    };
    let ids = [3, 5, 6].map(|id| MessageId(Uuid::from_u128(id)));
    let facts = [posted(1, ids[0]), opened(2, "de"), posted(3, ids[1]), opened(4, "th"), posted(5, ids[2])];
    let languages = |facts: &[Fact], heads: &Heads| {
        let changes = folded(facts, heads);
        let languages: Vec<_> = ids.iter().filter_map(|id| changes.messages.language(*id)).map(String::from).collect();
        (languages, changes.heads().collect::<Vec<_>>())
    };
    let (all, _) = languages(&facts, &heads_at(0));
    assert_eq!(all, ["und", "de", "th"]);
    // Red when `heads` leaves out what `speaks` has set.
    let (before, left) = languages(&facts[..4], &heads_at(0));
    let mut heads = Heads::default();
    heads.advance(left.into_iter());
    let (after, _) = languages(&facts[4..], &heads);
    assert_eq!((before, after), (vec!["und".into(), "de".into()], vec!["th".into()]));
}

#[test]
fn who_stays_keeps_the_number_of_the_joining_and_who_leaves_loses_it() {
    let muted = || MemberMuted { room: ROOM, user: ADA, until: None, reason: None }.into();
    let left = || MemberLeft { room: ROOM, user: ADA }.into();
    let of = |facts: &[Fact]| folded(facts, &heads_at(10)).members.row(ROOM, ADA).map(|row| row.presence);
    let presence = |events| of(&memberships(events));
    assert_eq!(presence(vec![joined(), muted()]), Some(Presence::Since(11)));
    assert_eq!(presence(vec![joined(), left()]), Some(Presence::Over));
    assert_eq!(presence(vec![joined(), left(), joined(), muted()]), Some(Presence::Since(13)));
    assert_eq!(of(&memberships(vec![joined(), muted()])[1..]), Some(Presence::AsBefore));
    assert_eq!(of(&memberships(vec![joined(), left(), joined(), muted()])[..2]), Some(Presence::Over));
}

#[test]
fn a_reaction_is_a_set_whose_first_adding_counts() {
    let add = || ReactionAdded { room: ROOM, message: HELLO, user: ADA, emoji: "👍".to_owned() };
    let remove = || ReactionRemoved { room: ROOM, message: HELLO, user: ADA, emoji: "👍".to_owned() };
    let fate = |facts: &[Fact]| folded(facts, &heads_at(0)).reactions.fate((HELLO, "👍", ADA));
    let twice = [reacted(1, add()), reacted(2, add())];
    assert_eq!(fate(&twice), Some(Fate { removed: false, added: Some((ROOM, 1)) }));
    let again = [reacted(1, add()), reacted(2, remove()), reacted(3, add())];
    assert_eq!(fate(&again), Some(Fate { removed: true, added: Some((ROOM, 3)) }));
    let gone = [reacted(1, add()), reacted(2, remove())];
    assert_eq!(fate(&gone), Some(Fate { removed: true, added: None }));
}
