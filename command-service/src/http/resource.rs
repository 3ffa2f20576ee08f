//! What does a command's answer show? The fields that its own events determine; what readers derive is absent.

use chrono::{DateTime, Utc};
use events::membership::Restriction;
use events::message::MessageStatus;
use events::{LoungeId, Membership, MessageId, Role, RoomId, SessionId, UserId, UserKind, Visibility};
use serde::Serialize;
use utoipa::ToSchema;

/// The end of the year 9999, the last that RFC 3339 can write.
const FOR_EVER: DateTime<Utc> = DateTime::from_timestamp(253_402_300_799, 0).expect("within chrono's range");

/// A reaction of the caller's.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OwnReaction)]
pub(super) struct Reaction {
    #[schema(value_type = Uuid)]
    pub(super) room_id: RoomId,
    #[schema(value_type = Uuid)]
    pub(super) message_id: MessageId,
    /// Written in full, whatever was sent.
    #[schema(example = "👍")]
    pub(super) emoji: String,
}

/// How far the caller has read a room.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ReadMarker)]
pub(super) struct Marker {
    #[schema(value_type = Uuid)]
    pub(super) room_id: RoomId,
    /// Everything up to this entry.
    #[schema(example = 42)]
    pub(super) seq: u64,
}

/// A person as he sees himself.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OwnUser)]
pub(super) struct User {
    #[schema(value_type = Uuid)]
    pub(super) id: UserId,
    #[schema(example = "Ada")]
    pub(super) display_name: String,
    #[schema(value_type = String, example = "registered")]
    pub(super) kind: UserKind,
    pub(super) created_at: DateTime<Utc>,
    /// The last two digits of his number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "…78")]
    pub(super) phone_hint: Option<String>,
    /// A guest's latest end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<DateTime<Utc>>,
}

impl User {
    pub(super) fn of(id: UserId, account: &events::identity::Account) -> Self {
        Self {
            id,
            display_name: account.display_name.clone(),
            kind: account.kind,
            created_at: account.created_at,
            phone_hint: account.phone_hint.as_ref().map(|digits| format!("…{digits}")),
            expires_at: account.expires_at,
        }
    }
}

/// The session that the tokens belong to.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OwnSession)]
pub(super) struct Session {
    #[schema(value_type = Uuid)]
    pub(super) id: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) device: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used_at: DateTime<Utc>,
    /// When it ends in any case; unused, it ends before.
    pub(super) expires_at: DateTime<Utc>,
    pub(super) current: bool,
}

impl Session {
    pub(super) fn of(id: SessionId, session: &events::identity::Session) -> Self {
        Self {
            id,
            device: session.device.clone(),
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            current: true,
        }
    }
}

/// A lounge as its owner left it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WrittenLounge)]
pub(super) struct Lounge {
    #[schema(value_type = Uuid)]
    pub(super) id: LoungeId,
    #[schema(example = "Tea")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[schema(value_type = Uuid)]
    pub(super) owner: UserId,
    pub(super) active: bool,
    pub(super) created_at: DateTime<Utc>,
}

impl Lounge {
    pub(super) fn of(id: LoungeId, lounge: &events::Lounge) -> Self {
        Self {
            id,
            name: lounge.name.clone(),
            description: lounge.description.clone(),
            owner: lounge.owner,
            active: lounge.active,
            created_at: lounge.created_at,
        }
    }
}

/// A room as those in charge left it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WrittenRoom)]
pub(super) struct Room {
    #[schema(value_type = Uuid)]
    pub(super) id: RoomId,
    #[schema(value_type = Uuid)]
    pub(super) lounge_id: LoungeId,
    #[schema(example = "Hall")]
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) topic: Option<String>,
    /// BCP 47.
    #[schema(example = "en")]
    pub(super) language: String,
    #[schema(value_type = String, example = "public")]
    pub(super) visibility: Visibility,
    /// Whether guests may join.
    pub(super) guests: bool,
    pub(super) active: bool,
    pub(super) created_at: DateTime<Utc>,
}

impl Room {
    pub(super) fn of(id: RoomId, room: &events::Room) -> Self {
        Self {
            id,
            lounge_id: room.lounge,
            name: room.name.clone(),
            topic: room.topic.clone(),
            language: room.language.clone(),
            visibility: room.visibility,
            guests: room.guests,
            active: room.active,
            created_at: room.created_at,
        }
    }
}

/// A person as others see him.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct Person {
    #[schema(value_type = Uuid)]
    pub(super) id: UserId,
    #[schema(example = "Ada")]
    pub(super) display_name: String,
    #[schema(value_type = String, example = "registered")]
    pub(super) kind: UserKind,
}

/// A person as everybody may know him.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WrittenUser)]
pub(super) struct PublicUser {
    #[schema(value_type = Uuid)]
    pub(super) id: UserId,
    #[schema(example = "Ada")]
    pub(super) display_name: String,
    #[schema(value_type = String, example = "registered")]
    pub(super) kind: UserKind,
    pub(super) created_at: DateTime<Utc>,
}

impl PublicUser {
    pub(super) fn of(id: UserId, user: &events::User) -> Self {
        Self { id, display_name: user.display_name.clone(), kind: user.kind, created_at: user.created_at }
    }
}

/// A person in a room, or shut out of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WrittenMember)]
pub(super) struct Member {
    pub(super) user: PublicUser,
    /// Absent for who is not in the room: he left, was kicked or banned, or never came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "member")]
    pub(super) role: Option<Role>,
    /// Absent for who is not in the room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) joined_at: Option<DateTime<Utc>>,
    /// Until when he may not write; the end of the year 9999 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) muted_until: Option<DateTime<Utc>>,
    /// Until when he may not come back; the end of the year 9999 is for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) banned_until: Option<DateTime<Utc>>,
}

impl Member {
    pub(super) fn of(user: PublicUser, membership: Option<&Membership>, now: DateTime<Utc>) -> Self {
        let until = |restriction: &Option<Restriction>| {
            let held = restriction.as_ref().filter(|restriction| restriction.holds(now));
            held.map(|restriction| restriction.until.unwrap_or(FOR_EVER))
        };
        Self {
            user,
            role: membership.and_then(|membership| membership.role),
            joined_at: membership.and_then(|membership| membership.joined_at),
            muted_until: membership.and_then(|membership| until(&membership.muted)),
            banned_until: membership.and_then(|membership| until(&membership.banned)),
        }
    }
}

/// A message as its author left it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = WrittenMessage)]
pub(super) struct Message {
    #[schema(value_type = Uuid)]
    pub(super) id: MessageId,
    #[schema(value_type = Uuid)]
    pub(super) room_id: RoomId,
    pub(super) author: Person,
    /// Exactly as sent; absent once deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hello")]
    pub(super) text: Option<String>,
    /// A message of the same room; in the answer to a posting only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub(super) reply_to: Option<MessageId>,
    /// Users named; in the answer to a posting only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Uuid>>)]
    pub(super) mentions: Option<Vec<UserId>>,
    pub(super) created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) edited_at: Option<DateTime<Utc>>,
    /// Absent in the answer to an edit, which does not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "visible")]
    pub(super) status: Option<MessageStatus>,
}
