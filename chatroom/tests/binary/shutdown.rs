//! What becomes of the requests in flight when a role is told to end? Each that was accepted is answered, and so it is in the log.

use anyhow::{Context, Result};
use chatroom::client::{Account, Answer, Api, Ask, NewRoom, Outcome, Session};
use chatroom::dev::{Access, Keys};
use event_log::{EventLog, JetStream, Start, streams};
use events::{Event, MessageEvent, RoomId, StreamName};
use futures::{StreamExt, future::join_all};
use hyper::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use servers::{Nats, Role};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const CLIENTS: usize = 16;
/// So many posts are answered before it is told to end.
const ANSWERED_BEFORE: usize = 200;
const READY_WITHIN: Duration = Duration::from_secs(60);
const END_WITHIN: Duration = Duration::from_secs(20);

/// The real binary as command service, in a process of its own.
struct CommandService {
    process: Child,
    api: Api,
}

impl CommandService {
    async fn start(nats: &Nats, keys: &Keys) -> Result<Self> {
        let (listen, admin) = (free()?, free()?);
        let settings = Access::to(Some(nats), None).of(Role::Command).and(&keys.signing());
        let mut command = servers::child(Path::new(env!("CARGO_BIN_EXE_chatroom")));
        command
            .arg("command-service")
            .env_clear()
            .envs(settings.pairs())
            // Nobody listens there: posting goes on without a read model.
            .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/nothing")
            .env("LISTEN", listen.to_string())
            .env("ADMIN_LISTEN", admin.to_string())
            .env("NO_RATE_LIMITS", "true")
            .env("BCRYPT_COST", "4")
            .env("ALLOW_WEAK_BCRYPT", "true")
            .env("LOG", "warn")
            .stdin(Stdio::null());
        let process = servers::spawn(command).await.context("starting the binary")?;
        let admin = Api::at(&format!("http://{admin}"))?;
        let ready = async {
            while !admin.send(Ask::new(Method::GET, "/readyz")).await.is_ok_and(|answer| answer.status.is_success()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(READY_WITHIN, ready).await.context("it is not ready")?;
        Ok(Self { process, api: Api::at(&format!("http://{listen}"))? })
    }
}

fn is_told_to_end(process: &Child) {
    kill_process(Pid::from_child(process), Signal::TERM).expect("it runs");
}

async fn ends(mut process: Child) -> ExitStatus {
    let waiting = tokio::task::spawn_blocking(move || process.wait());
    timeout(END_WITHIN, waiting).await.expect("it ends in time").expect("no panic").expect("our child")
}

/// An address that is free, as long as nobody else is as fast.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What was answered, by all clients together.
#[derive(Default)]
struct Heard {
    posted: Mutex<BTreeSet<String>>,
    guests: Mutex<usize>,
    refused: Mutex<Vec<String>>,
}

impl Heard {
    /// Whether the client may go on: it was answered.
    fn files(&self, answer: Result<Answer>, applied: impl FnOnce()) -> bool {
        match answer {
            Ok(answer) if answer.status.is_success() => applied(),
            Ok(answer) => self.refused.lock().expect("nobody panicked").push(format!("{:?}", answer.value())),
            // The connection ended without an answer, or there was none to be had.
            Err(_) => return false,
        }
        true
    }

    fn posted(&self) -> usize {
        self.posted.lock().expect("nobody panicked").len()
    }
}

async fn posts(service: &CommandService, token: &str, room: RoomId, client: usize, heard: &Heard) {
    for n in 0.. {
        let text = format!("{client}/{n}");
        let ask = Ask::new(Method::POST, format!("/v1/rooms/{room}/messages")).json(&json!({ "text": text }));
        let ask = ask.bearer(token).header("idempotency-key", &Uuid::now_v7().to_string());
        let answer = service.api.send(ask).await;
        let applied = || {
            heard.posted.lock().expect("nobody panicked").insert(text);
        };
        if !heard.files(answer, applied) {
            return;
        }
    }
}

/// Guests wait until the relay has passed them: it has to outlive them.
async fn come(service: &CommandService, heard: &Heard) {
    loop {
        let ask = Ask::new(Method::POST, "/v1/guests").json(&json!({ "display_name": "Gus" }));
        let answer = service.api.send(ask).await;
        if !heard.files(answer, || *heard.guests.lock().expect("nobody panicked") += 1) {
            return;
        }
    }
}

async fn said(log: &JetStream) -> BTreeSet<String> {
    let end = log.extent(StreamName::Chat).await.expect("an end").last;
    let mut records = log.follow(StreamName::Chat, Start::Beginning, Vec::new());
    let mut said = BTreeSet::new();
    while let Some(record) = records.next().await {
        let fact = record.expect("one log").fact().expect("ours");
        if let Event::Message(MessageEvent::Posted(posted)) = fact.event {
            assert!(said.insert(posted.text), "twice");
        }
        if fact.seq == end {
            break;
        }
    }
    said
}

// Red with `cancelled` in place of `drained` in the relay (guests are answered 503), and with `serve` not waiting
// for its connections (posts are in the log that nobody was answered).
#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_a_sigterm_is_answered_and_what_was_answered_is_in_the_log() {
    let nats = Nats::temporary().await.expect("a real server");
    let operator = nats.connect(Role::Operator).await.expect("the operator may connect");
    let sizes = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 28, other_bytes_max: 1 << 27 };
    streams::migrate(&operator, &sizes).await.expect("streams");
    let keys = Keys::generate();
    let service = CommandService::start(&nats, &keys).await.expect("a command service");

    let (phone, password) = ("+4915100000001".to_owned(), "the pass phrase of Ada".to_owned());
    let account = Account { phone, password, display_name: "Ada".to_owned() };
    let ada = Session::register(&service.api, &account).await.applied().expect("a new account");
    let Outcome::Applied(token) = ada.access_token().await else { panic!("she has just come") };
    let key = || Uuid::now_v7().to_string();
    let lounge = ada.create_lounge(&key(), "Tea").await.applied().expect("she may");
    let wish = NewRoom { name: "Hall".into(), language: "en".into(), visibility: "public".into(), guests: true };
    let room = ada.create_room(&key(), lounge.id, &wish).await.applied().expect("it is her lounge").id;

    let heard = Heard::default();
    let talk = join_all((0..CLIENTS).map(|client| posts(&service, &token, room, client, &heard)));
    let arrivals = join_all((0..CLIENTS).map(|_| come(&service, &heard)));
    let end = async {
        while heard.posted() < ANSWERED_BEFORE || *heard.guests.lock().expect("nobody panicked") < 20 {
            tokio::task::yield_now().await;
        }
        is_told_to_end(&service.process);
    };
    tokio::join!(talk, arrivals, end);
    let status = ends(service.process).await;
    assert_eq!(status.code(), Some(0), "{status}");

    let refused = heard.refused.into_inner().expect("nobody panicked");
    assert!(refused.is_empty(), "{} of what was accepted failed: {:?}", refused.len(), refused.first());
    let log = JetStream::new(nats.connect(Role::Operator).await.expect("the operator may connect"));
    let (said, posted) = (said(&log).await, heard.posted.into_inner().expect("nobody panicked"));
    let (lost, unanswered) = (posted.difference(&said).count(), said.difference(&posted).count());
    assert_eq!((lost, unanswered), (0, 0), "of {} posts", posted.len());
    nats.stop().await;
}

// Red without `log_internal_errors(false)` (platform/telemetry). With `eprintln!` in place of `say` (dev/announce) one that loses
// its reader later falls over in the midst of ending, hangs, and its servers live on.
#[tokio::test(flavor = "multi_thread")]
async fn a_system_that_nobody_reads_ends_when_it_is_told_to() {
    let dir = std::env::temp_dir().join(format!("chatroom-unread-{}", Uuid::now_v7()));
    let mut command = servers::child(Path::new(env!("CARGO_BIN_EXE_chatroom")));
    command.args(["dev", "--port", "0", "--dir"]).arg(&dir).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut process = servers::spawn(command).await.expect("the binary starts");
    drop(process.stderr.take());
    let ready = async {
        // Another process's readiness can only be looked at.
        while !dir.join("env").exists() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(READY_WITHIN, ready).await.expect("it is ready");
    is_told_to_end(&process);
    assert_eq!(ends(process).await.code(), Some(0));
    std::fs::remove_dir_all(dir).expect("nobody uses it any more");
}
