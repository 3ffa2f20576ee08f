//! Is what the log holds what the model says? Both drawn as the same picture.

use super::fold::Folded;
use super::model::{Kind, Model, Standing};
use events::message::MessageStatus;
use events::user::Standing as PublicStanding;
use events::{UserId, UserKind, Visibility};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that can be seen in the end, by the ids that the service gave.
#[derive(Debug, Default, PartialEq)]
struct Picture {
    people: BTreeMap<String, String>,
    lounges: BTreeMap<String, String>,
    rooms: BTreeMap<String, String>,
    members: BTreeSet<(String, String, &'static str)>,
    /// Room, author, text and whom it is said to, and who reacted.
    messages: BTreeSet<(String, String, String, BTreeSet<String>)>,
}

/// Whether they are the same, but for guests who never heard that they are there.
pub(super) fn compare(model: &Model, folded: &Folded, guests_in_vain: u32) -> Result<(), String> {
    let (expected, mut found) = (of_the_model(model), of_the_log(folded));
    let unknown: Vec<String> =
        found.people.keys().filter(|user| !expected.people.contains_key(*user)).cloned().collect();
    let are_guests = unknown.iter().all(|user| found.people[user].contains("guest"));
    if unknown.len() > guests_in_vain as usize || !are_guests {
        return Err(format!("people whom nobody knows: {unknown:?}"));
    }
    found.people.retain(|user, _| expected.people.contains_key(user));
    if expected != found {
        return Err(format!("the model says\n{expected:#?}\nand the log holds\n{found:#?}"));
    }
    Ok(())
}

fn of_the_model(model: &Model) -> Picture {
    let mut picture = Picture::default();
    for (user, account) in &model.accounts {
        let kind = match account.kind {
            Kind::Registered => "registered",
            Kind::Guest => "guest",
        };
        let standing = match account.standing {
            Standing::Active => "active",
            Standing::Expired => "expired",
        };
        picture.people.insert(user.clone(), format!("{}, {kind}, {standing}", account.display_name));
    }
    for lounge in model.lounges.values() {
        let seen = format!("{} of {}, active {}", lounge.name, lounge.owner, lounge.active);
        picture.lounges.insert(lounge.id.clone(), seen);
    }
    for room in model.rooms.values() {
        let settings = &room.seen.now;
        let lounge = &model.lounges[&room.lounge].id;
        let seen = format!(
            "{} in {lounge}, public {}, guests {}, active {}, reported {}, of {:?}",
            settings.name,
            settings.is_public,
            settings.guests,
            settings.active,
            room.reports,
            room.owners()
        );
        picture.rooms.insert(room.id.clone(), seen);
        let is = |user: &String, what| (room.id.clone(), user.clone(), what);
        picture.members.extend(room.members.iter().map(|(user, rank)| is(user, rank.name())));
        picture.members.extend(room.banned.iter().map(|user| is(user, "banned")));
        picture.members.extend(room.muted.iter().map(|user| is(user, "muted")));
    }
    for message in model.messages.values().filter(|message| message.is_visible()) {
        let room = model.rooms[&message.room].id.clone();
        let reactions = message.reactions.clone();
        let said = format!("{} to {:?} and {:?}", message.text, message.reply_to, message.mentions);
        picture.messages.insert((room, message.author.clone(), said, reactions));
    }
    picture
}

fn of_the_log(folded: &Folded) -> Picture {
    let mut picture = Picture::default();
    for (user, account) in &folded.accounts {
        let public = folded.users.get(user);
        let what = |name: &str, kind: UserKind, standing: PublicStanding| {
            format!("{name}, {}, {}", kind.as_str(), standing.as_str())
        };
        let private = what(&account.display_name, account.kind, account.standing);
        let public = public.map(|user| what(&user.display_name, user.kind, user.standing));
        let seen =
            if public.as_ref() == Some(&private) { private } else { format!("{private} but in public {public:?}") };
        picture.people.insert(user.to_string(), seen);
    }
    for (id, lounge) in &folded.lounges {
        picture
            .lounges
            .insert(id.to_string(), format!("{} of {}, active {}", lounge.name, lounge.owner, lounge.active));
    }
    for (id, room) in &folded.rooms {
        let owners: BTreeSet<String> = room.owners.iter().map(ToString::to_string).collect();
        let seen = format!(
            "{} in {}, public {}, guests {}, active {}, reported {}, of {owners:?}",
            room.name,
            room.lounge,
            room.visibility == Visibility::Public,
            room.guests,
            room.active,
            folded.reports.get(id).copied().unwrap_or_default(),
        );
        picture.rooms.insert(id.to_string(), seen);
    }
    for ((room, user), member) in &folded.members {
        let is = |what| (room.to_string(), user.to_string(), what);
        picture.members.extend(member.role.map(|role| is(role.as_str())));
        picture.members.extend(member.banned.as_ref().map(|_| is("banned")));
        picture.members.extend(member.muted.as_ref().map(|_| is("muted")));
    }
    for said in folded.messages.values().filter(|said| said.status == MessageStatus::Visible) {
        let reactions = said.reactions.iter().map(ToString::to_string).collect();
        let (reply_to, mentions) =
            (said.reply_to.map(|id| id.to_string()), said.mentions.first().map(UserId::to_string));
        let (room, author) = (said.room.to_string(), said.author.to_string());
        picture.messages.insert((room, author, format!("{} to {reply_to:?} and {mentions:?}", said.text), reactions));
    }
    picture
}
