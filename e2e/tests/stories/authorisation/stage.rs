//! What does a cell stand on? A lounge and a room of its own, in which the caller is what his column says, and the target.

use super::{cast::Cast, person::Person};
use chatroom::docs::authorisation::{Caller, Row};
use hyper::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// An id of nothing.
pub(crate) const NOTHING: &str = "0190a6f2-7c3e-7b1a-9c55-3f2b8a4d6e01";
/// What the message says, and why somebody was banned.
pub(crate) const TEXT: &str = "what the message says";
pub(crate) const REASON: &str = "why he was banned";

/// Ids as the request names them.
pub(crate) struct Stage {
    pub(crate) caller: Option<Arc<Person>>,
    pub(crate) lounge: String,
    pub(crate) room: String,
    /// Whom it is about.
    pub(crate) user: String,
    pub(crate) message: String,
    /// From where on reads see all this.
    pub(crate) position: Option<String>,
}

/// While the stage is set.
struct Setting<'a> {
    cast: &'a Cast,
    row: &'a Row,
    column: Caller,
    owner: Arc<Person>,
    stage: Stage,
}

impl Stage {
    pub(crate) async fn set(cast: &Cast, row: &Row, column: Caller) -> Self {
        let spent = spends_the_caller(&row.operation) || looks_into_all_rooms(&row.operation);
        let caller = match column {
            // He is refused before anything is done to him, and a new one would not be suspended.
            Caller::Suspended => cast.caller(column),
            column if spent => cast.new_caller(column).await,
            column => cast.caller(column),
        };
        let owner = caller.clone().filter(|_| column == Caller::Owner).unwrap_or_else(|| cast.owner());
        let nothing = || NOTHING.to_owned();
        let (lounge, room, user, message) = (cast.lounge.clone(), nothing(), nothing(), nothing());
        let stage = Self { caller, lounge, room, user, message, position: cast.position.clone() };
        let mut setting = Setting { cast, row, column, owner, stage };
        setting.user();
        match row.room.as_str() {
            "missing" => {}
            // The cast is somebody in a room already; who is new is not.
            "-" if !spent => {}
            _ => setting.room().await,
        }
        setting.lounge().await;
        setting.stage
    }
}

/// Whether it ends the caller's account or session, or makes his tokens or his password old.
fn spends_the_caller(operation: &str) -> bool {
    ["erase_me", "change_password", "upgrade_guest", "end_current_session", "end_session", "refresh_session"]
        .contains(&operation)
}

/// Whether it shows of what the caller is in other cells' rooms, so that it needs a caller who is nowhere else.
fn looks_into_all_rooms(operation: &str) -> bool {
    operation == "list_user_messages"
}

impl Setting<'_> {
    /// Whom it is about.
    fn user(&mut self) {
        let caller = self.stage.caller.as_ref().map(|caller| caller.id);
        self.stage.user = match (self.row.target.as_str(), caller) {
            ("missing", _) => NOTHING.to_owned(),
            ("guest", _) => self.cast.gus.id.to_string(),
            ("self", Some(caller)) => caller.to_string(),
            ("with-another-owner", Some(caller)) => caller.to_string(),
            ("own", Some(caller)) if self.row.operation == "get_user" => caller.to_string(),
            (target, Some(caller)) if self.row.operation == "list_user_messages" && target.starts_with("own") => {
                caller.to_string()
            }
            _ => self.cast.tim.id.to_string(),
        };
    }

    /// People come while the room is open, then write, and only then become what hinders them.
    async fn room(&mut self) {
        let owner = Arc::clone(&self.owner);
        // A lounge of the cell's own where its rooms are listed, or where the owner is new.
        if self.row.operation == "list_rooms" || owner.id != self.cast.owner().id {
            self.stage.lounge = self.makes(&owner, "/v1/lounges", "lounge", json!({ "name": "A lounge" })).await;
        }
        let visibility = if self.is_private() { "private" } else { "public" };
        let room = json!({ "name": "A room", "language": "en", "visibility": visibility, "guests": true });
        let rooms = format!("/v1/lounges/{}/rooms", self.stage.lounge);
        self.stage.room = self.makes(&owner, &rooms, "room", room).await;
        let caller = self.stage.caller.clone();
        if let Some(caller) = &caller
            && self.caller_comes()
        {
            self.enters(caller).await;
        }
        self.other_one().await;
        self.message().await;
        if let Some(caller) = &caller {
            self.caller_becomes(caller).await;
        }
        match self.row.room.trim_start_matches("private-") {
            "archived" => self.does(&owner, Method::POST, "archive", None).await,
            "no-guests" => self.does(&owner, Method::PATCH, "", Some(json!({ "guests": false }))).await,
            _ => {}
        }
    }

    fn is_private(&self) -> bool {
        self.row.room.starts_with("private")
    }

    fn caller_comes(&self) -> bool {
        match self.column {
            Caller::Anonymous | Caller::Owner | Caller::Suspended => false,
            Caller::Guest | Caller::User => self.was_in(),
            Caller::GuestIn | Caller::Member | Caller::Moderator | Caller::Banned | Caller::Muted => true,
        }
    }

    /// Whether somebody who is not in the room has been there before.
    fn was_in(&self) -> bool {
        ["left", "kicked"].contains(&self.row.target.as_str()) || self.writes_himself()
    }

    fn writes_himself(&self) -> bool {
        self.is_about_a_message() && self.row.target.starts_with("own")
    }

    fn is_about_a_message(&self) -> bool {
        match self.row.operation.as_str() {
            "get_message" | "edit_message" | "delete_message" | "moderate_message" | "report_message" => true,
            "react" | "take_reaction_back" | "list_message_versions" | "list_user_messages" | "search" => true,
            _ => ["hidden", "removed"].contains(&self.row.target.trim_start_matches("own-")),
        }
    }

    async fn other_one(&mut self) {
        let (owner, tim) = (Arc::clone(&self.owner), Arc::clone(&self.cast.tim));
        match self.row.target.as_str() {
            "outsider" | "-" | "missing" | "self" | "left" | "kicked" | "new" | "own" => return,
            "guest" if self.row.operation == "add_member" => return,
            "guest" => return self.enters(&Arc::clone(&self.cast.gus)).await,
            _ => self.enters(&tim).await,
        }
        let role = |role: &str| Some(json!({ "role": role }));
        match self.row.target.as_str() {
            "moderator" => self.does_to(&owner, &tim, Method::PUT, "/role", role("moderator")).await,
            "owner" | "with-another-owner" => self.does_to(&owner, &tim, Method::PUT, "/role", role("owner")).await,
            "banned" | "ban-reason" => {
                self.does_to(&owner, &tim, Method::PUT, "/ban", Some(json!({ "reason": REASON }))).await;
            }
            "muted" => self.does_to(&owner, &tim, Method::PUT, "/mute", None).await,
            _ => {}
        }
    }

    async fn message(&mut self) {
        let status = match self.row.target.trim_start_matches("own-") {
            "own" | "other" => None,
            "hidden" => Some("hidden"),
            "removed" => Some("removed"),
            _ => return,
        };
        if !self.is_about_a_message() {
            return;
        }
        let author = match &self.stage.caller {
            Some(caller) if self.writes_himself() && self.column != Caller::Suspended => Arc::clone(caller),
            _ => Arc::clone(&self.cast.tim),
        };
        // Who is in already stays in.
        self.enters(&author).await;
        let messages = format!("/v1/rooms/{}/messages", self.stage.room);
        self.stage.message = self.makes(&author, &messages, "message", json!({ "text": TEXT })).await;
        if self.row.operation == "list_message_versions" {
            let (place, text) = (format!("messages/{}", self.stage.message), json!({ "text": "what it says now" }));
            self.does(&author, Method::PATCH, &place, Some(text)).await;
        }
        if let Some(status) = status {
            let (owner, place) = (Arc::clone(&self.owner), format!("messages/{}/status", self.stage.message));
            self.does(&owner, Method::PUT, &place, Some(json!({ "status": status }))).await;
        }
    }

    async fn caller_becomes(&mut self, caller: &Arc<Person>) {
        let owner = Arc::clone(&self.owner);
        match self.column {
            Caller::Guest | Caller::User if self.row.target == "kicked" => {
                self.does_to(&owner, caller, Method::DELETE, "", None).await;
            }
            Caller::Guest | Caller::User if self.was_in() => {
                self.does(caller, Method::DELETE, "members/me", None).await;
            }
            Caller::Moderator => {
                let role = json!({ "role": "moderator" });
                self.does_to(&owner, caller, Method::PUT, "/role", Some(role)).await;
            }
            Caller::Banned => self.does_to(&owner, caller, Method::PUT, "/ban", None).await,
            Caller::Muted => self.does_to(&owner, caller, Method::PUT, "/mute", None).await,
            Caller::Anonymous
            | Caller::Guest
            | Caller::User
            | Caller::GuestIn
            | Caller::Member
            | Caller::Owner
            | Caller::Suspended => {}
        }
    }

    /// Where the row is about a lounge, it is the caller's or somebody else's, not the room's.
    async fn lounge(&mut self) {
        if self.row.target == "missing" {
            self.stage.lounge = NOTHING.to_owned();
            return;
        }
        let about_lounges = ["change_lounge", "archive_lounge", "reopen_lounge", "create_room"];
        if !about_lounges.contains(&self.row.operation.as_str()) {
            return;
        }
        let caller = self.stage.caller.clone().filter(|_| self.column != Caller::Suspended);
        let whose = match (self.row.target.as_str(), caller) {
            ("own" | "own-archived", Some(caller)) => caller,
            _ => Arc::clone(&self.cast.tim),
        };
        self.stage.lounge = self.makes(&whose, "/v1/lounges", "lounge", json!({ "name": "A lounge" })).await;
        if self.row.target == "own-archived" {
            let path = format!("/v1/lounges/{}/archive", self.stage.lounge);
            self.sees(&whose.does(&self.cast.api, Method::POST, path, None).await);
        }
    }

    async fn enters(&mut self, who: &Arc<Person>) {
        if self.is_private() {
            let owner = Arc::clone(&self.owner);
            self.does_to(&owner, who, Method::PUT, "", None).await;
        } else {
            self.does(who, Method::PUT, "members/me", None).await;
        }
    }

    async fn does_to(&mut self, who: &Person, whom: &Person, method: Method, what: &str, body: Option<Value>) {
        self.does(who, method, &format!("members/{}{what}", whom.id), body).await;
    }

    /// Something in the room.
    async fn does(&mut self, who: &Person, method: Method, place: &str, body: Option<Value>) {
        let path = format!("/v1/rooms/{}/{place}", self.stage.room);
        let path = path.trim_end_matches('/').to_owned();
        self.sees(&who.does(&self.cast.api, method, path, body).await);
    }

    /// Makes something, and answers with its id.
    async fn makes(&mut self, who: &Person, path: &str, what: &str, body: Value) -> String {
        let made = who.does(&self.cast.api, Method::POST, path.to_owned(), Some(body)).await;
        self.sees(&made);
        made[what]["id"].as_str().expect("what was made has an id").to_owned()
    }

    fn sees(&mut self, done: &Value) {
        self.stage.position = done["position"].as_str().map(str::to_owned);
    }
}
