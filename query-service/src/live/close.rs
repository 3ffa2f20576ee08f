//! Why does a server end a socket, and may the client come back by itself? 4000–4499: reconnect and resume; 4500–4999: do not.

/// A close code with its reason, as the protocol documents them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Close {
    GoingAway,
    BadPosition,
    RateLimited,
    HeartbeatMissed,
    Gap,
    SlowConsumer,
    TokenExpired,
    AuthenticationFailed,
    IdentifyTimeout,
    ProtocolError,
    SessionRevoked,
    SuspendedOrErased,
    TooManySockets,
    GuestExpired,
    /// The code that WebSocket itself has for it.
    FrameTooBig,
}

impl Close {
    /// All of them.
    pub(super) const ALL: [Self; 15] = [
        Self::FrameTooBig,
        Self::GoingAway,
        Self::BadPosition,
        Self::RateLimited,
        Self::HeartbeatMissed,
        Self::Gap,
        Self::SlowConsumer,
        Self::TokenExpired,
        Self::AuthenticationFailed,
        Self::IdentifyTimeout,
        Self::ProtocolError,
        Self::SessionRevoked,
        Self::SuspendedOrErased,
        Self::TooManySockets,
        Self::GuestExpired,
    ];

    /// The code on the wire.
    pub(super) fn code(self) -> u16 {
        match self {
            Self::GoingAway => 4001,
            Self::BadPosition => 4007,
            Self::RateLimited => 4008,
            Self::HeartbeatMissed => 4009,
            Self::Gap => 4010,
            Self::SlowConsumer => 4011,
            Self::TokenExpired => 4012,
            Self::AuthenticationFailed => 4500,
            Self::IdentifyTimeout => 4501,
            Self::ProtocolError => 4502,
            Self::SessionRevoked => 4504,
            Self::SuspendedOrErased => 4505,
            Self::TooManySockets => 4506,
            Self::GuestExpired => 4507,
            Self::FrameTooBig => 1009,
        }
    }

    /// A word for people who read a trace.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "going away",
            Self::BadPosition => "bad position",
            Self::RateLimited => "rate limited",
            Self::HeartbeatMissed => "heartbeat missed",
            Self::Gap => "the server saw a gap",
            Self::SlowConsumer => "slow consumer",
            Self::TokenExpired => "token expired",
            Self::AuthenticationFailed => "authentication failed",
            Self::IdentifyTimeout => "identify timeout",
            Self::ProtocolError => "protocol error",
            Self::SessionRevoked => "session revoked",
            Self::SuspendedOrErased => "suspended or erased",
            Self::TooManySockets => "connection limit",
            Self::GuestExpired => "guest expired",
            Self::FrameTooBig => "frame too big",
        }
    }
}
