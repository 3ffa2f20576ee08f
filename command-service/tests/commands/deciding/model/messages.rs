//! Who says what, who changes it or takes it back, and what do others make of it?

use super::identity::Me;
use super::rooms::{Room, Settings};
use super::{Heard, Model, Name, Rank, Seen, Status, User, Verdict, Via, ask, no, nothing, yes};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Message {
    /// Unknown of what may be there or not.
    pub(crate) id: Option<String>,
    pub(crate) room: Name,
    pub(crate) author: User,
    pub(crate) text: String,
    /// The message that it answers, and whom it names, by their ids.
    pub(crate) reply_to: Option<String>,
    pub(crate) mentions: Option<User>,
    /// An instance remembers what it did itself; of others it would hear from the read model.
    status: Seen<Status>,
    pub(crate) reactions: BTreeSet<User>,
    /// The instance that posted it and so knows of it without the read model.
    pub(crate) known_by: Option<Via>,
}

/// Whom something is said to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum To {
    All,
    One(User),
    Message(Name),
}

impl Message {
    pub(crate) fn is_visible(&self) -> bool {
        self.status.now == Status::Visible
    }

    /// What comes where the read model would have to be asked, which is away.
    fn may_be_unknown(&self) -> Vec<Verdict> {
        if self.known_by.is_none() { vec![no("overloaded")] } else { Vec::new() }
    }

    /// What its author deleted stays deleted.
    fn turn(&mut self, heard: &Heard, status: Status) {
        if self.status.now != Status::Deleted {
            self.status.change(heard, |now| *now = status);
        }
        // Whoever removed it asks the read model from now on what became of it since.
        if status == Status::Removed && (!heard.is_sure || self.known_by == Some(heard.via)) {
            self.known_by = None;
        }
    }
}

impl Room {
    /// What who may not speak is told.
    fn speaks(&self, settings: &Settings, user: &User) -> Result<(), &'static str> {
        self.inside(settings, user)?;
        if self.muted.contains(user) {
            return Err("muted");
        }
        if settings.active { Ok(()) } else { Err("archived") }
    }

    fn moderates(&self, settings: &Settings, user: &User) -> Result<Rank, &'static str> {
        match self.inside(settings, user)? {
            Rank::Member => Err("forbidden"),
            rank => Ok(rank),
        }
    }
}

/// What was removed may come back, but nobody writes on it meanwhile.
fn stands(status: Status) -> Result<(), &'static str> {
    match status {
        Status::Visible | Status::Hidden => Ok(()),
        Status::Removed | Status::Deleted => Err("gone"),
    }
}

impl Model {
    pub(super) fn post(&self, me: &Me, at: Name, to: To, name: Name, heard: &Heard) -> Vec<Verdict> {
        let room = &self.rooms[&at];
        let (original, mentions) = match to {
            To::All => (None, None),
            To::One(user) => (None, Some(user)),
            To::Message(message) => (Some(&self.messages[&message]), None),
        };
        let said = room.seen.judge(heard, |settings| match room.speaks(settings, &me.user) {
            Err(why) => no(why),
            Ok(()) if original.is_some_and(|original| original.room != at) => no("validation"),
            Ok(()) => {
                let (reply_to, mentions) = (original.and_then(|original| original.id.clone()), mentions.clone());
                let author = me.user.clone();
                yes(201, move |model, heard| {
                    let text = ask::text(name);
                    let id = heard.text("/message/id").ok();
                    heard.says("/message/text", &text)?;
                    let known_by = id.as_ref().and(heard.is_sure.then_some(heard.via));
                    let (author, status, reactions) = (author.clone(), Seen::new(Status::Visible), BTreeSet::new());
                    let (reply_to, mentions) = (reply_to.clone(), mentions.clone());
                    let message =
                        Message { id, room: at, author, text, reply_to, mentions, status, reactions, known_by };
                    model.messages.insert(name, message);
                    Ok(())
                })
            }
        });
        original.map_or_else(Vec::new, Message::may_be_unknown).into_iter().chain(said).collect()
    }

    /// A rule about a message, by the room and the message as the instance may see them. Of a message's status a no may
    /// be old as well: nobody is asked again.
    fn about(
        &self,
        at: Name,
        heard: &Heard,
        rule: impl Fn(&Room, &Settings, &Message, Status) -> Result<Verdict, &'static str>,
    ) -> Vec<Verdict> {
        let message = &self.messages[&at];
        let room = &self.rooms[&message.room];
        let ruled = room.seen.judge_all(heard, |settings| {
            let statuses = message.status.views(heard);
            statuses.map(|status| rule(room, settings, message, *status).unwrap_or_else(no)).collect()
        });
        message.may_be_unknown().into_iter().chain(ruled).collect()
    }

    pub(super) fn edit(&self, me: &Me, at: Name, name: Name, heard: &Heard) -> Vec<Verdict> {
        self.about(at, heard, |room, settings, message, status| {
            room.speaks(settings, &me.user)?;
            if message.author != me.user {
                return Err("forbidden");
            }
            stands(status)?;
            Ok(yes(200, move |model, heard| {
                let text = ask::edited(name);
                heard.says("/message/text", &text)?;
                model.message(at)?.text = text;
                Ok(())
            }))
        })
    }

    pub(super) fn delete(&self, me: &Me, at: Name, heard: &Heard) -> Vec<Verdict> {
        self.about(at, heard, |room, settings, message, status| {
            room.inside(settings, &me.user)?;
            match status {
                _ if message.author != me.user => Err("forbidden"),
                Status::Deleted => Ok(nothing(200)),
                _ if !settings.active => Err("archived"),
                _ => Ok(becomes(at, Status::Deleted)),
            }
        })
    }

    pub(super) fn react(&self, me: &Me, at: Name, heard: &Heard) -> Vec<Verdict> {
        self.about(at, heard, |room, settings, _, status| {
            room.speaks(settings, &me.user)?;
            stands(status)?;
            let user = me.user.clone();
            Ok(yes(200, move |model, _| {
                model.message(at)?.reactions.insert(user.clone());
                Ok(())
            }))
        })
    }

    /// Muted or not: to take something back is not to speak.
    pub(super) fn take_back(&self, me: &Me, at: Name, heard: &Heard) -> Vec<Verdict> {
        self.about(at, heard, |room, settings, _, status| {
            room.inside(settings, &me.user)?;
            stands(status)?;
            if !settings.active {
                return Err("archived");
            }
            let user = me.user.clone();
            Ok(yes(200, move |model, _| {
                model.message(at)?.reactions.remove(&user);
                Ok(())
            }))
        })
    }

    pub(super) fn judge_message(&self, me: &Me, at: Name, to: Status, heard: &Heard) -> Vec<Verdict> {
        self.about(at, heard, |room, settings, _, status| {
            room.moderates(settings, &me.user)?;
            if status == Status::Deleted { Err("gone") } else { Ok(becomes(at, to)) }
        })
    }

    pub(super) fn report(&self, me: &Me, at: Name, heard: &Heard) -> Vec<Verdict> {
        self.about(at, heard, |room, settings, message, status| {
            room.inside(settings, &me.user)?;
            stands(status)?;
            let room = message.room;
            Ok(yes(201, move |model, _| {
                model.room(room)?.reports += 1;
                Ok(())
            }))
        })
    }

    /// Of lower ranks only, never one's own; who was never there said nothing.
    pub(super) fn remove_all(&self, me: &Me, at: Name, whom: &User) -> Verdict {
        let room = &self.rooms[&at];
        let rank = match room.moderates(&room.seen.now, &me.user) {
            Ok(rank) => rank,
            Err(why) => return no(why),
        };
        if !room.touched.contains(whom) {
            return no("not-found");
        }
        if room.members.get(whom).is_some_and(|theirs| *theirs >= rank) {
            return no("forbidden");
        }
        let user = whom.clone();
        yes(200, move |model, heard| {
            let his = |message: &&mut Message| message.room == at && message.author == user;
            model.messages.values_mut().filter(his).for_each(|message| message.turn(heard, Status::Removed));
            Ok(())
        })
    }

    fn message(&mut self, at: Name) -> Result<&mut Message, String> {
        self.messages.get_mut(&at).ok_or_else(|| format!("no message {at}"))
    }
}

fn becomes(at: Name, status: Status) -> Verdict {
    yes(200, move |model: &mut Model, heard| {
        model.message(at)?.turn(heard, status);
        Ok(())
    })
}
