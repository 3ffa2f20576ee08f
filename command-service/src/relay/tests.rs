//! Is each public fact relayed once, whatever becomes of the relays? Played step by step, on a real log.

use super::*;
use crate::tips::State;
use event_log::{Appended, Extent, FollowError, JetStream, LogError, streams};
use events::identity::{Account, AccountEvent, UserRegistered};
use events::{Event, PhoneTag, UserId};
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use servers::{Nats, Role};
use std::sync::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

/// A log with people who have registered, of whom `CHAT` does not know yet.
struct Stage {
    nats: Nats,
    log: Arc<JetStream>,
    facts: Vec<Fact>,
}

impl Stage {
    async fn with(people: u64) -> Self {
        let nats = Nats::temporary().await.expect("a real server");
        let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
        let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
        streams::migrate(&operator, &sizes).await.expect("streams");
        let log = Arc::new(JetStream::new(nats.connect(Role::Command).await.expect("the service may connect")));
        let mut facts = Vec::new();
        for _ in 0..people {
            facts.push(registers(&*log).await);
        }
        Self { nats, log, facts }
    }

    async fn mark(&self) -> Mark {
        Mark::read(&*self.log).await.expect("the log answers")
    }

    /// Who appeared in `CHAT`, in order; each has to stand before the mark that says so.
    async fn appeared(&self) -> Vec<UserId> {
        let end = self.log.extent(StreamName::Chat).await.expect("an end").last;
        let mut appeared = Vec::new();
        for seq in 1..=end {
            let record = self.log.read(StreamName::Chat, seq).await.expect("it is read").expect("nothing is forgotten");
            if let Event::User(Change { event: UserEvent::Appeared(who), .. }) = record.fact().expect("ours").event {
                appeared.push(who.user);
            }
        }
        appeared
    }

    fn people(&self) -> Vec<UserId> {
        self.facts.iter().map(|fact| public::person(&public::facts(&fact.event)[0])).collect()
    }

    fn end(&self) -> u64 {
        self.facts.last().map_or(0, |fact| fact.seq)
    }

    /// All of them once, in the order in which they registered, and the mark behind the last.
    async fn ends_relayed_once(self) {
        assert_eq!(self.appeared().await, self.people());
        assert_eq!(self.mark().await.source_seq, self.end());
        self.nats.stop().await;
    }
}

async fn registers(log: &dyn EventLog) -> Fact {
    let user = UserId(Uuid::now_v7());
    let subject = Subject::Account(user);
    let (display_name, at) = ("Ada".to_owned(), stamp::now());
    let registered = UserRegistered { user, display_name, phone: PhoneTag([1; 32]), phone_hint: "78".to_owned(), at };
    let mut envelope = Stamp::new(Actor::System, "test").envelope(0);
    envelope.after = Some(Condition { subject, seq: 0 });
    let event = Event::from(Change::<AccountEvent, Account>::of(None, registered.into()));
    let seq = log.append(vec![NewEvent { subject, envelope: envelope.clone(), event: event.clone() }]).await;
    Fact { seq: seq.expect("nobody was there").last, subject, envelope, event }
}

/// What becomes of the next append.
enum Fate {
    /// It is stored, and its answer is lost.
    AnswerLost,
    /// It is not stored, and nobody knows.
    Lost,
    /// Nobody knows, and it arrives right before the one that follows.
    Late,
    /// It is handed in and never answered; whoever waits is told that it hangs.
    Hangs,
}

/// The log, whose next appends meet these fates; afterwards it is as it is.
struct Fated {
    log: Arc<JetStream>,
    fates: Mutex<Vec<Fate>>,
    late: Mutex<Vec<Vec<NewEvent>>>,
    hangs: Notify,
}

impl Fated {
    fn new(log: &Arc<JetStream>, fates: Vec<Fate>) -> Arc<Self> {
        let log = Arc::clone(log);
        Arc::new(Self { log, fates: Mutex::new(fates), late: Mutex::default(), hangs: Notify::new() })
    }

    fn next(&self) -> Option<Fate> {
        let mut fates = self.fates.lock().expect("nobody panicked");
        if fates.is_empty() { None } else { Some(fates.remove(0)) }
    }
}

impl EventLog for Fated {
    fn append(&self, unit: Vec<NewEvent>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        let unknown = Err(AppendError::Unknown(Duration::ZERO));
        async move {
            let late: Vec<_> = self.late.lock().expect("nobody panicked").drain(..).collect();
            for unit in late {
                self.log.append(unit).await.expect("its condition holds: nothing came before");
            }
            match self.next() {
                None => self.log.append(unit).await,
                Some(Fate::AnswerLost) => {
                    self.log.append(unit).await.expect("it is stored");
                    unknown
                }
                Some(Fate::Lost) => unknown,
                Some(Fate::Late) => {
                    self.late.lock().expect("nobody panicked").push(unit);
                    unknown
                }
                Some(Fate::Hangs) => {
                    self.log.append(unit).await.expect("it is stored");
                    self.hangs.notify_one();
                    std::future::pending().await
                }
            }
        }
        .boxed()
    }

    fn last(&self, subject: Subject, freshness: Freshness) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.last(subject, freshness)
    }

    fn read(&self, stream: StreamName, seq: u64) -> BoxFuture<'_, Result<Option<Record>, LogError>> {
        self.log.read(stream, seq)
    }

    fn extent(&self, stream: StreamName) -> BoxFuture<'_, Result<Extent, LogError>> {
        self.log.extent(stream)
    }

    fn follow(
        &self,
        stream: StreamName,
        start: Start,
        filters: Vec<String>,
    ) -> BoxStream<'static, Result<Record, FollowError>> {
        self.log.follow(stream, start, filters)
    }
}

// Red with the mark's tip read anew in `batch` as its condition: both are stored.
#[tokio::test]
async fn of_two_relays_with_the_same_facts_the_first_wins_and_the_other_reads_on() {
    let stage = Stage::with(3).await;
    let both = stage.mark().await;
    let first = forward(&*stage.log, both, &stage.facts).await.expect("the log is there");
    let second = forward(&*stage.log, both, &stage.facts).await.expect("the log is there");
    assert_eq!((first.source_seq, second.source_seq), (stage.end(), stage.end()));
    assert_eq!(first.seq, second.seq, "the second wrote nothing");
    stage.ends_relayed_once().await;
}

// Red with that.
#[tokio::test]
async fn a_relay_that_is_behind_says_what_the_other_has_not_said() {
    let stage = Stage::with(4).await;
    let both = stage.mark().await;
    forward(&*stage.log, both, &stage.facts[..2]).await.expect("the log is there");
    forward(&*stage.log, both, &stage.facts).await.expect("the log is there");
    forward(&*stage.log, both, &stage.facts[..3]).await.expect("the log is there");
    stage.ends_relayed_once().await;
}

// Red with that, and the mark not read after a doubt: ids are fresh, so everybody appears twice.
#[tokio::test]
async fn an_answer_that_is_lost_is_found_in_the_mark() {
    let stage = Stage::with(2).await;
    let log = Fated::new(&stage.log, vec![Fate::AnswerLost]);
    let mark = forward(&*log, stage.mark().await, &stage.facts).await.expect("the log is there");
    assert_eq!(mark.source_seq, stage.end());
    stage.ends_relayed_once().await;
}

#[tokio::test]
async fn what_was_not_stored_is_said_again() {
    let stage = Stage::with(2).await;
    let log = Fated::new(&stage.log, vec![Fate::Lost, Fate::Lost]);
    forward(&*log, stage.mark().await, &stage.facts).await.expect("the log is there");
    stage.ends_relayed_once().await;
}

// Red with that.
#[tokio::test]
async fn what_arrives_after_the_doubt_wins_and_the_repeat_is_refused() {
    let stage = Stage::with(2).await;
    let log = Fated::new(&stage.log, vec![Fate::Late]);
    let mark = forward(&*log, stage.mark().await, &stage.facts).await.expect("the log is there");
    assert_eq!(mark.source_seq, stage.end());
    stage.ends_relayed_once().await;
}

#[tokio::test]
async fn a_relay_that_dies_in_the_middle_of_a_batch_is_taken_over() {
    let stage = Stage::with(3).await;
    let log = Fated::new(&stage.log, vec![Fate::Hangs]);
    let dying = tokio::spawn(relay(Arc::clone(&log) as Arc<dyn EventLog>, Passed::new()));
    log.hangs.notified().await;
    dying.abort();
    assert!(dying.await.expect_err("it was killed").is_cancelled());
    let passed = Passed::new();
    let heir = tokio::spawn(relay(Arc::clone(&stage.log) as Arc<dyn EventLog>, passed.clone()));
    let further = registers(&*stage.log).await;
    passed.wait(further.seq).await.expect("the heir goes on behind the dead one's mark");
    heir.abort();
    let stage = Stage { facts: stage.facts.into_iter().chain([further]).collect(), ..stage };
    stage.ends_relayed_once().await;
}

// Red with that.
#[tokio::test]
async fn two_relays_at_once_say_everything_once_in_order() {
    let stage = Stage::with(0).await;
    let passed = [Passed::new(), Passed::new()];
    let relays = passed.clone().map(|passed| tokio::spawn(relay(Arc::clone(&stage.log) as Arc<dyn EventLog>, passed)));
    let mut facts = Vec::new();
    for _ in 0..40 {
        facts.push(registers(&*stage.log).await);
    }
    let last = facts.last().map_or(0, |fact| fact.seq);
    for passed in &passed {
        let place = passed.wait(last).await.expect("both hear of it, whoever said it");
        let record = stage.log.read(StreamName::Chat, place).await.expect("it is read").expect("it is there");
        let mark = record.fact().expect("ours").event;
        assert!(Relay::left_by(&mark).is_some_and(|relay| relay.source_seq >= last));
    }
    relays.iter().for_each(tokio::task::JoinHandle::abort);
    Stage { facts, ..stage }.ends_relayed_once().await;
}
