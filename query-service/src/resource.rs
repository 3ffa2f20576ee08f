//! What do clients see? The resources of the API, the same in pages and in frames.

use chrono::{DateTime, Utc};
use events::{
    LoungeId, MessageId, PresenceState, Role, RoomId, SessionId, UserId, UserKind, Visibility, message::MessageStatus,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A person as everybody may see him; to himself with what is his own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct User {
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// Not unique. Empty once erased.
    #[schema(example = "Ada")]
    pub display_name: String,
    #[schema(value_type = shown::UserKind)]
    pub kind: UserKind,
    pub created_at: DateTime<Utc>,
    /// Only to himself: the last two digits of his phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "…12")]
    pub phone_hint: Option<String>,
    /// Only to himself: a guest's latest end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

/// A sign-in of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    #[schema(value_type = Uuid)]
    pub id: SessionId,
    /// As the client named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Sign-in or last refresh.
    pub last_used_at: DateTime<Utc>,
    /// When it ends in any case; unused, it ends before.
    pub expires_at: DateTime<Utc>,
    /// Whether the request came with this one.
    pub current: bool,
}

/// A lounge, which holds rooms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lounge {
    #[schema(value_type = Uuid)]
    pub id: LoungeId,
    /// Not unique.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[schema(value_type = Uuid)]
    pub owner: UserId,
    /// False while archived.
    pub active: bool,
    /// Its active public rooms: of a private one nobody learns here that it exists.
    pub room_count: u64,
    pub created_at: DateTime<Utc>,
}

/// A room's card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Room {
    #[schema(value_type = Uuid)]
    pub id: RoomId,
    #[schema(value_type = Uuid)]
    pub lounge_id: LoungeId,
    /// Not unique.
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// BCP 47.
    #[schema(example = "en")]
    pub language: String,
    #[schema(value_type = shown::Visibility)]
    pub visibility: Visibility,
    /// Whether guests may join.
    pub guests: bool,
    /// False while archived.
    pub active: bool,
    pub member_count: u64,
    /// `seq` of the room's last event.
    pub head: u64,
    pub created_at: DateTime<Utc>,
    /// How the caller stands in it; absent for who is no member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<OwnMembership>,
}

/// How the caller stands in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnMembership {
    #[schema(value_type = shown::Role)]
    pub role: Role,
    /// The `seq` up to which he has read.
    pub read: u64,
    /// Visible messages by others after it, at most 1,000.
    pub unread: u64,
    /// Those among them that name him.
    pub mentions: u64,
}

/// A person in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub user: User,
    #[schema(value_type = shown::Role)]
    pub role: Role,
    pub joined_at: DateTime<Utc>,
    /// Until when he may not write; the end of the year 9999 is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<DateTime<Utc>>,
    /// Until when he may not come back; the end of the year 9999 is for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned_until: Option<DateTime<Utc>>,
}

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    #[schema(value_type = Uuid)]
    pub user_id: UserId,
    #[schema(value_type = shown::PresenceState)]
    pub state: PresenceState,
    /// Since when it is so.
    pub last_seen_at: DateTime<Utc>,
}

/// Who said something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Author {
    #[schema(value_type = Uuid)]
    pub id: UserId,
    /// As of now, not as of then. Empty once erased.
    pub display_name: String,
    #[schema(value_type = shown::UserKind)]
    pub kind: UserKind,
}

/// What was said, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    #[schema(value_type = Uuid)]
    pub id: MessageId,
    #[schema(value_type = Uuid)]
    pub room_id: RoomId,
    /// Its number in the room: rises, with gaps where the room's other events are.
    pub seq: u64,
    pub author: Author,
    /// Exactly as sent; absent where the viewer may not see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A message of the same room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub reply_to: Option<MessageId>,
    /// Users named, in the order sent.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    pub mentions: Vec<UserId>,
    pub created_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<DateTime<Utc>>,
    #[schema(value_type = shown::MessageStatus)]
    pub status: MessageStatus,
    /// In the order in which each emoji first came.
    #[serde(default)]
    pub reactions: Vec<Reaction>,
}

/// How many reacted with one emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    #[schema(example = "👍")]
    pub emoji: String,
    pub count: u64,
}

/// What a message said before it was edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageVersion {
    /// Exactly as sent.
    pub text: String,
    /// When it was said so: at the posting, or at an earlier edit.
    pub created_at: DateTime<Utc>,
}

/// A report, or what a moderator did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moderation {
    /// `reported`, `hidden`, `removed`, `restored`, `removed_all`, `kicked`, `banned`, `unbanned`, `muted`, `unmuted` or
    /// `role`.
    #[schema(example = "banned")]
    pub action: String,
    pub at: DateTime<Utc>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub by: Option<UserId>,
    /// The message it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub message: Option<MessageId>,
    /// The person it is about: of a message, its author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub user: Option<UserId>,
    /// What the person became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<shown::Role>)]
    pub role: Option<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The end of a ban or mute; without it, for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    pub message: Message,
    pub room: HitRoom,
    /// At most 200 characters of the text, around the first hit: the fragments in their order make them up.
    pub highlight: Vec<Fragment>,
}

/// The room of a hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HitRoom {
    #[schema(value_type = Uuid)]
    pub id: RoomId,
    /// As of now, not as of then.
    pub name: String,
}

/// A part of a text: plain, never markup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fragment {
    pub text: String,
    /// Whether this is what was looked for.
    pub hit: bool,
}

/// Whether a viewer sees the text of a message. `author` says whether it is his own.
/// A deleted message has no text for anybody.
#[must_use]
pub fn shows_text(status: MessageStatus, viewer: Role, author: bool) -> bool {
    match status {
        MessageStatus::Visible => true,
        MessageStatus::Hidden => author || viewer >= Role::Moderator,
        MessageStatus::Removed => viewer >= Role::Moderator,
        MessageStatus::Deleted => false,
    }
}

/// The vocabulary's enums as the API's document describes them: the vocabulary itself knows no OpenAPI.
#[expect(dead_code, reason = "described, never made")]
mod shown {
    use utoipa::ToSchema;

    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub(super) enum UserKind {
        Registered,
        Guest,
    }

    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub(super) enum Role {
        Member,
        Moderator,
        Owner,
    }

    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub(super) enum Visibility {
        Public,
        Private,
    }

    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub(super) enum PresenceState {
        Offline,
        Away,
        Online,
        Dnd,
    }

    #[derive(ToSchema)]
    #[schema(rename_all = "snake_case")]
    pub(super) enum MessageStatus {
        Visible,
        Hidden,
        Removed,
        Deleted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_text_is_for_moderators_and_its_author_a_removed_one_for_moderators() {
        use MessageStatus::{Deleted, Hidden, Removed, Visible};
        let seen = |status| {
            [(Role::Member, false), (Role::Member, true), (Role::Moderator, false), (Role::Owner, false)]
                .map(|(viewer, author)| shows_text(status, viewer, author))
        };
        assert_eq!(seen(Visible), [true, true, true, true]);
        assert_eq!(seen(Hidden), [false, true, true, true]);
        assert_eq!(seen(Removed), [false, false, true, true]);
        assert_eq!(seen(Deleted), [false, false, false, false]);
    }
}
