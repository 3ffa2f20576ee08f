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
    /// The room takes no guests.
    RoomTakesNoGuests,
    /// The lounge's owner only.
    NotLoungeOwner,
    /// Moderators and owners of the room only.
    NotModerator,
    /// Owners of the room only.
    NotRoomOwner,
    /// People of a lower rank only; oneself is of one's own.
    NotOutranked,
    /// Nobody is added to a public room.
    PublicRoom,
    /// The other person is banned, so he is not brought back.
    PersonBanned,
    /// A guest is raised to no rank.
    GuestsHoldNoRank,
    /// Nobody outranks an owner, so his mute could never be lifted.
    OwnersAreNotMuted,
    /// The other person was never there, is erased, or his account may not act where it has to.
    NoSuchPerson,
    /// The other person is not in the room.
    NoSuchMember,
    /// A ban or a mute that would be over before it began.
    EndPassed,
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
    /// Of an archived room, what adds to it: messages, members, settings. People still leave, are shut out, silenced
    /// and raised: it can be read, so who may read it is decided on, and only an owner can reopen it.
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
    /// The account is not the one that its erasure was confirmed for: a guest has become a user.
    NotAsConfirmed,
    /// The current password is another: it was from the start, or is so by now.
    WrongPassword,
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
            Self::RoomTakesNoGuests => f.write_str("The room takes no guests."),
            Self::NotLoungeOwner => f.write_str("Only the lounge's owner may do this."),
            Self::NotModerator => f.write_str("Only moderators and owners of the room may do this."),
            Self::NotRoomOwner => f.write_str("Only owners of the room may do this."),
            Self::NotOutranked => f.write_str("This reaches people of a lower rank only, and never oneself."),
            Self::PublicRoom => f.write_str("Nobody is added to a public room: people join it by themselves."),
            Self::PersonBanned => f.write_str("This person is banned from the room: lift the ban first."),
            Self::GuestsHoldNoRank => f.write_str("A guest stays a member: an account comes first."),
            Self::OwnersAreNotMuted => f.write_str("Nobody could lift an owner's mute: lift this person's first."),
            Self::NoSuchPerson => f.write_str("There is nobody with this id whose account allows this."),
            Self::NoSuchMember => f.write_str("This person is not a member of the room."),
            Self::EndPassed => f.write_str("It would be over before it began."),
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
            Self::NotAsConfirmed => f.write_str("The account has changed since this was confirmed: repeat it."),
            Self::WrongPassword => f.write_str("The current password is not the right one."),
        }
    }
}
