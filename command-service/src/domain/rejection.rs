//! Every way in which the rules say no.

use events::{Time, UserId};
use std::fmt;

/// A rule's no. Which public code each has is said in `http/error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// There is none, or none that the caller may know of.
    NotFound,
    /// Only members of the room.
    NotAMember,
    /// Not for guests.
    NoGuests,
    /// The lounge's owner only.
    NotLoungeOwner,
    /// Moderators and owners of the room only.
    NotModerator,
    /// Owners of the room only.
    NotRoomOwner,
    /// The message's author only.
    NotAuthor,
    /// Until then; absent: for ever.
    Banned {
        until: Option<Time>,
    },
    /// Until then; absent: for ever.
    Muted {
        until: Option<Time>,
    },
    Archived,
    LastOwner,
    EditWindowOver,
    /// The message was deleted or removed.
    MessageGone,
    /// The number belongs to this account.
    PhoneTaken {
        holder: UserId,
    },
    /// Only guests can be upgraded.
    NotAGuest,
    /// The account may not act: suspended, expired, erased, or never there.
    NoAccount,
    /// The session is over, or never was.
    SessionOver,
    /// A spent refresh token came back.
    TokenReused,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = |f: &mut fmt::Formatter<'_>, what: &str, until: &Option<Time>| match until {
            Some(until) => write!(f, "You are {what} in this room until {}.", until.format("%Y-%m-%dT%H:%M:%S%.3fZ")),
            None => write!(f, "You are {what} in this room."),
        };
        match self {
            Self::NotFound => f.write_str("There is no such resource."),
            Self::NotAMember => f.write_str("Only members of the room may do this."),
            Self::NoGuests => f.write_str("Guests may not do this."),
            Self::NotLoungeOwner => f.write_str("Only the lounge's owner may do this."),
            Self::NotModerator => f.write_str("Only moderators and owners of the room may do this."),
            Self::NotRoomOwner => f.write_str("Only owners of the room may do this."),
            Self::NotAuthor => f.write_str("Only the message's author may do this."),
            Self::Banned { until: end } => until(f, "banned", end),
            Self::Muted { until: end } => until(f, "muted", end),
            Self::Archived => f.write_str("It is archived: it can be read, not written."),
            Self::LastOwner => f.write_str("A room keeps at least one owner: hand the ownership over first."),
            Self::EditWindowOver => f.write_str("A message can be edited by its author for 24 hours."),
            Self::MessageGone => f.write_str("The message was deleted or removed."),
            Self::PhoneTaken { .. } => f.write_str("An account with this phone number exists, with another password."),
            Self::NotAGuest => f.write_str("Only a guest can be upgraded."),
            Self::NoAccount => f.write_str("The account of this access token cannot act."),
            Self::SessionOver => f.write_str("The session has ended: sign in."),
            Self::TokenReused => f.write_str("This refresh token was used before, so its session is closed: sign in."),
        }
    }
}
