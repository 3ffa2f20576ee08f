//! What is asked for with a key, what does it leave in the log, and how did it end?

use events::RoomId;
use hyper::Method;
use serde_json::json;

use crate::{
    chaos::person::Person,
    client::{Answer, Ask},
};

/// A command that leaves one trace, which no other command leaves; or none, when it is refused.
pub(super) enum Deed {
    Says {
        room: RoomId,
        text: String,
    },
    /// A room for the first time.
    Joins {
        room: RoomId,
    },
    /// A lounge of this name.
    Founds {
        name: String,
    },
    Registers {
        phone: String,
        name: String,
    },
    /// Says something where only members may.
    Trespasses {
        room: RoomId,
        text: String,
    },
    /// Registers with a number that somebody else has.
    Steals {
        phone: String,
        name: String,
    },
}

/// What the log has of a deed that was done: one event of this kind, with this mark.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Trace {
    pub(super) kind: &'static str,
    pub(super) mark: String,
}

/// A deed that is over.
pub(in crate::chaos) struct Done {
    pub(super) traces: Vec<Trace>,
    pub(super) end: End,
    /// Answers that left it open, and were followed by a repeat.
    pub(super) repeats: u32,
}

#[derive(Debug)]
pub(super) enum End {
    /// 2xx. With what the answer named of it, where it does.
    Applied { id: Option<String>, seq: Option<u64> },
    /// A definite 4xx, or the words that nothing was done, which were believed.
    Refused(String),
    /// A definite 4xx to what is allowed.
    Wronged(String),
    /// Nobody knows, and nobody was found who does.
    Open(String),
}

impl Deed {
    pub(super) fn ask(&self, who: &Person, key: &str) -> Ask {
        let ask = match self {
            Self::Says { room, text } | Self::Trespasses { room, text } => who.posts(*room, text),
            Self::Joins { room } => who.joins(*room),
            Self::Founds { name } => who.founds(name),
            // Anonymous: the number and the password make a repeat the same.
            Self::Registers { phone, name } => return registering(phone, "the pass phrase of the first", name),
            Self::Steals { phone, name } => return registering(phone, "the pass phrase of a thief", name),
        };
        ask.header("idempotency-key", key)
    }

    pub(super) fn traces(&self, who: &Person) -> Vec<Trace> {
        let trace = |kind, mark: &str| Trace { kind, mark: mark.to_owned() };
        match self {
            Self::Says { text, .. } | Self::Trespasses { text, .. } => vec![trace("message.posted", text)],
            Self::Joins { room } => vec![trace("member.joined", &format!("{room}/{}", who.id))],
            Self::Founds { name } => vec![trace("lounge.created", name)],
            Self::Registers { name, .. } | Self::Steals { name, .. } => {
                vec![trace("user.appeared", name), trace("account.registered", name)]
            }
        }
    }

    pub(super) fn is_allowed(&self) -> bool {
        match self {
            Self::Says { .. } | Self::Joins { .. } | Self::Founds { .. } | Self::Registers { .. } => true,
            Self::Trespasses { .. } | Self::Steals { .. } => false,
        }
    }

    /// What the answer says of the event: its id, or whom it is about, and where it stands.
    pub(super) fn applied(&self, answer: &Answer) -> End {
        let body = answer.value();
        let id = |value: &serde_json::Value| value["id"].as_str().map(str::to_owned);
        let seq = || body["position"].as_str()?.parse::<events::Position>().ok().map(|position| position.seq);
        match self {
            Self::Says { .. } | Self::Trespasses { .. } => End::Applied { id: id(&body["message"]), seq: seq() },
            Self::Founds { .. } => End::Applied { id: id(&body["lounge"]), seq: seq() },
            // The position of a repeat is one where it is so, not where it became so.
            Self::Joins { .. } => End::Applied { id: None, seq: None },
            Self::Registers { .. } | Self::Steals { .. } => End::Applied { id: id(&body["user"]), seq: None },
        }
    }
}

fn registering(phone: &str, password: &str, name: &str) -> Ask {
    let body = json!({ "phone": phone, "password": password, "display_name": name });
    Ask::new(Method::POST, "/v1/users").json(&body)
}
