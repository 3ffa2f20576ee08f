//! How is each act asked for?

use super::instances::Ask;
use super::model::{Model, Name, Phone, User};
use super::script::{Act, Move, Pick, Secret, Setting, Who, Words};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A move that can be made: what is picked is there. `name` is that of what it may make.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) name: Name,
    pub(super) made: Move,
    /// The user whom it is about.
    pub(super) whom: Option<User>,
    pub(super) ask: Ask,
}

/// 👍
const EMOJI: &str = "%F0%9F%91%8D";

pub(super) fn phone(who: Who) -> String {
    format!("+491510000000{who}")
}

/// The n-th password of a number; every one is right once.
pub(super) fn password(phone: Who, n: usize) -> String {
    format!("pass phrase {n} of number {phone}")
}

pub(super) fn text(name: Name) -> String {
    format!("said in {name}")
}

pub(super) fn edited(name: Name) -> String {
    format!("edited in {name}")
}

/// The act on what is there, if anything is.
pub(super) fn wish(model: &Model, made: Move, name: Name) -> Option<Wish> {
    let made = settled(model, made)?;
    let person = &model.people[made.who];
    let token = person.session.as_ref().map(|session| session.access.clone());
    let whom = match whom(made.act) {
        Some(whom) => Some(model.people[whom].user.clone()?),
        None => None,
    };
    let (method, path, body) = request(model, made, whom.as_deref(), name);
    let is_anonymous =
        matches!(made.act, Act::Register { .. } | Act::ComeAsGuest | Act::SignIn { .. } | Act::Refresh { .. });
    // Who is not signed in cannot ask for anything else: what comes of it is tested with tokens that are over.
    if !is_anonymous && token.is_none() {
        return None;
    }
    let (token, key) = if is_anonymous { (None, None) } else { (token, Some(Uuid::now_v7().to_string())) };
    Some(Wish { name, made, whom, ask: Ask { method, path, token, key, body } })
}

/// Whom an act is about, if not its author alone.
fn whom(act: Act) -> Option<Who> {
    match act {
        Act::Add { whom, .. } | Act::Kick { whom, .. } | Act::Ban { whom, .. } | Act::Unban { whom, .. } => Some(whom),
        Act::Mute { whom, .. } | Act::Unmute { whom, .. } | Act::Raise { whom, .. } => Some(whom),
        Act::RemoveAll { whom, .. } | Act::Mention { whom, .. } => Some(whom),
        _ => None,
    }
}

/// With each pick the name of what is picked.
fn settled(model: &Model, made: Move) -> Option<Move> {
    fn pick<T>(all: &BTreeMap<Name, T>, pick: Pick) -> Option<Name> {
        all.keys().nth(pick % all.len().max(1)).copied()
    }
    let lounge = |n| pick(&model.lounges, n);
    let room = |n| pick(&model.rooms, n);
    let mut via = made.via;
    // Only an instance that posted a message knows of it without the read model.
    let mut message = |n| {
        let known = model.messages.iter().filter_map(|(name, message)| Some((*name, message.known_by?)));
        let known: BTreeMap<Name, _> = known.collect();
        let name = pick(&known, n)?;
        via = known[&name];
        Some(name)
    };
    let act = match made.act {
        Act::Register { .. } | Act::ComeAsGuest | Act::SignIn { .. } | Act::SignOut => made.act,
        Act::Upgrade { .. } | Act::Rename | Act::ChangePassword { .. } | Act::MakeLounge => made.act,
        Act::Refresh { back } => {
            let session = model.people[made.who].session.as_ref()?;
            Act::Refresh { back: session.refresh.len().checked_sub(back + 1)? }
        }
        Act::RenameLounge { lounge: n } => Act::RenameLounge { lounge: lounge(n)? },
        Act::ArchiveLounge { lounge: n } => Act::ArchiveLounge { lounge: lounge(n)? },
        Act::ReopenLounge { lounge: n } => Act::ReopenLounge { lounge: lounge(n)? },
        Act::MakeRoom { lounge: n, setting } => Act::MakeRoom { lounge: lounge(n)?, setting },
        Act::ChangeRoom { room: n, setting } => Act::ChangeRoom { room: room(n)?, setting },
        Act::ArchiveRoom { room: n } => Act::ArchiveRoom { room: room(n)? },
        Act::ReopenRoom { room: n } => Act::ReopenRoom { room: room(n)? },
        Act::Join { room: n } => Act::Join { room: room(n)? },
        Act::Leave { room: n } => Act::Leave { room: room(n)? },
        Act::Add { room: n, whom } => Act::Add { room: room(n)?, whom },
        Act::Kick { room: n, whom } => Act::Kick { room: room(n)?, whom },
        Act::Ban { room: n, whom } => Act::Ban { room: room(n)?, whom },
        Act::Unban { room: n, whom } => Act::Unban { room: room(n)?, whom },
        Act::Mute { room: n, whom } => Act::Mute { room: room(n)?, whom },
        Act::Unmute { room: n, whom } => Act::Unmute { room: room(n)?, whom },
        Act::Raise { room: n, whom, to } => Act::Raise { room: room(n)?, whom, to },
        Act::SignOutElsewhere => model.people[made.who].elsewhere().map(|_| made.act)?,
        Act::Post { room: n, words } => Act::Post { room: room(n)?, words },
        Act::Mention { room: n, whom } => Act::Mention { room: room(n)?, whom },
        Act::Reply { room: n, message: to } => Act::Reply { room: room(n)?, message: message(to)? },
        Act::Edit { message: n } => Act::Edit { message: message(n)? },
        Act::Delete { message: n } => Act::Delete { message: message(n)? },
        Act::React { message: n } => Act::React { message: message(n)? },
        Act::TakeBack { message: n } => Act::TakeBack { message: message(n)? },
        Act::Judge { message: n, to } => Act::Judge { message: message(n)?, to },
        Act::Report { message: n } => Act::Report { message: message(n)? },
        Act::RemoveAll { room: n, whom } => Act::RemoveAll { room: room(n)?, whom },
        Act::Wait => return None,
    };
    Some(Move { via, act, ..made })
}

fn request(model: &Model, made: Move, whom: Option<&str>, name: Name) -> (&'static str, String, Value) {
    let who = made.who;
    let lounge = |lounge: Name| format!("/v1/lounges/{}", model.lounges[&lounge].id);
    let room = |room: Name| format!("/v1/rooms/{}", model.rooms[&room].id);
    let member = |at: Name, what: &str| format!("{}/members/{}{what}", room(at), whom.unwrap_or("me"));
    let message = |message: Name| {
        let message = &model.messages[&message];
        format!("{}/messages/{}", room(message.room), message.id.as_deref().unwrap_or_default())
    };
    let secret = |phone: Who, secret| match secret {
        Secret::Right => password(phone, model.phones.get(&phone).map_or(0, Phone::password)),
        Secret::Wrong => "nobody has this pass phrase".to_owned(),
    };
    let nothing = Value::Null;
    match made.act {
        Act::Register { password } => (
            "POST",
            "/v1/users".to_owned(),
            json!({ "phone": phone(who), "password": secret(who, password), "display_name": format!("Person {name}") }),
        ),
        Act::ComeAsGuest => ("POST", "/v1/guests".to_owned(), json!({ "display_name": format!("Guest {name}") })),
        Act::Upgrade { phone: number } => (
            "POST",
            "/v1/guests/upgrade".to_owned(),
            json!({ "phone": phone(number), "password": password(number, 0) }),
        ),
        Act::SignIn { password } => {
            ("POST", "/v1/sessions".to_owned(), json!({ "phone": phone(who), "password": secret(who, password) }))
        }
        Act::Refresh { back } => {
            let token = model.people[who].session.as_ref().map(|session| session.refresh[back].clone());
            ("POST", "/v1/sessions/refresh".to_owned(), json!({ "refresh_token": token }))
        }
        Act::SignOut => ("DELETE", "/v1/sessions/current".to_owned(), nothing),
        Act::SignOutElsewhere => {
            let session = model.people[who].elsewhere().map_or("", |session| &session.id);
            ("DELETE", format!("/v1/sessions/{session}"), nothing)
        }
        Act::Rename => ("PATCH", "/v1/users/me".to_owned(), json!({ "display_name": format!("Person {name}") })),
        Act::ChangePassword { current } => {
            let number = model.phone_of(who).unwrap_or(who);
            let next = model.phones.get(&number).map_or(1, Phone::next_password);
            let body = json!({ "current_password": secret(number, current), "new_password": password(number, next) });
            ("PUT", "/v1/users/me/password".to_owned(), body)
        }
        Act::MakeLounge => ("POST", "/v1/lounges".to_owned(), json!({ "name": format!("Lounge {name}") })),
        Act::RenameLounge { lounge: at } => ("PATCH", lounge(at), json!({ "name": format!("Lounge {name}") })),
        Act::ArchiveLounge { lounge: at } => ("POST", format!("{}/archive", lounge(at)), nothing),
        Act::ReopenLounge { lounge: at } => ("POST", format!("{}/reopen", lounge(at)), nothing),
        Act::MakeRoom { lounge: at, setting } => {
            let mut body = json!({ "name": format!("Room {name}"), "language": "en" });
            set(&mut body, setting, name);
            ("POST", format!("{}/rooms", lounge(at)), body)
        }
        Act::ChangeRoom { room: at, setting } => {
            let mut body = json!({});
            set(&mut body, setting, name);
            ("PATCH", room(at), body)
        }
        Act::ArchiveRoom { room: at } => ("POST", format!("{}/archive", room(at)), nothing),
        Act::ReopenRoom { room: at } => ("POST", format!("{}/reopen", room(at)), nothing),
        Act::Join { room: at } | Act::Add { room: at, .. } => ("PUT", member(at, ""), nothing),
        Act::Leave { room: at } | Act::Kick { room: at, .. } => ("DELETE", member(at, ""), nothing),
        Act::Ban { room: at, .. } => ("PUT", member(at, "/ban"), nothing),
        Act::Unban { room: at, .. } => ("DELETE", member(at, "/ban"), nothing),
        Act::Mute { room: at, .. } => ("PUT", member(at, "/mute"), nothing),
        Act::Unmute { room: at, .. } => ("DELETE", member(at, "/mute"), nothing),
        Act::Raise { room: at, to, .. } => ("PUT", member(at, "/role"), json!({ "role": to.name() })),
        Act::Post { room: at, words } => {
            let text = match words {
                Words::Some => text(name),
                Words::Blank => " ".to_owned(),
            };
            ("POST", format!("{}/messages", room(at)), json!({ "text": text }))
        }
        Act::Mention { room: at, .. } => {
            ("POST", format!("{}/messages", room(at)), json!({ "text": text(name), "mentions": [whom] }))
        }
        Act::Reply { room: at, message } => {
            let original = &model.messages[&message].id;
            ("POST", format!("{}/messages", room(at)), json!({ "text": text(name), "reply_to": original }))
        }
        Act::Edit { message: at } => ("PATCH", message(at), json!({ "text": edited(name) })),
        Act::Delete { message: at } => ("DELETE", message(at), nothing),
        Act::React { message: at } => ("PUT", format!("{}/reactions/{EMOJI}", message(at)), nothing),
        Act::TakeBack { message: at } => ("DELETE", format!("{}/reactions/{EMOJI}", message(at)), nothing),
        Act::Judge { message: at, to } => ("PUT", format!("{}/status", message(at)), json!({ "status": to.name() })),
        Act::RemoveAll { room: at, .. } => ("DELETE", member(at, "/messages"), nothing),
        Act::Report { message: at } => ("POST", format!("{}/report", message(at)), json!({})),
        Act::Wait => unreachable!("nobody asks for that"),
    }
}

fn set(body: &mut Value, setting: Setting, name: Name) {
    match setting {
        Setting::Name => body["name"] = json!(format!("Room {name}")),
        Setting::Public => body["visibility"] = json!("public"),
        Setting::Private => body["visibility"] = json!("private"),
        Setting::Guests => body["guests"] = json!(true),
        Setting::NoGuests => body["guests"] = json!(false),
    }
}
