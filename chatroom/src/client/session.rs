//! What can somebody do who is signed in? The typed commands and queries, with tokens kept fresh.

use events::{LoungeId, MessageId, RoomId, UserId};
use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

use super::{Answer, Api, Ask, Outcome};

/// A token is exchanged this long before its end, so that no request carries a dead one.
const REFRESH_BEFORE: Duration = Duration::from_secs(60);

/// Who signs up.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// E.164.
    pub phone: String,
    pub password: String,
    pub display_name: String,
}

/// A room to be made.
#[derive(Debug, Clone, Serialize)]
pub struct NewRoom {
    pub name: String,
    /// BCP 47.
    pub language: String,
    /// `public` or `private`.
    pub visibility: String,
    /// Whether guests may join.
    pub guests: bool,
}

/// What a command made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<T> {
    pub id: T,
    /// Where a read has to be to show it.
    pub position: String,
}

/// A message, as pages and frames show it.
#[derive(Debug, Clone, Deserialize)]
pub struct Message {
    pub id: MessageId,
    #[serde(default)]
    pub seq: Option<u64>,
    /// Absent where the message is not visible.
    #[serde(default)]
    pub text: Option<String>,
}

/// Which part of a room's history.
#[derive(Debug, Clone)]
pub enum PageOf {
    Latest,
    Before(String),
    After(String),
    Around(String),
}

/// A page of history, oldest first.
#[derive(Debug, Clone, Deserialize)]
pub struct Page {
    pub items: Vec<Message>,
    pub page: Cursors,
    pub head: u64,
    pub position: String,
}

/// Where its neighbours are.
#[derive(Debug, Clone, Deserialize)]
pub struct Cursors {
    pub prev: Option<String>,
    pub next: Option<String>,
    pub has_more_before: bool,
    pub has_more_after: bool,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    /// Seconds.
    expires_in: u64,
    refresh_token: String,
    user: Whose,
}

#[derive(Deserialize)]
struct Whose {
    id: UserId,
}

/// Somebody who is signed in. Refreshes by itself.
pub struct Session {
    api: Api,
    user: UserId,
    tokens: Mutex<Kept>,
    /// One refresh at a time; the others then find the new token.
    refreshing: Semaphore,
    keep: Box<dyn Fn(&str) + Send + Sync>,
}

struct Kept {
    access: String,
    refresh: String,
    ends: Instant,
}

impl From<Tokens> for Kept {
    fn from(tokens: Tokens) -> Self {
        let ends = Instant::now() + Duration::from_secs(tokens.expires_in);
        Self { access: tokens.access_token, refresh: tokens.refresh_token, ends }
    }
}

impl Session {
    /// Registers, or signs in where this very account exists.
    pub async fn register(api: &Api, account: &Account) -> Outcome<Self> {
        Self::begin(api, "/v1/users", json!(account)).await
    }

    /// Signs in.
    pub async fn sign_in(api: &Api, phone: &str, password: &str) -> Outcome<Self> {
        Self::begin(api, "/v1/sessions", json!({ "phone": phone, "password": password })).await
    }

    /// Comes as a guest. A repeat makes another guest.
    pub async fn guest(api: &Api, display_name: &str) -> Outcome<Self> {
        Self::begin(api, "/v1/guests", json!({ "display_name": display_name })).await
    }

    /// Goes on with a session of before.
    pub async fn resume(api: &Api, refresh_token: &str) -> Outcome<Self> {
        Self::begin(api, "/v1/sessions/refresh", json!({ "refresh_token": refresh_token })).await
    }

    async fn begin(api: &Api, path: &str, body: Value) -> Outcome<Self> {
        let answer = api.send(Ask::new(Method::POST, path).json(&body)).await;
        Outcome::of(answer).read().map(|tokens: Tokens| Self {
            api: api.clone(),
            user: tokens.user.id,
            tokens: Mutex::new(tokens.into()),
            refreshing: Semaphore::new(1),
            keep: Box::new(|_| ()),
        })
    }

    /// Calls this with each new refresh token, before the old one is forgotten.
    #[must_use]
    pub fn keeping(mut self, keep: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.keep = Box::new(keep);
        self
    }

    pub fn user(&self) -> UserId {
        self.user
    }

    pub fn refresh_token(&self) -> String {
        self.tokens().refresh.clone()
    }

    /// A token that holds for another minute.
    pub async fn access_token(&self) -> Outcome<String> {
        let (access, ends) = {
            let tokens = self.tokens();
            (tokens.access.clone(), tokens.ends)
        };
        if Instant::now() + REFRESH_BEFORE < ends {
            return Outcome::Applied(access);
        }
        self.refresh(&access).await
    }

    /// Exchanges a token that is over, unless somebody did so meanwhile.
    async fn refresh(&self, over: &str) -> Outcome<String> {
        let _permit = self.refreshing.acquire().await.expect("the semaphore is never closed");
        let token = {
            let tokens = self.tokens();
            if tokens.access != over {
                return Outcome::Applied(tokens.access.clone());
            }
            tokens.refresh.clone()
        };
        let ask = Ask::new(Method::POST, "/v1/sessions/refresh").json(&json!({ "refresh_token": token }));
        Outcome::of(self.api.send(ask).await).read().map(|new: Tokens| {
            (self.keep)(&new.refresh_token);
            let new = Kept::from(new);
            let access = new.access.clone();
            *self.tokens() = new;
            access
        })
    }

    /// Asks with the token. One that is over after all is exchanged once.
    pub async fn ask(&self, ask: Ask) -> Outcome<Answer> {
        let token = match self.access_token().await {
            Outcome::Applied(token) => token,
            Outcome::Refused(refusal) => return Outcome::Refused(refusal),
            Outcome::Unknown { why, after } => return Outcome::Unknown { why, after },
        };
        match Outcome::of(self.api.send(ask.clone().bearer(&token)).await) {
            Outcome::Refused(refusal) if refusal.code == "token-expired" => match self.refresh(&token).await {
                Outcome::Applied(token) => Outcome::of(self.api.send(ask.bearer(&token)).await),
                Outcome::Refused(refusal) => Outcome::Refused(refusal),
                Outcome::Unknown { why, after } => Outcome::Unknown { why, after },
            },
            outcome => outcome,
        }
    }

    pub async fn create_lounge(&self, key: &str, name: &str) -> Outcome<Made<LoungeId>> {
        #[derive(Deserialize)]
        struct Body {
            lounge: Id<LoungeId>,
            position: String,
        }
        let ask = Ask::new(Method::POST, "/v1/lounges").json(&json!({ "name": name }));
        let made = self.ask(ask.header("idempotency-key", key)).await.read();
        made.map(|body: Body| Made { id: body.lounge.id, position: body.position })
    }

    pub async fn create_room(&self, key: &str, lounge: LoungeId, room: &NewRoom) -> Outcome<Made<RoomId>> {
        #[derive(Deserialize)]
        struct Body {
            room: Id<RoomId>,
            position: String,
        }
        let ask = Ask::new(Method::POST, format!("/v1/lounges/{lounge}/rooms")).json(&json!(room));
        let made = self.ask(ask.header("idempotency-key", key)).await.read();
        made.map(|body: Body| Made { id: body.room.id, position: body.position })
    }

    /// Joins; answers with the position. Who is in already stays in.
    pub async fn join(&self, room: RoomId) -> Outcome<String> {
        let ask = Ask::new(Method::PUT, format!("/v1/rooms/{room}/members/me"));
        self.ask(ask).await.read().map(|at: At| at.position)
    }

    pub async fn leave(&self, room: RoomId) -> Outcome<String> {
        let ask = Ask::new(Method::DELETE, format!("/v1/rooms/{room}/members/me"));
        self.ask(ask).await.read().map(|at: At| at.position)
    }

    pub async fn post(&self, room: RoomId, key: &str, text: &str) -> Outcome<Made<MessageId>> {
        #[derive(Deserialize)]
        struct Body {
            message: Id<MessageId>,
            position: String,
        }
        let ask = Ask::new(Method::POST, format!("/v1/rooms/{room}/messages")).json(&json!({ "text": text }));
        let made = self.ask(ask.header("idempotency-key", key)).await.read();
        made.map(|body: Body| Made { id: body.message.id, position: body.position })
    }

    /// A page of up to 50 messages; with a position, one that is not older.
    pub async fn page(&self, room: RoomId, of: &PageOf, at_least: Option<&str>) -> Outcome<Page> {
        self.get(page_path(room, of), at_least).await.read()
    }

    /// Any read; with a position, of a read model that is not older.
    pub async fn get(&self, path: impl Into<String>, at_least: Option<&str>) -> Outcome<Answer> {
        let ask = Ask::new(Method::GET, path);
        self.ask(match at_least {
            Some(position) => ask.header("chat-min-position", position).header("prefer", "wait=4"),
            None => ask,
        })
        .await
    }

    fn tokens(&self) -> MutexGuard<'_, Kept> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
struct Id<T> {
    id: T,
}

#[derive(Deserialize)]
struct At {
    position: String,
}

/// Where a page of up to 50 messages of a room is read.
pub(crate) fn page_path(room: RoomId, of: &PageOf) -> String {
    let mut path = format!("/v1/rooms/{room}/messages?limit=50");
    let (name, value) = match of {
        PageOf::Latest => ("", ""),
        PageOf::Before(cursor) => ("before", cursor.as_str()),
        PageOf::After(cursor) => ("after", cursor.as_str()),
        PageOf::Around(cursor) => ("around", cursor.as_str()),
    };
    if !name.is_empty() {
        write!(path, "&{name}={}", encoded(value)).expect("writing to a string");
    }
    path
}

/// As a value in a query.
fn encoded(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}
