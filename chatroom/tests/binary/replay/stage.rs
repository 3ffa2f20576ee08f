//! A log with something in it, and the binary that replays it with an analyst's login.

use event_log::{EventLog, JetStream, Login, streams};
use events::{
    Actor, Change, Condition, Envelope, Event, EventId, LoungeId, MembershipEvent, MessageEvent, MessageId, NewEvent,
    Role as Rank, Room, RoomEvent, RoomId, Subject, Time, UserId, Visibility, membership::MemberJoined,
    message::MessagePosted, room::RoomCreated,
};
use serde_json::Value;
use servers::{Nats, Role};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};
use tokio::process::{Child, Command};
use uuid::Uuid;

pub(crate) const ADA: UserId = UserId(Uuid::from_u128(0xada));
pub(crate) const BOB: UserId = UserId(Uuid::from_u128(0xb0b));
const LOUNGES: [LoungeId; 2] = [LoungeId(Uuid::from_u128(0xa1)), LoungeId(Uuid::from_u128(0xa2))];

pub(crate) fn room(n: u128) -> RoomId {
    RoomId(Uuid::from_u128(0xf00 + n))
}

pub(crate) fn lounge(n: usize) -> LoungeId {
    LOUNGES[n]
}

pub(crate) struct Stage {
    pub(crate) nats: Nats,
    pub(crate) log: JetStream,
    dir: PathBuf,
    written: u32,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        let nats = Nats::temporary().await.expect("a real nats-server");
        let client = nats.connect(Role::Operator).await.expect("the operator");
        let args = streams::StreamArgs { replicas: 1, chat_bytes_max: 1 << 30, other_bytes_max: 1 << 28 };
        streams::migrate(&client, &args).await.expect("streams");
        let login = nats.credentials(Role::Command);
        let credentials = Login { user: login.user, password: login.password };
        let client = event_log::connect(&nats.url(), Some(credentials), login.inbox_prefix, "test").await;
        let dir = std::env::temp_dir().join(format!("chatroom-replay-{}", Uuid::now_v7()));
        std::fs::create_dir_all(&dir).expect("a writable temporary directory");
        Self { nats, log: JetStream::new(client.expect("the command service's login")), dir, written: 0 }
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Three rooms in two lounges, with Ada and Bob in each, and so many messages, said by turns.
    pub(crate) async fn says(&mut self, messages: u32) {
        for n in 0..3 {
            self.opens(n, LOUNGES[n as usize / 2]).await;
            for user in [ADA, BOB] {
                let joined = MemberJoined { room: room(n), user, role: Rank::Member, at: Time::UNIX_EPOCH };
                let subject = Subject::Member(room(n), user);
                self.append(subject, user, subject, Change::of(None, MembershipEvent::from(joined)).into()).await;
            }
        }
        for n in 0..messages {
            self.says_one(n).await;
        }
    }

    pub(crate) async fn opens(&mut self, n: u128, lounge: LoungeId) {
        let created = RoomCreated {
            room: room(n),
            lounge,
            name: format!("Room, \"{n}\""),
            topic: None,
            language: "de".into(),
            visibility: Visibility::Public,
            guests: true,
            owner: ADA,
            at: Time::UNIX_EPOCH,
        };
        let change = Change::<RoomEvent, Room>::of(None, created.into());
        self.append(Subject::Room(room(n)), ADA, Subject::Room(room(n)), change.into()).await;
    }

    pub(crate) async fn says_one(&mut self, n: u32) {
        let (room, author) = (room(u128::from(n % 3)), if n.is_multiple_of(2) { ADA } else { BOB });
        let message = MessageId(Uuid::from_u128(0xc000 + u128::from(n)));
        let text = format!("Nachricht {n}, \"gesagt\"\nin zwei Zeilen 你好");
        let posted = MessagePosted { room, message, author, text, reply_to: None, mentions: vec![ADA] };
        let event = Event::from(MessageEvent::from(posted));
        self.append(Subject::RoomMessages(room), author, Subject::Member(room, author), event).await;
    }

    async fn append(&mut self, subject: Subject, actor: UserId, under: Subject, event: Event) {
        self.written += 1;
        // An hour between what is early and the rest, for who replays it at the pace at which it happened.
        let hour = if self.written > EARLY { 3_600 } else { 0 };
        let at = Time::from_timestamp(1_790_000_000 + hour + i64::from(self.written) / 1_000, 0).expect("a time");
        let id = EventId(Uuid::from_u128(0xe000_0000 + u128::from(self.written)));
        let mut envelope = Envelope::new(id, at, Actor::User(actor), format!("request {}", self.written));
        let tip = self.log.last(under, event_log::Freshness::Leader).await.expect("the log answers");
        envelope.after = Some(Condition { subject: under, seq: tip.map_or(0, |record| record.seq) });
        self.log.append(vec![NewEvent { subject, envelope, event }]).await.expect("appended");
    }

    /// What nobody's code has written.
    pub(crate) async fn publishes(&self, event_type: &str, body: &'static str) {
        let client = self.nats.connect(Role::Operator).await.expect("the operator");
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("ce-id", Uuid::now_v7().to_string().as_str());
        headers.insert("ce-type", event_type);
        headers.insert("ce-time", "2026-09-21T14:13:20.000Z");
        headers.insert("ce-actortype", "system");
        // What a line says by itself, and what CloudEvents does not allow.
        for (name, value) in
            [("ce-seq", "1"), ("ce-roomseq", "1"), ("ce-data", "1"), ("ce-i-d", "1"), ("ce-mood", "good")]
        {
            headers.insert(name, value);
        }
        let subject = Subject::RoomMessages(room(0)).to_string();
        let context = async_nats::jetstream::new(client);
        let sent = context.publish_with_headers(subject, headers, body.into()).await.expect("sent");
        sent.await.expect("stored");
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let login = self.nats.credentials(Role::Analyst);
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatroom"));
        command
            .arg("replay")
            .args(args)
            .env("NATS_URL", self.nats.url())
            .env("NATS_USER", login.user)
            .env("NATS_PASSWORD", login.password)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) async fn replays(&self, args: &[&str]) -> Output {
        self.command(args).output().await.expect("the binary runs")
    }

    /// The lines of a replay that ends well.
    pub(crate) async fn events(&self, args: &[&str]) -> Vec<Value> {
        let output = self.replays(args).await;
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    pub(crate) fn begins(&self, args: &[&str]) -> Child {
        self.command(args).spawn().expect("the binary starts")
    }
}

/// Events that happened before an hour in which nothing did.
pub(crate) const EARLY: u32 = 120;

impl Drop for Stage {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.dir).expect("it is ours");
    }
}

/// Every file below a folder, with what is in it.
pub(crate) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_string_lossy().into_owned();
                found.push((name, std::fs::read(path).expect("a file")));
            }
        }
    }
    found.sort();
    found
}
