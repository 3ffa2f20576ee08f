//! Who is in a room, who comes and goes, and who does what about whom?

use super::identity::{Kind, Me, Standing};
use super::{Heard, Model, Name, Rank, User, Verdict, no, nothing, yes};

/// What is done about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Kick,
    Ban,
    Unban,
    Mute,
    Unmute,
}

impl Model {
    pub(super) fn join(&self, me: &Me, at: Name, heard: &Heard) -> Vec<Verdict> {
        let room = &self.rooms[&at];
        room.seen.judge(heard, |settings| match room.inside(settings, &me.user) {
            Ok(rank) => yes(200, move |_, heard| heard.says("/member/role", rank.name())),
            Err("forbidden") if me.kind == Kind::Guest && !settings.guests => no("forbidden"),
            Err("forbidden") if !settings.active => no("archived"),
            Err("forbidden") => {
                let user = me.user.clone();
                yes(200, move |model, heard| {
                    heard.says("/member/role", Rank::Member.name())?;
                    model.room(at)?.enter(&user);
                    Ok(())
                })
            }
            Err(why) => no(why),
        })
    }

    pub(super) fn leave(&self, me: &Me, at: Name) -> Verdict {
        let room = &self.rooms[&at];
        match room.inside(&room.seen.now, &me.user) {
            // Who was in has left already; who never was does not leave.
            Err("forbidden") if room.touched.contains(&me.user) => nothing(200),
            Err(why) => no(why),
            Ok(Rank::Owner) if room.owners().len() == 1 => no("last-owner"),
            Ok(_) => {
                let user = me.user.clone();
                yes(200, move |model, _| {
                    model.room(at)?.members.remove(&user);
                    Ok(())
                })
            }
        }
    }

    /// Only moderators get past this, with their rank.
    fn moderates(&self, me: &Me, at: Name) -> Result<Rank, &'static str> {
        let room = &self.rooms[&at];
        match room.inside(&room.seen.now, &me.user)? {
            Rank::Member => Err("forbidden"),
            rank => Ok(rank),
        }
    }

    pub(super) fn add(&self, me: &Me, at: Name, whom: &User, heard: &Heard) -> Vec<Verdict> {
        let room = &self.rooms[&at];
        let person = &self.accounts[whom];
        room.seen.judge(heard, |settings| {
            let user = whom.clone();
            match room.inside(settings, &me.user) {
                Err(why) => return no(why),
                Ok(Rank::Member) => return no("forbidden"),
                Ok(_) if person.standing != Standing::Active => return no("not-found"),
                Ok(_) => {}
            }
            match room.members.get(whom) {
                Some(rank) => {
                    return yes(200, {
                        let rank = *rank;
                        move |_, heard| heard.says("/member/role", rank.name())
                    });
                }
                // Everybody comes by himself.
                None if settings.is_public => return no("forbidden"),
                None if room.banned.contains(whom) => return no("conflict"),
                None if person.kind == Kind::Guest && !settings.guests => return no("forbidden"),
                None if !settings.active => return no("archived"),
                None => {}
            }
            yes(200, move |model, heard| {
                heard.says("/member/role", Rank::Member.name())?;
                model.room(at)?.enter(&user);
                Ok(())
            })
        })
    }

    /// On lower ranks only, never on oneself.
    pub(super) fn take_measure(&self, me: &Me, at: Name, whom: &User, measure: Measure) -> Verdict {
        let rank = match self.moderates(me, at) {
            Ok(rank) => rank,
            Err(why) => return no(why),
        };
        if self.rooms[&at].members.get(whom).is_some_and(|theirs| *theirs >= rank) {
            return no("forbidden");
        }
        let user = whom.clone();
        yes(200, move |model, _| {
            let room = model.room(at)?;
            match measure {
                Measure::Kick => drop(room.members.remove(&user)),
                Measure::Ban => {
                    room.members.remove(&user);
                    room.banned.insert(user.clone());
                    room.touched.insert(user.clone());
                }
                Measure::Unban => drop(room.banned.take(&user)),
                Measure::Mute => {
                    room.muted.insert(user.clone());
                    room.touched.insert(user.clone());
                }
                Measure::Unmute => drop(room.muted.take(&user)),
            }
            Ok(())
        })
    }

    /// An owner's to give, his own too while an owner remains; not to guests, and no owner is muted.
    pub(super) fn raise(&self, me: &Me, at: Name, whom: &User, to: Rank) -> Verdict {
        match self.moderates(me, at) {
            Ok(Rank::Owner) => {}
            Ok(_) => return no("forbidden"),
            Err(why) => return no(why),
        }
        let (room, person) = (&self.rooms[&at], &self.accounts[whom]);
        let Some(held) = room.members.get(whom).copied() else { return no("not-found") };
        match to.cmp(&held) {
            std::cmp::Ordering::Equal => return nothing(200),
            std::cmp::Ordering::Less if held == Rank::Owner && room.owners().len() == 1 => return no("last-owner"),
            std::cmp::Ordering::Less => {}
            std::cmp::Ordering::Greater if person.standing != Standing::Active => return no("not-found"),
            std::cmp::Ordering::Greater if person.kind == Kind::Guest => return no("conflict"),
            std::cmp::Ordering::Greater if to == Rank::Owner && room.muted.contains(whom) => return no("conflict"),
            std::cmp::Ordering::Greater => {}
        }
        let user = whom.clone();
        yes(200, move |model, heard| {
            heard.says("/member/role", to.name())?;
            model.room(at)?.members.insert(user.clone(), to);
            Ok(())
        })
    }
}
