//! What must come? The rules once more, from the API's description, over plain maps: nothing of the service is used.

use super::ask::{self, Wish};
use super::heard::Heard;
use super::script::{Act, Rank, Secret, Setting, Status, Via, Who, Words};
use members::Measure;
use messages::To;
use std::collections::BTreeMap;

mod identity;
mod lounges;
mod members;
mod messages;
mod rooms;

pub(super) use identity::{Kind, Person, Phone, Standing};

/// What a step made is called after it: the same whatever else happened at the same time.
pub(super) type Name = usize;
/// A user's id, as the service gave it.
pub(super) type User = String;

/// Everything that a script has made.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Model {
    pub(super) people: Vec<Person>,
    pub(super) accounts: BTreeMap<User, identity::Account>,
    pub(super) phones: BTreeMap<Who, Phone>,
    pub(super) lounges: BTreeMap<Name, lounges::Lounge>,
    pub(super) rooms: BTreeMap<Name, rooms::Room>,
    pub(super) messages: BTreeMap<Name, messages::Message>,
    /// Access tokens that are good no longer.
    pub(super) over: Vec<String>,
}

/// One answer that may come, and what it means.
pub(super) struct Verdict {
    status: u16,
    code: &'static str,
    then: Effect,
}

/// What an answer does to the model, or what is wrong with it.
type Effect = Box<dyn Fn(&mut Model, &Heard) -> Result<(), String>>;

fn yes(status: u16, then: impl Fn(&mut Model, &Heard) -> Result<(), String> + 'static) -> Verdict {
    Verdict { status, code: "", then: Box::new(then) }
}

/// It is so already.
fn nothing(status: u16) -> Verdict {
    yes(status, |_, _| Ok(()))
}

fn no(code: &'static str) -> Verdict {
    let status = match code {
        "unauthenticated" | "wrong-credentials" | "token-reused" => 401,
        "forbidden" | "banned" | "muted" | "wrong-password" => 403,
        "not-found" => 404,
        "phone-taken" | "last-owner" | "archived" | "conflict" => 409,
        "gone" => 410,
        "validation" => 422,
        "overloaded" => 503,
        other => panic!("no status for {other}"),
    };
    Verdict { status, code, then: Box::new(|_, _| Ok(())) }
}

impl Verdict {
    fn is_yes(&self) -> bool {
        self.code.is_empty()
    }
}

/// A state that an instance may know as it was a moment ago, where no condition guards it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen<T> {
    pub(super) now: T,
    past: [Vec<T>; 2],
}

impl<T: Clone> Seen<T> {
    fn new(now: T) -> Self {
        Self { now, past: [Vec::new(), Vec::new()] }
    }

    /// Who surely changed it knows it; others may still think it is as it was.
    fn change(&mut self, heard: &Heard, change: impl FnOnce(&mut T)) {
        for via in [Via::One, Via::Two] {
            let past = &mut self.past[via as usize];
            if heard.is_sure && heard.via == via { past.clear() } else { past.push(self.now.clone()) }
        }
        change(&mut self.now);
    }

    /// As those who may have decided may see it: as it is, first, and as it was.
    fn views(&self, heard: &Heard) -> impl Iterator<Item = &T> {
        std::iter::once(&self.now).chain(self.past(heard))
    }

    /// As those who may have decided may think that it still is.
    fn past(&self, heard: &Heard) -> impl Iterator<Item = &T> {
        let deciders = [Via::One, Via::Two].into_iter().filter(|via| heard.may_be_of(*via));
        deciders.flat_map(|via| &self.past[via as usize])
    }

    /// What comes by a rule: by the state as it is; or by one that it was, but then only a yes, since a no is looked
    /// at again.
    fn judge(&self, heard: &Heard, rule: impl Fn(&T) -> Verdict) -> Vec<Verdict> {
        self.judge_all(heard, |state| vec![rule(state)])
    }

    /// As [`Seen::judge`], by a rule that leaves a choice.
    fn judge_all(&self, heard: &Heard, rule: impl Fn(&T) -> Vec<Verdict>) -> Vec<Verdict> {
        let stale = self.past(heard).flat_map(&rule).filter(Verdict::is_yes);
        rule(&self.now).into_iter().chain(stale).collect()
    }
}

impl Model {
    pub(super) fn new(people: usize) -> Self {
        Self { people: vec![Person::default(); people], ..Self::default() }
    }

    /// Which models follow from the answer; or what would have had to come.
    pub(super) fn after(&self, wish: &Wish, heard: &Heard) -> Result<Vec<Self>, String> {
        let verdicts = self.judge(wish, heard);
        let (status, code) = (heard.answer.status, heard.answer.code());
        let is_told = |verdict: &Verdict| verdict.status == status && verdict.code == code;
        let may_be_late = heard.is_unresolved || heard.is_doubtful() && verdicts.iter().any(is_told);
        let mut wrong: Vec<String> = Vec::new();
        let mut after = Vec::new();
        for verdict in &verdicts {
            let is_possible = is_told(verdict) || may_be_late && verdict.is_yes();
            if !is_possible {
                wrong.push(format!("{} {}", verdict.status, verdict.code));
                continue;
            }
            let mut next = self.clone();
            match (verdict.then)(&mut next, heard) {
                Ok(()) => after.push(next),
                Err(why) => wrong.push(why),
            }
        }
        // Nobody knows: it may also never have been.
        if heard.is_unresolved {
            after.push(self.clone());
        }
        if after.is_empty() { Err(wrong.join(" or ")) } else { Ok(after) }
    }

    /// A while passes: every instance knows everything.
    pub(super) fn wait(&mut self) {
        self.rooms.values_mut().for_each(|room| room.seen.past = Default::default());
    }

    /// The rules.
    fn judge(&self, wish: &Wish, heard: &Heard) -> Vec<Verdict> {
        let (name, who) = (wish.name, wish.made.who);
        match wish.made.act {
            Act::Register { password } => return vec![self.register(who, name, password)],
            Act::ComeAsGuest => return vec![self.come(who, name)],
            Act::SignIn { password } => return vec![self.sign_in(who, password)],
            Act::Refresh { back } => return vec![self.refresh(who, back)],
            _ => {}
        }
        let Some(me) = self.caller(who, wish) else { return vec![no("unauthenticated")] };
        let whom = wish.whom.as_ref().unwrap_or(&me.user);
        match wish.made.act {
            Act::Register { .. } | Act::ComeAsGuest | Act::SignIn { .. } | Act::Refresh { .. } => Vec::new(),
            Act::Upgrade { phone } => vec![self.upgrade(who, &me, phone)],
            Act::SignOut => vec![self.sign_out(who, &me)],
            Act::SignOutElsewhere => vec![self.sign_out_elsewhere(who)],
            Act::Rename => vec![self.rename(&me, name)],
            Act::ChangePassword { current } => vec![self.change_password(who, &me, current)],
            Act::MakeLounge => vec![self.make_lounge(&me, name)],
            Act::RenameLounge { lounge } => vec![self.rename_lounge(&me, lounge, name)],
            Act::ArchiveLounge { lounge } => vec![self.archive_lounge(&me, lounge, false)],
            Act::ReopenLounge { lounge } => vec![self.archive_lounge(&me, lounge, true)],
            Act::MakeRoom { lounge, setting } => vec![self.make_room(&me, lounge, setting, name)],
            Act::ChangeRoom { room, setting } => vec![self.change_room(&me, room, setting, name)],
            Act::ArchiveRoom { room } => vec![self.archive_room(&me, room, false)],
            Act::ReopenRoom { room } => vec![self.archive_room(&me, room, true)],
            Act::Join { room } => self.join(&me, room, heard),
            Act::Leave { room } => vec![self.leave(&me, room)],
            Act::Add { room, .. } => self.add(&me, room, whom, heard),
            Act::Kick { room, .. } => vec![self.take_measure(&me, room, whom, Measure::Kick)],
            Act::Ban { room, .. } => vec![self.take_measure(&me, room, whom, Measure::Ban)],
            Act::Unban { room, .. } => vec![self.take_measure(&me, room, whom, Measure::Unban)],
            Act::Mute { room, .. } => vec![self.take_measure(&me, room, whom, Measure::Mute)],
            Act::Unmute { room, .. } => vec![self.take_measure(&me, room, whom, Measure::Unmute)],
            Act::Raise { room, to, .. } => vec![self.raise(&me, room, whom, to)],
            Act::Post { words: Words::Blank, .. } => vec![no("validation")],
            Act::Post { room, words: Words::Some } => self.post(&me, room, To::All, name, heard),
            Act::Mention { room, .. } => self.post(&me, room, To::One(whom.clone()), name, heard),
            Act::Reply { room, message } => self.post(&me, room, To::Message(message), name, heard),
            Act::Edit { message } => self.edit(&me, message, name, heard),
            Act::Delete { message } => self.delete(&me, message, heard),
            Act::React { message } => self.react(&me, message, heard),
            Act::TakeBack { message } => self.take_back(&me, message, heard),
            Act::Judge { message, to } => self.judge_message(&me, message, to, heard),
            Act::RemoveAll { room, .. } => vec![self.remove_all(&me, room, whom)],
            Act::Report { message } => self.report(&me, message, heard),
            Act::Wait => Vec::new(),
        }
    }
}
