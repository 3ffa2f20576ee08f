//! Who makes rooms, and who changes them?

use super::identity::Me;
use super::{Heard, Model, Name, Rank, Seen, Setting, User, Verdict, no, nothing, yes};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Room {
    pub(crate) id: String,
    pub(crate) lounge: Name,
    pub(crate) seen: Seen<Settings>,
    pub(crate) members: BTreeMap<User, Rank>,
    pub(crate) banned: BTreeSet<User>,
    pub(crate) muted: BTreeSet<User>,
    pub(crate) reports: usize,
    /// Who was in the room, or had something done to him there.
    pub(super) touched: BTreeSet<User>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) is_public: bool,
    pub(crate) guests: bool,
    pub(crate) active: bool,
}

impl Settings {
    fn set(&mut self, setting: Setting, name: Name) {
        match setting {
            Setting::Name => self.name = format!("Room {name}"),
            Setting::Public => self.is_public = true,
            Setting::Private => self.is_public = false,
            Setting::Guests => self.guests = true,
            Setting::NoGuests => self.guests = false,
        }
    }
}

impl Room {
    /// The rank of who is in the room; for all others what they are told.
    pub(super) fn inside(&self, settings: &Settings, user: &User) -> Result<Rank, &'static str> {
        match self.members.get(user) {
            Some(rank) => Ok(*rank),
            None if !settings.is_public => Err("not-found"),
            None if self.banned.contains(user) => Err("banned"),
            None => Err("forbidden"),
        }
    }

    pub(super) fn enter(&mut self, user: &User) {
        self.members.insert(user.clone(), Rank::Member);
        self.touched.insert(user.clone());
    }

    pub(crate) fn owners(&self) -> BTreeSet<User> {
        self.members.iter().filter(|(_, rank)| **rank == Rank::Owner).map(|(user, _)| user.clone()).collect()
    }
}

impl Model {
    pub(super) fn make_room(&self, me: &Me, lounge: Name, setting: Setting, name: Name) -> Verdict {
        if self.lounges[&lounge].owner != me.user {
            return no("forbidden");
        }
        if !self.lounges[&lounge].active {
            return no("archived");
        }
        let owner = me.user.clone();
        let mut settings = Settings { name: format!("Room {name}"), is_public: true, guests: false, active: true };
        settings.set(setting, name);
        yes(201, move |model, heard| {
            let room = Room {
                id: heard.text("/room/id")?,
                lounge,
                seen: Seen::new(settings.clone()),
                members: BTreeMap::from([(owner.clone(), Rank::Owner)]),
                banned: BTreeSet::new(),
                muted: BTreeSet::new(),
                reports: 0,
                touched: BTreeSet::from([owner.clone()]),
            };
            heard.says("/room/name", &settings.name)?;
            model.rooms.insert(name, room);
            Ok(())
        })
    }

    pub(super) fn change_room(&self, me: &Me, at: Name, setting: Setting, name: Name) -> Verdict {
        let room = &self.rooms[&at];
        match room.inside(&room.seen.now, &me.user) {
            Err(why) => no(why),
            Ok(Rank::Member) => no("forbidden"),
            Ok(Rank::Moderator | Rank::Owner) if !room.seen.now.active => no("archived"),
            Ok(Rank::Moderator | Rank::Owner) => change(at, move |settings| settings.set(setting, name)),
        }
    }

    pub(super) fn archive_room(&self, me: &Me, at: Name, active: bool) -> Verdict {
        let room = &self.rooms[&at];
        match room.inside(&room.seen.now, &me.user) {
            Err(why) => no(why),
            Ok(Rank::Member | Rank::Moderator) => no("forbidden"),
            Ok(Rank::Owner) if room.seen.now.active == active => nothing(200),
            Ok(Rank::Owner) => change(at, move |settings| settings.active = active),
        }
    }

    pub(super) fn room(&mut self, at: Name) -> Result<&mut Room, String> {
        self.rooms.get_mut(&at).ok_or_else(|| format!("no room {at}"))
    }
}

fn change(at: Name, change: impl Fn(&mut Settings) + 'static) -> Verdict {
    yes(200, move |model: &mut Model, heard: &Heard| {
        let room = model.room(at)?;
        room.seen.change(heard, &change);
        heard.says("/room/name", &room.seen.now.name)
    })
}
