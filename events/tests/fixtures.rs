//! Does every shape ever written still decode? Frozen fixtures, one folder a type and version.
//!
//! `WRITE_FIXTURES=1 cargo test -p events --test fixtures` adds those that are missing and changes none that is there.

use events::{
    Change, DecodeError, Epoch, Event, EventType, Evolve, LoungeId, MessageId, PhoneTag, RoomId, SessionId, StreamName,
    Subject, Time, UserId, UserKind, Visibility, identity::*, lounge::*, marker::*, membership::*, message::*,
    presence::*, room::*, system::*, user::*,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};
use uuid::Uuid;

const ADA: UserId = UserId(Uuid::from_u128(0xada));
const BOB: UserId = UserId(Uuid::from_u128(0xb0b));
const LOUNGE: LoungeId = LoungeId(Uuid::from_u128(0x1));
const ROOM: RoomId = RoomId(Uuid::from_u128(0x2));
const MESSAGE: MessageId = MessageId(Uuid::from_u128(0x3));
const SESSION: SessionId = SessionId(Uuid::from_u128(0x4));
const PHONE: PhoneTag = PhoneTag([7; 32]);
const AT: Time = Time::UNIX_EPOCH;

/// Each event after the ones before it, as a stream of one subject would hold them.
fn changes<E: Clone, S: Evolve<Event = E> + Clone>(events: Vec<E>) -> Vec<Change<E, S>> {
    let mut state: Option<S> = None;
    let mut changes = Vec::new();
    for event in events {
        let change = Change::of(state.take(), event);
        state = Some(change.after.clone());
        changes.push(change);
    }
    changes
}

fn on<E: Into<Event>>(subject: Subject, events: Vec<E>) -> Vec<(Subject, Event)> {
    events.into_iter().map(|event| (subject, event.into())).collect()
}

fn samples() -> Vec<(Subject, Event)> {
    let text = |text: &str| Some(text.to_owned());
    let mut all =
        on(Subject::Epoch(StreamName::Chat), vec![EpochEvent::from(EpochStarted { epoch: Epoch(7), at: AT })]);
    all.extend(on(Subject::Drop, vec![DropEvent::from(EventDropped { seq: 9, reason: "broken".into() })]));
    all.extend(on(Subject::Relay, changes(vec![RelayEvent::from(RelayAdvanced { source_seq: 5 })])));
    all.extend(on(
        Subject::Phone(PHONE),
        changes(vec![PhoneClaimed { user: ADA }.into(), PhoneEvent::from(PhoneReleased { user: ADA })]),
    ));
    all.extend(on(
        Subject::Account(ADA),
        changes(vec![
            AccountEvent::from(UserRegistered {
                user: ADA,
                display_name: "Ada".into(),
                phone: PHONE,
                phone_hint: "78".into(),
                at: AT,
            }),
            ProfileChanged { user: ADA, display_name: "Ada L.".into() }.into(),
            AccountSuspended { user: ADA, reason: text("spam") }.into(),
            AccountReinstated { user: ADA }.into(),
            AccountErased { user: ADA }.into(),
        ]),
    ));
    all.extend(on(
        Subject::Account(BOB),
        changes(vec![
            AccountEvent::from(GuestStarted { user: BOB, display_name: "Bob".into(), expires_at: AT, at: AT }),
            GuestUpgraded { user: BOB, phone: PHONE, phone_hint: "78".into(), session: Some(SESSION) }.into(),
            AccountExpired { user: BOB }.into(),
        ]),
    ));
    all.extend(on(
        Subject::Credential(ADA),
        changes(vec![CredentialEvent::from(CredentialSet {
            user: ADA,
            number: 2,
            hash: text("$2b$12$x"),
            session: Some(SESSION),
        })]),
    ));
    all.extend(on(
        Subject::Session(SESSION),
        changes(vec![
            SessionEvent::from(SessionStarted {
                session: SESSION,
                user: ADA,
                credential: 1,
                key: 1,
                device: text("phone"),
                idle_until: AT,
                expires_at: AT,
                at: AT,
            }),
            SessionRefreshed {
                session: SESSION,
                rotation: 1,
                credential: 1,
                key: 2,
                idle_until: AT,
                expires_at: AT,
                at: AT,
            }
            .into(),
            SessionRevoked { session: SESSION, user: ADA, why: RevocationCause::SignedOut }.into(),
        ]),
    ));
    all.extend(on(
        Subject::User(ADA),
        changes(vec![
            UserEvent::from(UserAppeared { user: ADA, display_name: "Ada".into(), kind: UserKind::Guest, at: AT }),
            UserProfileChanged { user: ADA, display_name: "Ada L.".into() }.into(),
            UserUpgraded { user: ADA }.into(),
            CredentialChanged { user: ADA, number: 2, session: Some(SESSION) }.into(),
            SessionClosed { user: ADA, session: SESSION }.into(),
            UserSuspended { user: ADA }.into(),
            UserReinstated { user: ADA }.into(),
            GuestExpired { user: ADA }.into(),
            UserErased { user: ADA }.into(),
        ]),
    ));
    all.extend(on(
        Subject::Lounge(LOUNGE),
        changes(vec![
            LoungeEvent::from(LoungeCreated {
                lounge: LOUNGE,
                name: "Languages".into(),
                description: text("all of them"),
                owner: ADA,
                at: AT,
            }),
            LoungeChanged { lounge: LOUNGE, name: text("Tongues"), description: None }.into(),
            LoungeArchived { lounge: LOUNGE }.into(),
            LoungeReopened { lounge: LOUNGE }.into(),
        ]),
    ));
    all.extend(rooms());
    all.extend(messages());
    let online = PresenceChanged { user: ADA, state: PresenceState::Online, at: AT };
    all.extend(on(Subject::Presence(ADA), changes(vec![PresenceEvent::from(online)])));
    let read = RoomRead { user: ADA, room: ROOM, seq: 7 };
    all.extend(on(Subject::Marker(ADA, ROOM), changes(vec![MarkerEvent::from(read)])));
    all
}

fn rooms() -> Vec<(Subject, Event)> {
    let mut all = on(
        Subject::Room(ROOM),
        changes(vec![
            RoomEvent::from(RoomCreated {
                room: ROOM,
                lounge: LOUNGE,
                name: "Deutsch".into(),
                topic: None,
                language: "de".into(),
                visibility: Visibility::Public,
                guests: true,
                owner: ADA,
                at: AT,
            }),
            RoomChanged {
                room: ROOM,
                name: None,
                topic: Some("Wetter".into()),
                language: None,
                visibility: Some(Visibility::Private),
                guests: Some(false),
            }
            .into(),
            OwnerChanged { room: ROOM, added: Some(BOB), removed: Some(ADA) }.into(),
            RoomArchived { room: ROOM }.into(),
            RoomReopened { room: ROOM }.into(),
        ]),
    );
    let reason = Some("rude".to_owned());
    all.extend(on(
        Subject::Member(ROOM, BOB),
        changes(vec![
            MembershipEvent::from(MemberJoined { room: ROOM, user: BOB, role: Role::Member, at: AT }),
            RoleChanged { room: ROOM, user: BOB, role: Role::Moderator }.into(),
            MemberMuted { room: ROOM, user: BOB, until: Some(AT), reason: reason.clone() }.into(),
            MemberUnmuted { room: ROOM, user: BOB }.into(),
            MemberLeft { room: ROOM, user: BOB }.into(),
            MemberAdded { room: ROOM, user: BOB, at: AT }.into(),
            MemberKicked { room: ROOM, user: BOB, reason: reason.clone() }.into(),
            MemberBanned { room: ROOM, user: BOB, until: None, reason }.into(),
            MemberUnbanned { room: ROOM, user: BOB }.into(),
        ]),
    ));
    all
}

fn messages() -> Vec<(Subject, Event)> {
    let mut all = on(
        Subject::RoomMessages(ROOM),
        vec![
            MessageEvent::from(MessagePosted {
                room: ROOM,
                message: MESSAGE,
                author: BOB,
                text: " Guten Morgen! \u{1f44b}\n".into(),
                reply_to: Some(MESSAGE),
                mentions: vec![ADA],
            }),
            MessageEdited { room: ROOM, message: MESSAGE, text: "Moin".into() }.into(),
            MessageModerated {
                room: ROOM,
                message: MESSAGE,
                status: MessageStatus::Hidden,
                reason: Some("rude".into()),
            }
            .into(),
            ReactionAdded { room: ROOM, message: MESSAGE, user: ADA, emoji: "👍".into() }.into(),
            ReactionRemoved { room: ROOM, message: MESSAGE, user: ADA, emoji: "👍".into() }.into(),
            MessageDeleted { room: ROOM, message: MESSAGE }.into(),
            MessagesRemoved { room: ROOM, user: BOB, why: RemovalCause::Erasure, reason: None }.into(),
            MessagesRemoved {
                room: ROOM,
                user: BOB,
                why: RemovalCause::Moderation,
                reason: Some("advertising".into()),
            }
            .into(),
        ],
    );
    let report = MessageReported { room: ROOM, message: MESSAGE, reason: Some("rude".into()) };
    all.extend(on(Subject::RoomReports(ROOM), vec![ReportEvent::from(report)]));
    all
}

fn folder(event_type: EventType) -> PathBuf {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
    root.join(event_type.name).join(format!("v{}", event_type.version))
}

fn every_type() -> BTreeSet<String> {
    [
        EpochEvent::TYPES,
        DropEvent::TYPES,
        RelayEvent::TYPES,
        PhoneEvent::TYPES,
        AccountEvent::TYPES,
        CredentialEvent::TYPES,
        SessionEvent::TYPES,
        UserEvent::TYPES,
        LoungeEvent::TYPES,
        RoomEvent::TYPES,
        MembershipEvent::TYPES,
        MessageEvent::TYPES,
        ReportEvent::TYPES,
        PresenceEvent::TYPES,
        MarkerEvent::TYPES,
    ]
    .iter()
    .flat_map(|types| types.iter().map(ToString::to_string))
    .collect()
}

#[test]
fn every_type_has_a_sample_and_a_fixture() {
    let samples = samples();
    for (subject, event) in &samples {
        let folder = folder(event.event_type());
        if std::env::var_os("WRITE_FIXTURES").is_some() && !folder.exists() {
            fs::create_dir_all(&folder).expect("the fixtures are writable");
            let body: Value = serde_json::from_slice(&event.body()).expect("our own JSON");
            let fixture =
                json!({ "subject": subject.to_string(), "type": event.event_type().to_string(), "body": body });
            let text = serde_json::to_string_pretty(&fixture).expect("a value") + "\n";
            fs::write(folder.join("1.json"), text).expect("the fixtures are writable");
        }
        assert!(folder.is_dir(), "{} has no fixture: WRITE_FIXTURES=1 adds it", event.event_type());
    }
    let sampled: BTreeSet<String> = samples.iter().map(|(_, event)| event.event_type().to_string()).collect();
    assert_eq!(sampled, every_type());
}

#[test]
fn every_fixture_decodes_for_ever() {
    let mut read = 0;
    for entry in glob(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"))) {
        let text = fs::read(&entry).expect("a fixture");
        let fixture: Value = serde_json::from_slice(&text).expect("a fixture is JSON");
        let text = |field: &str| fixture[field].as_str().expect("a fixture has a subject and a type");
        let subject: Subject = text("subject").parse().expect("a known subject");
        let body = serde_json::to_vec(&fixture["body"]).expect("a value");
        let event = Event::decode(&subject, text("type"), &body).unwrap_or_else(|why| panic!("{entry:?}: {why}"));
        // Of today's versions also nothing is lost on the way back.
        if event.event_type().to_string() == text("type") {
            let again: Value = serde_json::from_slice(&event.body()).expect("our own JSON");
            assert_eq!(again, fixture["body"], "{entry:?}");
        }
        read += 1;
    }
    assert!(read >= every_type().len());
}

#[test]
fn what_is_unknown_is_named_and_what_is_broken_is_told_apart() {
    let decode = |event_type, body: &[u8]| Event::decode(&Subject::RoomMessages(ROOM), event_type, body);
    let unknown = |event_type: &str| Err(DecodeError::UnknownType(event_type.to_owned()));
    assert_eq!(decode("chatroom.message.posted.v9", b"{}"), unknown("chatroom.message.posted.v9"));
    assert_eq!(decode("chatroom.lounge.created.v1", b"{}"), unknown("chatroom.lounge.created.v1"));
    assert!(matches!(decode("chatroom.message.posted.v1", b"{}"), Err(DecodeError::Malformed { .. })));
    assert!(matches!(decode("chatroom.message.posted.v1", b"{"), Err(DecodeError::Malformed { .. })));
}

#[test]
fn a_field_of_a_newer_release_is_kept_in_a_state_and_passed_over_in_a_fact() {
    let change: Change<LoungeEvent, Lounge> = Change::of(
        None,
        LoungeCreated { lounge: LOUNGE, name: "Languages".into(), description: None, owner: ADA, at: AT }.into(),
    );
    let mut body: Value = serde_json::from_slice(&Event::from(change).body()).expect("our own JSON");
    body["colour"] = json!("red");
    body["after"]["mood"] = json!({ "good": true });
    let bytes = serde_json::to_vec(&body).expect("a value");
    let decoded = Event::decode(&Subject::Lounge(LOUNGE), "chatroom.lounge.created.v1", &bytes).expect("tolerated");
    let again: Value = serde_json::from_slice(&decoded.body()).expect("our own JSON");
    assert_eq!(again["after"]["mood"], json!({ "good": true }));
    assert_eq!(again["colour"], Value::Null);
}

// Red when a fixture is edited or taken away, also with WRITE_FIXTURES set: that only names those that are new.
#[test]
fn no_fixture_ever_changes() {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
    let list = root.with_extension("sha256");
    let named = fs::read_to_string(&list).unwrap_or_default();
    let named: BTreeMap<&str, &str> =
        named.lines().filter_map(|line| line.split_once("  ")).map(|(hash, path)| (path, hash)).collect();
    let hashed = glob(root.clone()).into_iter().map(|path| {
        let hash = Sha256::digest(fs::read(&path).expect("a fixture"));
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        (path.strip_prefix(&root).expect("below it").to_string_lossy().into_owned(), hash)
    });
    let there: BTreeMap<String, String> = hashed.collect();
    for (path, hash) in &named {
        let found = there.get(*path).map(String::as_str);
        assert_eq!(
            found,
            Some(*hash),
            "{path} was written once and may not change: restore it, and add another beside it"
        );
    }
    if std::env::var_os("WRITE_FIXTURES").is_some() {
        let lines = there.iter().map(|(path, hash)| format!("{hash}  {path}\n"));
        fs::write(&list, lines.collect::<String>()).expect("the list is writable");
        return;
    }
    let unnamed: Vec<_> = there.keys().filter(|path| !named.contains_key(path.as_str())).collect();
    assert!(unnamed.is_empty(), "new and not in the list, WRITE_FIXTURES=1 adds them: {unnamed:?}");
}

fn glob(root: PathBuf) -> Vec<PathBuf> {
    let mut folders = vec![root];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the fixtures are readable") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}
