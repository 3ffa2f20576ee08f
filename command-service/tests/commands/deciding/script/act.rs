//! What can somebody do?

use super::{Pick, Who};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secret {
    Right,
    Wrong,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    Some,
    Blank,
}

/// A room's settings that a script changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setting {
    Name,
    Public,
    Private,
    Guests,
    NoGuests,
}

/// What somebody may be in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Member,
    Moderator,
    Owner,
}

impl Rank {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Owner => "owner",
        }
    }
}

/// What a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Visible,
    Hidden,
    Removed,
    /// By its author alone.
    Deleted,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Hidden => "hidden",
            Self::Removed => "removed",
            Self::Deleted => "deleted",
        }
    }
}

/// What somebody does. To add one: here and in [`acts`], how it is asked in `ask`, and what must come in `model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Register {
        password: Secret,
    },
    ComeAsGuest,
    Upgrade {
        phone: Who,
    },
    SignIn {
        password: Secret,
    },
    /// With the newest token, or one from so many rotations ago.
    Refresh {
        back: Pick,
    },
    SignOut,
    /// Of the session before, if it goes on.
    SignOutElsewhere,
    Rename,
    ChangePassword {
        current: Secret,
    },
    MakeLounge,
    RenameLounge {
        lounge: Pick,
    },
    ArchiveLounge {
        lounge: Pick,
    },
    ReopenLounge {
        lounge: Pick,
    },
    MakeRoom {
        lounge: Pick,
        setting: Setting,
    },
    ChangeRoom {
        room: Pick,
        setting: Setting,
    },
    ArchiveRoom {
        room: Pick,
    },
    ReopenRoom {
        room: Pick,
    },
    Join {
        room: Pick,
    },
    Leave {
        room: Pick,
    },
    Add {
        room: Pick,
        whom: Who,
    },
    Kick {
        room: Pick,
        whom: Who,
    },
    Ban {
        room: Pick,
        whom: Who,
    },
    Unban {
        room: Pick,
        whom: Who,
    },
    Mute {
        room: Pick,
        whom: Who,
    },
    Unmute {
        room: Pick,
        whom: Who,
    },
    Raise {
        room: Pick,
        whom: Who,
        to: Rank,
    },
    Post {
        room: Pick,
        words: Words,
    },
    Mention {
        room: Pick,
        whom: Who,
    },
    /// To a message of this room, or of another one.
    Reply {
        room: Pick,
        message: Pick,
    },
    Edit {
        message: Pick,
    },
    Delete {
        message: Pick,
    },
    React {
        message: Pick,
    },
    TakeBack {
        message: Pick,
    },
    Judge {
        message: Pick,
        to: Status,
    },
    RemoveAll {
        room: Pick,
        whom: Who,
    },
    Report {
        message: Pick,
    },
    /// Nobody does anything for longer than anything is remembered.
    Wait,
}

impl Act {
    pub(crate) fn says_something(self) -> bool {
        matches!(self, Self::Post { .. } | Self::Mention { .. } | Self::Reply { .. })
    }

    /// Then only the instance that posted it knows of it, as long as the read model is away.
    pub(crate) fn is_about_a_message(self) -> bool {
        matches!(
            self,
            Self::Reply { .. }
                | Self::Edit { .. }
                | Self::Delete { .. }
                | Self::React { .. }
                | Self::TakeBack { .. }
                | Self::Judge { .. }
                | Self::Report { .. }
        )
    }
}
