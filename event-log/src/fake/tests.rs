//! Does the fake forget, refuse and fail as it was told? What every log promises is in the conformance suite.

use super::*;
use events::{
    Actor, Change, Condition, Envelope, Event, EventId, MembershipEvent, MessageEvent, Role, RoomId, SessionId, Time,
    UserId,
    identity::{RevocationCause, Session, SessionEvent, SessionRevoked, SessionStarted},
    marker::{Marker, MarkerEvent, RoomRead},
    membership::MemberJoined,
    message::MessagePosted,
};
use uuid::Uuid;

const ROOM: RoomId = RoomId(Uuid::from_u128(1));
const ADA: UserId = UserId(Uuid::from_u128(2));
const PHONE: SessionId = SessionId(Uuid::from_u128(3));
const MEMBER: Subject = Subject::Member(ROOM, ADA);

fn id() -> EventId {
    EventId(Uuid::now_v7())
}

fn event(subject: Subject, after: Condition, event: impl Into<Event>) -> NewEvent {
    let mut envelope = Envelope::new(id(), Time::UNIX_EPOCH, Actor::System, "fake");
    envelope.after = Some(after);
    NewEvent { subject, envelope, event: event.into() }
}

fn joins(at: u64) -> NewEvent {
    let joined =
        MembershipEvent::from(MemberJoined { room: ROOM, user: ADA, role: Role::Member, at: Time::UNIX_EPOCH });
    event(MEMBER, Condition { subject: MEMBER, seq: at }, Change::of(None, joined))
}

fn posts(member_at: u64) -> NewEvent {
    let message = id().into();
    let text = "hi".to_owned();
    let posted = MessagePosted { room: ROOM, message, author: ADA, text, reply_to: None, mentions: vec![] };
    event(Subject::RoomMessages(ROOM), Condition { subject: MEMBER, seq: member_at }, MessageEvent::from(posted))
}

fn session_starts() -> NewEvent {
    let at = Time::UNIX_EPOCH;
    let (session, user) = (PHONE, ADA);
    let started =
        SessionStarted { session, user, credential: 1, key: 1, device: None, idle_until: at, expires_at: at, at };
    let subject = Subject::Session(PHONE);
    event(subject, Condition { subject, seq: 0 }, Change::of(None, SessionEvent::from(started)))
}

fn session_ends(before: &Record) -> NewEvent {
    let Event::Session(change) = before.fact().expect("ours").event else { panic!("a session") };
    let end = SessionRevoked { session: PHONE, user: ADA, why: RevocationCause::SignedOut };
    let subject = Subject::Session(PHONE);
    let ended = Change::<SessionEvent, Session>::of(Some(change.after), end.into());
    event(subject, Condition { subject, seq: before.seq }, ended)
}

fn reads_to(seq: u64, at: u64) -> NewEvent {
    let subject = Subject::Marker(ADA, ROOM);
    let read = MarkerEvent::from(RoomRead { user: ADA, room: ROOM, seq });
    event(subject, Condition { subject, seq: at }, Change::<MarkerEvent, Marker>::of(None, read))
}

fn failing(faults: Faults) -> FakeLog {
    let log = FakeLog::new();
    log.fail_by(Faults { seed: 1, ..faults });
    log
}

async fn last(log: &FakeLog, subject: Subject) -> Option<Record> {
    log.last(subject, Freshness::Leader).await.expect("it answers")
}

async fn end(log: &FakeLog, stream: StreamName) -> u64 {
    log.extent(stream).await.expect("it answers").last
}

async fn joined(log: &FakeLog) -> u64 {
    log.append(vec![joins(0)]).await.expect("nobody was there").last
}

// Red with `DUPLICATE_WINDOW_NS` of an hour.
#[tokio::test]
async fn an_id_is_known_for_two_minutes() {
    let log = FakeLog::new();
    let post = posts(joined(&log).await);
    let seq = log.append(vec![post.clone()]).await.expect("she is a member").last;
    log.advance(Duration::from_secs(119));
    assert_eq!(log.append(vec![post.clone()]).await, Err(AppendError::AlreadyStored { seq }));
    log.advance(Duration::from_secs(2));
    assert_eq!(log.append(vec![post]).await, Ok(Appended { last: seq + 1 }));
}

// Red with `in_its_place` that finds nothing.
#[tokio::test]
async fn what_moved_its_own_tip_is_known_for_ever() {
    let log = FakeLog::new();
    let join = joins(0);
    let seq = log.append(vec![join.clone()]).await.expect("nobody was there").last;
    log.append(vec![joins(seq)]).await.expect("under its tip");
    log.advance(Duration::from_secs(3_600));
    assert_eq!(log.append(vec![join]).await, Err(AppendError::AlreadyStored { seq }));
    assert_eq!(log.append(vec![joins(0)]).await, Err(AppendError::Conflict));
}

#[tokio::test]
async fn a_unit_that_looks_at_what_it_writes_is_not_taken() {
    let log = FakeLog::new();
    let unit = vec![joins(0), posts(0)];
    assert!(matches!(log.append(unit).await, Err(AppendError::NotStored(why)) if why.contains("10164")));
    let twice = joins(0);
    let mut other = NewEvent { subject: Subject::Member(ROOM, UserId(Uuid::from_u128(9))), ..twice.clone() };
    other.envelope.after = Some(Condition { subject: other.subject, seq: 0 });
    assert!(matches!(log.append(vec![twice, other]).await, Err(AppendError::NotStored(why)) if why.contains("10201")));
    assert_eq!(end(&log, StreamName::Chat).await, 1);
}

// Red with `keep_of` taken out.
#[tokio::test]
async fn what_rolls_up_and_what_keeps_one_forget_the_rest_and_an_ended_session_goes_after_a_day() {
    let log = FakeLog::new();
    log.append(vec![session_starts()]).await.expect("it is new");
    let started = last(&log, Subject::Session(PHONE)).await.expect("it is there");
    let ended = log.append(vec![session_ends(&started)]).await.expect("under its tip").last;
    assert!(log.read(StreamName::Identity, started.seq).await.expect("it answers").is_none());
    assert_eq!(last(&log, Subject::Session(PHONE)).await.expect("for a day").seq, ended);
    log.advance(Duration::from_secs(24 * 3_600));
    assert!(last(&log, Subject::Session(PHONE)).await.is_none());
    assert_eq!(end(&log, StreamName::Identity).await, ended, "sequences only rise");

    let first = log.append(vec![reads_to(1, 0)]).await.expect("nothing was read").last;
    log.append(vec![reads_to(2, first)]).await.expect("under its tip");
    assert!(log.read(StreamName::Markers, first).await.expect("it answers").is_none());
}

// Red with `make_room` that drops the oldest of any stream.
#[tokio::test]
async fn what_forgets_nothing_is_full_and_what_forgets_goes_on() {
    let log = FakeLog::new();
    let member_at = joined(&log).await;
    for stream in [StreamName::Chat, StreamName::Markers] {
        log.hold_at_most(stream, 4_000);
    }
    let mut stored = 0;
    while let Ok(appended) = log.append(vec![posts(member_at)]).await {
        stored = appended.last;
    }
    assert_eq!(log.append(vec![posts(member_at)]).await, Err(AppendError::Full));
    assert_eq!(end(&log, StreamName::Chat).await, stored);
    let mut at = 0;
    for seq in 1..10 {
        at = log.append(vec![reads_to(seq, at)]).await.expect("it forgets").last;
    }
}

// Red with `lose_last` that keeps the connection.
#[tokio::test]
async fn who_has_read_what_a_power_cut_lost_is_told_that_the_log_diverged() {
    let log = FakeLog::new();
    let member_at = joined(&log).await;
    log.append(vec![posts(member_at)]).await.expect("she is a member");
    let mut early = log.follow(StreamName::Chat, Start::Beginning, vec![]);
    early.next().await.expect("an epoch").expect("the log that it was");
    let mut late = log.follow(StreamName::Chat, Start::Beginning, vec![]).skip(2);
    late.next().await.expect("a post").expect("the log that it was");
    log.lose_last(StreamName::Chat, 1);
    // Another message in its place.
    let post = posts(member_at);
    log.append(vec![post.clone()]).await.expect("she is a member");
    // At once, or it waits for ever for what comes after the lost one.
    let told = late.next().now_or_never().expect("an answer");
    assert!(matches!(told, Some(Err(FollowError::Diverged { seq: 3, .. }))), "{told:?}");
    assert!(late.next().await.is_none());
    let heard = early.skip(1).next().await.expect("the post").expect("what was lost had not been read");
    assert_eq!(heard.id(), Some(post.envelope.id));
}

#[tokio::test]
async fn a_lost_answer_of_what_is_stored_is_resolved_and_of_what_is_not_goes_unnoticed() {
    let log = failing(Faults { lost_acks_stored: 1.0, ..Faults::default() });
    assert_eq!(log.append(vec![joins(0)]).await, Err(AppendError::AlreadyStored { seq: 2 }));
    assert_eq!(last(&log, MEMBER).await.expect("stored").seq, 2);
    log.fail_by(Faults { lost_acks_not_stored: 1.0, ..Faults::default() });
    assert_eq!(log.append(vec![posts(2)]).await, Ok(Appended { last: 3 }));
}

// Red with `UnknownLate` judged at once.
#[tokio::test]
async fn what_is_unknown_is_stored_or_never_or_late() {
    let unknown = |faults: Faults| async move {
        let log = failing(faults);
        assert!(matches!(log.append(vec![joins(0)]).await, Err(AppendError::Unknown(_))));
        let at_once = end(&log, StreamName::Chat).await;
        log.settle();
        (at_once, end(&log, StreamName::Chat).await)
    };
    assert_eq!(unknown(Faults { unknown_stored: 1.0, ..Faults::default() }).await, (2, 2));
    assert_eq!(unknown(Faults { unknown_not_stored: 1.0, ..Faults::default() }).await, (1, 1));
    assert_eq!(unknown(Faults { unknown_stored_late: 1.0, ..Faults::default() }).await, (1, 2));
}

// Red with late units stored without their condition.
#[tokio::test]
async fn what_comes_late_comes_under_its_condition_and_once() {
    let log = failing(Faults { unknown_stored_late: 1.0, ..Faults::default() });
    let (one, two) = (joins(0), joins(0));
    for late in [&one, &two] {
        assert!(matches!(log.append(vec![late.clone()]).await, Err(AppendError::Unknown(_))));
    }
    log.fail_by(Faults::default());
    // Sent again before the first has come.
    let again = log.append(vec![one.clone()]).await;
    assert!(matches!(again, Ok(_) | Err(AppendError::Conflict)), "{again:?}");
    log.settle();
    assert_eq!(end(&log, StreamName::Chat).await, 2);
}

#[tokio::test]
async fn a_replica_that_is_behind_lacks_the_newest_and_the_leader_does_not() {
    let log = failing(Faults { stale_reads: 1.0, ..Faults::default() });
    let at = joined(&log).await;
    assert!(log.last(MEMBER, Freshness::Any).await.expect("it answers").is_none());
    assert_eq!(last(&log, MEMBER).await.expect("the leader knows").seq, at);
    // It has caught up some messages later, or after a while.
    for _ in 0..4 {
        log.append(vec![posts(at)]).await.expect("she is a member");
    }
    assert_eq!(log.last(MEMBER, Freshness::Any).await.expect("it answers").expect("by now").seq, at);
    let again = log.append(vec![joins(at)]).await.expect("under its tip").last;
    assert_eq!(log.last(MEMBER, Freshness::Any).await.expect("it answers").expect("the one before").seq, at);
    log.advance(Duration::from_secs(1));
    assert_eq!(log.last(MEMBER, Freshness::Any).await.expect("it answers").expect("by now").seq, again);
}

#[tokio::test]
async fn a_stream_that_freezes_answers_nothing_for_some_calls_and_then_is_as_it_was() {
    let log = failing(Faults { freezes: 1.0, ..Faults::default() });
    assert!(matches!(log.append(vec![joins(0)]).await, Err(AppendError::Unknown(_))));
    assert!(matches!(log.extent(StreamName::Chat).await, Err(LogError::Unavailable { .. })));
    assert!(log.extent(StreamName::Identity).await.is_ok());
    log.fail_by(Faults::default());
    log.settle();
    assert_eq!(end(&log, StreamName::Chat).await, 2);
}

// Red with `give_up` that takes back the first as well.
#[tokio::test(start_paused = true)]
async fn of_what_waits_for_a_frozen_server_only_the_first_is_in_doubt() {
    let log = FakeLog::new();
    log.freeze();
    let (join, post) = (joins(0), posts(0));
    let (first, second) = tokio::join!(log.append(vec![join]), log.append(vec![post]));
    assert!(matches!(first, Err(AppendError::Unknown(_))), "{first:?}");
    assert!(matches!(second, Err(AppendError::NotStored(_))), "{second:?}");
    assert!(matches!(log.extent(StreamName::Chat).await, Err(LogError::Unavailable { .. })));
    log.thaw();
    assert_eq!(end(&log, StreamName::Chat).await, 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_is_sent_before_it_thaws_is_answered_then_also_when_nobody_waits() {
    let log = FakeLog::new();
    log.freeze();
    // Handed in, and its caller goes away.
    let gone = timeout(Duration::from_secs(1), log.append(vec![joins(0)])).await;
    assert!(gone.is_err());
    let thaws = async {
        sleep(Duration::from_secs(1)).await;
        log.thaw();
    };
    let (posted, ()) = tokio::join!(log.append(vec![posts(2)]), thaws);
    assert_eq!(posted, Ok(Appended { last: 3 }));
}

#[tokio::test(start_paused = true)]
async fn nothing_reaches_a_server_that_is_away() {
    let log = FakeLog::new();
    log.cut();
    assert!(matches!(log.append(vec![joins(0)]).await, Err(AppendError::NotStored(_))));
    log.mend();
    assert_eq!(end(&log, StreamName::Chat).await, 1);
}

#[tokio::test]
async fn another_epoch_stands_where_the_last_one_did() {
    let log = FakeLog::new();
    let epoch = || crate::streams::epoch(&log, StreamName::Chat);
    let first = epoch().await.expect("an epoch");
    log.begin_epoch();
    assert_ne!(epoch().await.expect("an epoch"), first);
}

#[tokio::test]
async fn a_reader_from_a_moment_hears_what_was_stored_since() {
    let log = FakeLog::new();
    let member_at = joined(&log).await;
    log.advance(Duration::from_secs(60));
    let since = log.0.state().now();
    log.append(vec![posts(member_at)]).await.expect("she is a member");
    let mut follow = log.follow(StreamName::Chat, Start::Time(since), vec![]);
    assert_eq!(follow.next().await.expect("a post").expect("the log that it was").seq, 3);
}
