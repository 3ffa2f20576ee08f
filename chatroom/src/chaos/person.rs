//! Somebody who acts in a play: tokens, and what can be asked with them.

use anyhow::{Context, Result};
use events::{LoungeId, Position, RoomId, UserId};
use futures::{StreamExt, TryStreamExt, stream};
use hyper::Method;
use serde::Deserialize;
use serde_json::json;

use super::instance::Instance;
use crate::client::{Answer, Ask, Outcome};

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    user: Id<UserId>,
}

#[derive(Deserialize)]
struct Id<T> {
    id: T,
}

/// People who come at once.
const AT_ONCE: usize = 32;
/// Of everybody who has an account.
pub(super) const PASSWORD: &str = "the pass phrase of the owner";

/// Somebody who is signed in, for a quarter of an hour: nobody stays on a stage for longer.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Person {
    pub(super) fn of(answer: &Answer) -> Result<Self> {
        let tokens: Tokens = answer.read()?;
        Ok(Self { id: tokens.user.id, access: tokens.access_token, refresh: tokens.refresh_token })
    }

    /// Somebody without an account.
    pub(super) async fn guest(instance: &Instance) -> Result<Self> {
        let ask = Ask::new(Method::POST, "/v1/guests").json(&json!({ "display_name": "Guest" }));
        Self::of(&instance.insist(ask).await.applied().context("coming as a guest")?)
    }

    /// So many of these in a room; and where the last one joined.
    pub(super) async fn guests_in(instance: &Instance, room: RoomId, count: usize) -> Result<(Vec<Self>, String)> {
        let coming = (0..count).map(|_| async move {
            let person = Self::guest(instance).await?;
            let joined = instance.insist(person.joins(room)).await.applied().context("joining")?;
            let position: Position = joined.value()["position"].as_str().context("a position")?.parse()?;
            anyhow::Ok((person, position))
        });
        let came: Vec<(Self, Position)> = stream::iter(coming).buffer_unordered(AT_ONCE).try_collect().await?;
        let last = came.iter().map(|(_, position)| *position).max_by_key(|position| position.seq);
        Ok((came.into_iter().map(|(person, _)| person).collect(), last.context("somebody")?.to_string()))
    }

    /// Somebody with one.
    pub(super) async fn registered(instance: &Instance, phone: &str) -> Result<Self> {
        let answer = instance.insist(registering(phone, PASSWORD)).await;
        Self::of(&answer.applied().context("registering")?)
    }

    /// The same once more, on another device.
    pub(super) async fn signs_in(instance: &Instance, phone: &str) -> Result<Self> {
        let ask = Ask::new(Method::POST, "/v1/sessions").json(&json!({ "phone": phone, "password": PASSWORD }));
        Self::of(&instance.insist(ask).await.applied().context("signing in")?)
    }

    /// A public room in a lounge of his own.
    pub(super) async fn opens_room(&self, instance: &Instance) -> Result<RoomId> {
        #[derive(Deserialize)]
        struct Lounge {
            lounge: Id<LoungeId>,
        }
        #[derive(Deserialize)]
        struct Room {
            room: Id<RoomId>,
        }
        let lounge: Lounge = instance.insist(self.founds("Chaos")).await.read().applied().context("making a lounge")?;
        let wish = json!({ "name": "Hall", "language": "en", "guests": true });
        let room = self.asks(Method::POST, format!("/v1/lounges/{}/rooms", lounge.lounge.id)).json(&wish);
        let room: Room = instance.insist(room).await.read().applied().context("making a room")?;
        Ok(room.room.id)
    }

    pub(super) fn founds(&self, lounge: &str) -> Ask {
        self.asks(Method::POST, "/v1/lounges").json(&json!({ "name": lounge }))
    }

    pub(super) fn joins(&self, room: RoomId) -> Ask {
        self.asks(Method::PUT, format!("/v1/rooms/{room}/members/me"))
    }

    pub(super) fn leaves(&self, room: RoomId) -> Ask {
        self.asks(Method::DELETE, format!("/v1/rooms/{room}/members/me"))
    }

    pub(super) fn posts(&self, room: RoomId, text: &str) -> Ask {
        self.asks(Method::POST, format!("/v1/rooms/{room}/messages")).json(&json!({ "text": text }))
    }

    pub(super) fn kicks(&self, room: RoomId, user: UserId) -> Ask {
        self.asks(Method::DELETE, format!("/v1/rooms/{room}/members/{user}"))
    }

    pub(super) fn bans(&self, room: RoomId, user: UserId) -> Ask {
        self.asks(Method::PUT, format!("/v1/rooms/{room}/members/{user}/ban")).json(&json!({}))
    }

    pub(super) fn unbans(&self, room: RoomId, user: UserId) -> Ask {
        self.asks(Method::DELETE, format!("/v1/rooms/{room}/members/{user}/ban"))
    }

    pub(super) fn makes(&self, room: RoomId, user: UserId, role: &str) -> Ask {
        self.asks(Method::PUT, format!("/v1/rooms/{room}/members/{user}/role")).json(&json!({ "role": role }))
    }

    /// A read that is no older than this position.
    pub(super) fn reads(&self, path: &str, at_least: &str) -> Ask {
        self.asks(Method::GET, path).header("chat-min-position", at_least).header("prefer", "wait=4")
    }

    pub(super) fn asks(&self, method: Method, path: impl Into<String>) -> Ask {
        Ask::new(method, path).bearer(&self.access)
    }
}

pub(super) fn registering(phone: &str, password: &str) -> Ask {
    let body = json!({ "phone": phone, "password": password, "display_name": "Ada" });
    Ask::new(Method::POST, "/v1/users").json(&body)
}

pub(super) fn refreshing(token: &str) -> Ask {
    Ask::new(Method::POST, "/v1/sessions/refresh").json(&json!({ "refresh_token": token }))
}

/// The part of an answer that was applied.
pub(super) fn applied(answers: &[Outcome<Answer>]) -> impl Iterator<Item = &Answer> {
    answers.iter().filter_map(|answer| match answer {
        Outcome::Applied(answer) => Some(answer),
        Outcome::Refused(_) | Outcome::Unknown { .. } => None,
    })
}
