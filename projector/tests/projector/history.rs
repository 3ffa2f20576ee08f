//! A history by seed: people, lounges, rooms, and everything that can be done to a message, also twice and too late.

use crate::log::record;
use event_log::Record;
use events::{
    Actor, Change, Envelope, Epoch, Event, EventId, Evolve, Lounge, LoungeId, Marker, Membership, MessageId, NewEvent,
    PhoneTag, Presence, PresenceState, Role, Room, RoomId, SessionId, StreamName, Subject, Time, User, UserId,
    UserKind, Visibility,
    identity::{
        Account, GuestStarted, GuestUpgraded, RevocationCause, Session, SessionEvent, SessionRefreshed, SessionRevoked,
        SessionStarted,
    },
    lounge::{LoungeChanged, LoungeCreated, LoungeEvent},
    marker::RoomRead,
    membership::{
        MemberBanned, MemberJoined, MemberKicked, MemberLeft, MemberMuted, MemberUnbanned, MemberUnmuted,
        MembershipEvent, RoleChanged,
    },
    message::{
        MessageDeleted, MessageEdited, MessageEvent, MessageModerated, MessagePosted, MessageReported, MessageStatus,
        MessagesRemoved, ReactionAdded, ReactionRemoved, RemovalCause, ReportEvent,
    },
    presence::PresenceChanged,
    room::{RoomChanged, RoomCreated, RoomEvent},
    system::{EpochEvent, EpochStarted},
    user::{UserAppeared, UserEvent, UserProfileChanged},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::BTreeMap;
use uuid::Uuid;

const PEOPLE: u32 = 5;
const ACCOUNTS: u32 = 40;
const ROOMS: u32 = 3;
const MESSAGES: u128 = 12;
pub(crate) const EPOCH: Epoch = Epoch(7);

pub(crate) struct History {
    random: StdRng,
    records: Vec<Record>,
    seq: u64,
    users: BTreeMap<UserId, User>,
    lounges: BTreeMap<LoungeId, Lounge>,
    rooms: BTreeMap<RoomId, Room>,
    members: BTreeMap<(RoomId, UserId), Membership>,
    accounts: BTreeMap<UserId, Account>,
    sessions: BTreeMap<SessionId, Session>,
    presences: BTreeMap<UserId, Presence>,
    markers: BTreeMap<(UserId, RoomId), Marker>,
}

/// `CHAT`: its epoch and then so many facts.
pub(crate) fn chat(seed: u64, facts: usize) -> Vec<Record> {
    let mut history = History::begin(StreamName::Chat, seed);
    for _ in 0..facts {
        history.chat_fact();
    }
    history.records
}

/// The streams that forget: of each its epoch and then so many facts, with holes where others were forgotten.
pub(crate) fn small(seed: u64, facts: usize) -> Vec<Record> {
    let of = |stream, fact: fn(&mut History)| {
        let mut history = History::begin(stream, seed);
        (0..facts).for_each(|_| fact(&mut history));
        history.records
    };
    let identity = of(StreamName::Identity, History::identity_fact);
    let presence = of(StreamName::Presence, History::presence_fact);
    let markers = of(StreamName::Markers, History::marker_fact);
    [identity, presence, markers].concat()
}

/// An id of an event in a history of tests.
fn id(kind: u128, number: u128) -> Uuid {
    Uuid::from_u128(kind << 64 | number)
}

impl History {
    fn begin(stream: StreamName, seed: u64) -> Self {
        let mut history = Self {
            random: StdRng::seed_from_u64(seed),
            records: Vec::new(),
            seq: 0,
            users: BTreeMap::new(),
            lounges: BTreeMap::new(),
            rooms: BTreeMap::new(),
            members: BTreeMap::new(),
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            presences: BTreeMap::new(),
            markers: BTreeMap::new(),
        };
        let started = EpochStarted { epoch: EPOCH, at: history.now() };
        history.append(Subject::Epoch(stream), EpochEvent::from(started));
        history
    }

    fn append(&mut self, subject: Subject, event: impl Into<Event>) {
        // Sequences of a stream that forgets have holes.
        self.seq += if subject.stream() == StreamName::Chat { 1 } else { self.random.random_range(1..4) };
        let actor = Actor::User(UserId(id(1, 0)));
        let mut envelope = Envelope::new(EventId(id(9, self.seq.into())), self.now(), actor, "history");
        envelope.key = self.random.random_bool(0.5).then(|| format!("key-{}", self.seq));
        self.records.push(record(self.seq, &NewEvent { subject, envelope, event: event.into() }));
    }

    fn now(&self) -> Time {
        Time::UNIX_EPOCH + chrono::TimeDelta::milliseconds(1_700_000_000_000 + self.seq as i64 * 7)
    }

    fn one_of(&mut self, kind: u128, count: u32) -> Uuid {
        id(kind, self.random.random_range(0..count).into())
    }

    fn chat_fact(&mut self) {
        let (user, room) = (UserId(self.one_of(1, PEOPLE)), RoomId(self.one_of(2, ROOMS)));
        match self.random.random_range(0..20) {
            0 => self.user_fact(user),
            1 => self.lounge_fact(user),
            2 => self.room_fact(room, user),
            3..=6 => self.member_fact(room, user),
            7 => {
                let message = self.message(room);
                let reported = MessageReported { room, message, reason: Some("spam".into()) };
                self.append(Subject::RoomReports(room), ReportEvent::from(reported));
            }
            _ => self.message_fact(room, user),
        }
    }

    fn user_fact(&mut self, user: UserId) {
        let name = format!("user {}", self.seq);
        let event: UserEvent = match self.users.contains_key(&user) {
            true => UserProfileChanged { user, display_name: name }.into(),
            false => UserAppeared { user, display_name: name, kind: UserKind::Registered, at: self.now() }.into(),
        };
        let change = changed(&mut self.users, user, event);
        self.append(Subject::User(user), change);
    }

    fn lounge_fact(&mut self, owner: UserId) {
        let lounge = LoungeId(self.one_of(3, 2));
        let name = format!("lounge {}", self.seq);
        let event: LoungeEvent = match self.lounges.contains_key(&lounge) {
            true => LoungeChanged { lounge, name: Some(name), description: None }.into(),
            false => LoungeCreated { lounge, name, description: None, owner, at: self.now() }.into(),
        };
        let change = changed(&mut self.lounges, lounge, event);
        self.append(Subject::Lounge(lounge), change);
    }

    fn room_fact(&mut self, room: RoomId, owner: UserId) {
        let name = format!("room {}", self.seq);
        let language =
            self.random.random_bool(0.7).then(|| ["de", "en", "zh-Hans"][self.random.random_range(0..3)].into());
        let event: RoomEvent = match self.rooms.contains_key(&room) {
            true => RoomChanged {
                room,
                name: Some(name),
                topic: Some("tea".into()),
                language,
                visibility: None,
                guests: None,
            }
            .into(),
            false => RoomCreated {
                room,
                lounge: LoungeId(id(3, 0)),
                name,
                topic: None,
                language: "de".into(),
                visibility: Visibility::Public,
                guests: true,
                owner,
                at: self.now(),
            }
            .into(),
        };
        let change = changed(&mut self.rooms, room, event);
        self.append(Subject::Room(room), change);
    }

    fn member_fact(&mut self, room: RoomId, user: UserId) {
        let at = self.now();
        let event: MembershipEvent = match self.random.random_range(0..10) {
            0..=3 => MemberJoined { room, user, role: Role::Member, at }.into(),
            4 => MemberLeft { room, user }.into(),
            5 => MemberMuted { room, user, until: Some(at), reason: Some("rude".into()) }.into(),
            6 => MemberBanned { room, user, until: None, reason: None }.into(),
            7 => MemberKicked { room, user, reason: None }.into(),
            8 => RoleChanged { room, user, role: Role::Moderator }.into(),
            _ if self.random.random_bool(0.5) => MemberUnbanned { room, user }.into(),
            _ => MemberUnmuted { room, user }.into(),
        };
        let mut change = changed(&mut self.members, (room, user), event);
        // Nothing of ours comes in this way. But whoever folds it has to come to the same, however the batches are cut.
        if matches!(change.event, MembershipEvent::Joined(_)) && self.random.random_bool(0.2) {
            change.event = RoleChanged { room, user, role: Role::Member }.into();
        }
        self.append(Subject::Member(room, user), change);
    }

    /// One of few messages of the room, so that much happens to each; it may not be posted yet.
    fn message(&mut self, room: RoomId) -> MessageId {
        MessageId(id(4, room.0.as_u128() % 16 * MESSAGES + self.random.random_range(0..MESSAGES)))
    }

    fn message_fact(&mut self, room: RoomId, user: UserId) {
        let message = self.message(room);
        let text = format!("text {} 👋", self.seq);
        let emoji = ["👍", "🎉"][self.random.random_range(0..2)].to_owned();
        let event: MessageEvent = match self.random.random_range(0..20) {
            0..=6 => {
                let reply_to = self.random.random_bool(0.3).then(|| self.message(room));
                let mentions = (0..self.random.random_range(0..3)).map(|n| UserId(id(1, n))).collect();
                MessagePosted { room, message, author: user, text, reply_to, mentions }.into()
            }
            7..=10 => MessageEdited { room, message, text }.into(),
            11 => MessageDeleted { room, message }.into(),
            12..=14 => {
                let statuses = [MessageStatus::Visible, MessageStatus::Hidden, MessageStatus::Removed];
                let status = statuses[self.random.random_range(0..3)];
                MessageModerated { room, message, status, reason: None }.into()
            }
            15 => MessagesRemoved { room, user, why: RemovalCause::Moderation, reason: None }.into(),
            16 if self.random.random_bool(0.2) => {
                MessagesRemoved { room, user, why: RemovalCause::Erasure, reason: None }.into()
            }
            16..=18 => ReactionAdded { room, message, user, emoji }.into(),
            _ => ReactionRemoved { room, message, user, emoji }.into(),
        };
        self.append(Subject::RoomMessages(room), event);
    }

    fn identity_fact(&mut self) {
        let user = UserId(self.one_of(1, ACCOUNTS));
        let session = SessionId(id(5, user.0.as_u128() & 0xff));
        let at = self.now();
        if !self.accounts.contains_key(&user) {
            let started = GuestStarted { user, display_name: "guest".into(), expires_at: at, at };
            let change = changed(&mut self.accounts, user, started.into());
            return self.append(Subject::Account(user), change);
        }
        let (idle_until, expires_at) = (at, at);
        let event: SessionEvent = match self.random.random_range(0..6) {
            0 => {
                let phone_hint = "78".to_owned();
                let upgraded =
                    GuestUpgraded { user, phone: PhoneTag([user.0.as_bytes()[15]; 32]), phone_hint, session: None };
                let change = changed(&mut self.accounts, user, upgraded.into());
                return self.append(Subject::Account(user), change);
            }
            1 if self.sessions.contains_key(&session) => {
                SessionRevoked { session, user, why: RevocationCause::SignedOut }.into()
            }
            _ if self.sessions.contains_key(&session) => {
                let credential = u32::from(self.accounts[&user].kind == UserKind::Registered);
                SessionRefreshed { session, rotation: 1, credential, key: 1, idle_until, expires_at, at }.into()
            }
            _ => {
                SessionStarted { session, user, credential: 0, key: 1, device: None, idle_until, expires_at, at }.into()
            }
        };
        let change = changed(&mut self.sessions, session, event);
        self.append(Subject::Session(session), change);
    }

    fn presence_fact(&mut self) {
        let user = UserId(self.one_of(1, ACCOUNTS));
        let states = [PresenceState::Offline, PresenceState::Away, PresenceState::Online, PresenceState::Dnd];
        let (state, at) = (states[self.random.random_range(0..4)], self.now());
        let change = changed(&mut self.presences, user, PresenceChanged { user, state, at }.into());
        self.append(Subject::Presence(user), change);
    }

    fn marker_fact(&mut self) {
        let (user, room) = (UserId(self.one_of(1, PEOPLE)), RoomId(self.one_of(2, ROOMS)));
        let seq = self.random.random_range(1..500);
        let change = changed(&mut self.markers, (user, room), RoomRead { user, room, seq }.into());
        self.append(Subject::Marker(user, room), change);
    }
}

fn changed<K: Ord, S: Evolve + Clone>(states: &mut BTreeMap<K, S>, key: K, event: S::Event) -> Change<S::Event, S> {
    let change = Change::of(states.remove(&key), event);
    states.insert(key, change.after.clone());
    change
}
