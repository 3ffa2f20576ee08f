//! How is a no told to a client? Each rejection and each failure has one public code.

use crate::domain::Rejection;
use event_log::LogError;
use events::StreamName;
use platform::{Code, FieldError, Problem};
use std::time::Duration;

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection {
            Rejection::NotFound => return Self::not_found(),
            Rejection::EndPassed => {
                return Self::validation(vec![FieldError::new("/until", "passed", rejection.to_string())]);
            }
            Rejection::NotAMember | Rejection::NoGuests | Rejection::NotLoungeOwner => Code::Forbidden,
            Rejection::RoomTakesNoGuests | Rejection::PublicRoom | Rejection::NotOutranked => Code::Forbidden,
            Rejection::NoSuchPerson | Rejection::NoSuchMember => Code::NotFound,
            Rejection::NotAsConfirmed => Code::Conflict,
            // Not `banned` and `muted`: by these a client knows that its own user is.
            Rejection::PersonBanned | Rejection::OwnersAreNotMuted | Rejection::GuestsHoldNoRank => Code::Conflict,
            Rejection::NotModerator | Rejection::NotRoomOwner | Rejection::NotAuthor => Code::Forbidden,
            Rejection::NotAGuest => Code::Forbidden,
            Rejection::Banned { .. } => Code::Banned,
            Rejection::Muted { .. } => Code::Muted,
            Rejection::Archived => Code::Archived,
            Rejection::LastOwner => Code::LastOwner,
            Rejection::EditWindowOver => Code::EditWindowOver,
            Rejection::MessageGone => Code::Gone,
            Rejection::PhoneTaken { .. } => Code::PhoneTaken,
            Rejection::NoAccount | Rejection::SessionOver => Code::Unauthenticated,
            Rejection::TokenReused => Code::TokenReused,
            Rejection::WrongPassword => Code::WrongPassword,
        };
        Self::new(code, rejection.to_string())
    }
}

/// The log could not be read, so nothing was decided.
pub(crate) fn log_unavailable(error: LogError) -> Problem {
    match error {
        LogError::Unavailable { .. } => {
            tracing::warn!(%error, "the log cannot be read");
            let detail = "The log cannot be read at the moment. Nothing was done.";
            Problem::new(Code::LogUnavailable, detail).after(Duration::from_secs(1))
        }
        LogError::Unexpected { .. } => {
            tracing::error!(%error, "the log answers what it should not");
            Problem::internal()
        }
    }
}

/// The log is not what it was.
pub(crate) fn not_understood(stream: StreamName, seq: u64, why: &str) -> Problem {
    tracing::error!(%stream, seq, why, "the log is not the one that was read");
    Problem::internal()
}
