//! What is said in a room, and what becomes of it.

use crate::{MessageId, RoomId, UserId, family::family};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

family! {
    /// Facts on a room's message subject. There is no subject per message, hence no tip: readers fold them.
    MessageEvent {
        Posted(MessagePosted) = "message.posted" 1,
        Edited(MessageEdited) = "message.edited" 1,
        Deleted(MessageDeleted) = "message.deleted" 1,
        Moderated(MessageModerated) = "message.moderated" 1,
        AllRemoved(MessagesRemoved) = "messages.removed" 1,
        ReactionAdded(ReactionAdded) = "reaction.added" 1,
        ReactionRemoved(ReactionRemoved) = "reaction.removed" 1,
    }
}

family! {
    /// Facts on a room's report subject: for moderators, never in the feed.
    ReportEvent {
        Reported(MessageReported) = "message.reported" 1,
    }
}

/// What viewers see of a message. Deleted by its author is final; the rest is the moderators'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageStatus {
    Visible,
    Hidden,
    Removed,
    Deleted,
}

impl MessageStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Hidden => "hidden",
            Self::Removed => "removed",
            Self::Deleted => "deleted",
        }
    }
}

/// The text is exactly what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessagePosted {
    pub room: RoomId,
    pub message: MessageId,
    pub author: UserId,
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<MessageId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageEdited {
    pub room: RoomId,
    pub message: MessageId,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageDeleted {
    pub room: RoomId,
    pub message: MessageId,
}

/// `visible` restores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageModerated {
    pub room: RoomId,
    pub message: MessageId,
    pub status: MessageStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why all of a person's messages went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RemovalCause {
    Moderation,
    /// The account is gone: final.
    Erasure,
}

/// All of a person's messages in the room so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessagesRemoved {
    pub room: RoomId,
    pub user: UserId,
    pub why: RemovalCause,
    /// The moderator's, for moderators.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionAdded {
    pub room: RoomId,
    pub message: MessageId,
    pub user: UserId,
    pub emoji: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReactionRemoved {
    pub room: RoomId,
    pub message: MessageId,
    pub user: UserId,
    pub emoji: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageReported {
    pub room: RoomId,
    pub message: MessageId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
