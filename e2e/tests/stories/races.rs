//! What holds when many want the same at once? The races of `chatroom chaos`, with small counts, and what breaks them.

use chatroom::{
    audit,
    chaos::{DuplicatesArgs, DuplicatesReport, Race, RacesArgs, RacesReport, Sabotage, duplicates, races},
};
use event_log::{EventLog, JetStream, streams};
use events::{
    Actor, Change, Condition, Envelope, EventId, LoungeId, NewEvent, StreamName, Subject, Time, UserId,
    lounge::{Lounge, LoungeChanged, LoungeCreated, LoungeEvent},
};
use servers::{Nats, Role};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn args(rounds: u32) -> RacesArgs {
    RacesArgs { rounds, parallel: 32, replicas: 1, only: None, seed: None, sabotage: None }
}

async fn played(args: &RacesArgs) -> RacesReport {
    races(args, &CancellationToken::new(), |_, _| ()).await.expect("it can be played")
}

/// Nothing is wrong with any race. Red with each sabotage below.
async fn all_hold(args: &RacesArgs) {
    let report = played(args).await;
    assert_eq!(report.violations(), 0, "seed {}: {report:#?}", report.seed);
    for (race, tally) in &report.races {
        assert_eq!(tally.rounds, u64::from(args.rounds), "{race:?}");
        assert!(tally.accepted > 0, "{race:?} proves nothing: {tally}");
    }
    assert!(report.conditions.checked() > 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_race_holds_on_one_server() {
    all_hold(&args(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_race_holds_on_three_servers() {
    all_hold(&RacesArgs { replicas: 3, ..args(2) }).await;
}

/// Rounds of a race whose rule is broken.
const BROKEN_ROUNDS: u32 = 3;

/// The race notices that this rule is broken.
async fn notices(race: Race, sabotage: Sabotage) {
    notices_once_in(1, race, sabotage).await;
}

/// It notices in one of so many plays at the latest.
async fn notices_once_in(plays: u32, race: Race, sabotage: Sabotage) {
    let mut seen = Vec::new();
    for _ in 0..plays {
        let args = RacesArgs { only: Some(race), sabotage: Some(sabotage), parallel: 24, ..args(BROKEN_ROUNDS) };
        let report = played(&args).await;
        let (_, tally) = &report.races[0];
        if tally.violations > 0 {
            return;
        }
        seen.push(format!("seed {}: {tally}", report.seed));
    }
    panic!("{race:?} does not notice {sabotage:?}: {seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_too_many_is_noticed() {
    notices(Race::Phone, Sabotage::DropCondition).await;
    // Of an account that is lost, only those are told whom the relay seems to have passed: not in every round.
    notices_once_in(8, Race::Phone, Sabotage::AnswerBeforeAck).await;
    notices(Race::Phone, Sabotage::HalfAUnit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_successor_is_noticed() {
    notices(Race::Refresh, Sabotage::DropCondition).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_after_the_ban_is_noticed() {
    notices(Race::Ban, Sabotage::DropCondition).await;
    notices(Race::Ban, Sabotage::AnswerBeforeAck).await;
    notices(Race::Ban, Sabotage::Twice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_room_without_an_owner_is_noticed() {
    notices(Race::Owner, Sabotage::DropCondition).await;
    notices(Race::Owner, Sabotage::AnswerBeforeAck).await;
    notices(Race::Owner, Sabotage::HalfAUnit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_refused_is_noticed() {
    notices(Race::Joined, Sabotage::RefuseFromCache).await;
    notices(Race::Joined, Sabotage::DropCondition).await;
    notices(Race::Joined, Sabotage::AnswerBeforeAck).await;
    notices(Race::Joined, Sabotage::Twice).await;
}

async fn repeated(keys: u32, sabotage: Option<Sabotage>) -> DuplicatesReport {
    let args = DuplicatesArgs { keys, parallel: 16, window_secs: 2, seed: None, sabotage };
    duplicates(&args, &CancellationToken::new()).await.expect("it can be played")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_for_often_is_done_once() {
    let report = repeated(40, None).await;
    assert_eq!(report.tally.violations, 0, "{report:#?}");
    assert_eq!((report.keys, report.in_log, report.in_history, report.replayed), (40, 40, 40, 40));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_twice_is_noticed() {
    for sabotage in [Sabotage::FreshIds, Sabotage::Twice] {
        let report = repeated(8, Some(sabotage)).await;
        assert!(report.tally.violations > 0, "{sabotage:?} (seed {}): {}", report.seed, report.tally);
    }
}

/// A log of this test's own, and who may write anything to it.
struct Log {
    nats: Nats,
    operator: async_nats::Client,
    log: JetStream,
}

impl Log {
    async fn start() -> Self {
        let nats = Nats::temporary().await.expect("a nats-server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let log = JetStream::new(operator.clone());
        Self { nats, operator, log }
    }

    /// A lounge that is opened and renamed by one command: two events on one subject, of which the first has the
    /// condition.
    async fn opens_and_renames(&self) -> Subject {
        let lounge = LoungeId(Uuid::now_v7());
        let (subject, owner) = (Subject::Lounge(lounge), UserId(Uuid::now_v7()));
        let created = LoungeCreated { lounge, name: "Tea".into(), description: None, owner, at: Time::UNIX_EPOCH };
        let opened = Change::<LoungeEvent, Lounge>::of(None, LoungeEvent::from(created));
        let changed = LoungeChanged { lounge, name: Some("Coffee".into()), description: None };
        let renamed = Change::of(Some(opened.after.clone()), LoungeEvent::from(changed));
        let event = |event, after: Option<u64>| {
            let id = EventId(Uuid::now_v7());
            let mut envelope = Envelope::new(id, Time::UNIX_EPOCH, Actor::User(owner), "test");
            envelope.after = after.map(|seq| Condition { subject, seq });
            NewEvent { subject, envelope, event }
        };
        let unit = vec![event(opened.into(), Some(0)), event(renamed.into(), None)];
        self.log.append(unit).await.expect("nobody else writes");
        subject
    }

    /// A record as only somebody who goes around our code can write it.
    async fn forges(&self, subject: Subject, after: Option<&str>) -> u64 {
        let mut headers = async_nats::HeaderMap::new();
        let envelope = Envelope::new(EventId(Uuid::now_v7()), Time::UNIX_EPOCH, Actor::Operator, "forged");
        let event_type = LoungeEvent::TYPES[1];
        for (name, value) in envelope.headers(event_type, &subject) {
            headers.insert(name, value);
        }
        if let Some(after) = after {
            headers.insert("ce-after", after);
        }
        let stream = async_nats::jetstream::new(self.operator.clone());
        let stored = stream.publish_with_headers(subject.to_string(), headers, "{}".into()).await;
        stored.expect("an operator may").await.expect("it is stored").sequence
    }

    async fn audited(&self) -> audit::StreamReport {
        let mut report = audit::conditions(&self.log, &[StreamName::Chat]).await.expect("it can be read");
        report.streams.remove(0)
    }
}

// Red with `Judge::judge` answering `Held` or `Sheltered` always.
#[tokio::test(flavor = "multi_thread")]
async fn an_audit_names_what_nothing_allowed() {
    let log = Log::start().await;
    let lounge = log.opens_and_renames().await;
    let honest = log.audited().await;
    assert_eq!((honest.events, honest.held, honest.sheltered), (3, 2, 1), "the epoch, the lounge and its new name");
    assert_eq!((honest.violated, honest.without, honest.condemned), (0, 0, vec![]));

    let silent = log.forges(lounge, None).await;
    let false_one = log.forges(lounge, Some(&format!("2@{lounge}"))).await;
    let elsewhere = log.forges(lounge, Some(&format!("1@{}", Subject::Epoch(StreamName::Chat)))).await;
    let found = log.audited().await;
    assert_eq!((found.events, found.held, found.sheltered, found.violated, found.without), (6, 2, 1, 2, 1));
    let named: Vec<u64> = found.condemned.iter().map(|condemned| condemned.seq).collect();
    assert_eq!(named, [silent, false_one, elsewhere]);
    let condemned = &found.condemned[1];
    assert_eq!(condemned.expected.as_deref(), Some(format!("2@{lounge}").as_str()));
    assert_eq!(condemned.found, format!("{silent}@{lounge}"));
    log.nats.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_analyst_audits_what_he_may_read() {
    let log = Log::start().await;
    log.opens_and_renames().await;
    let analyst = JetStream::new(log.nats.connect(Role::Analyst).await.expect("an analyst may connect"));
    let report = audit::conditions(&analyst, &[StreamName::Chat]).await.expect("he may read this one");
    assert_eq!((report.checked(), report.condemned()), (2, 0));
    let refused = audit::conditions(&analyst, &[StreamName::Identity]).await.expect_err("he may not read that one");
    assert!(refused.to_string().contains("--stream chat"), "{refused:#}");
    log.nats.stop().await;
}
