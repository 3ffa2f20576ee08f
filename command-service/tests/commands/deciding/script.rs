//! What can be said in a script? Acts of a few people, through one instance or the other, and what fails meanwhile.

use event_log::fake::Faults;
use std::fmt;

mod act;
mod draws;

pub(super) use act::{Act, Rank, Secret, Setting, Status, Words};
pub(super) use draws::scripts;

/// People of a script. The first three have accounts from its beginning, the fourth is a guest, the fifth nobody yet.
pub(super) const PEOPLE: usize = 5;

/// The index of a person, which is also that of his phone number.
pub(super) type Who = usize;
/// Any number: which of the things that are there is told when the step is played.
pub(super) type Pick = usize;

/// One of the two instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    One,
    Two,
}

impl Via {
    pub(super) fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }
}

/// Somebody does something through one of the instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Move {
    pub(super) who: Who,
    pub(super) via: Via,
    pub(super) act: Act,
}

/// What comes after an act that made something, with the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    No,
    /// The same, through the other instance.
    Same,
    /// Something else.
    Another,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) one: Move,
    /// At the same time, of somebody else.
    pub(super) beside: Option<Move>,
    pub(super) again: Again,
    /// By which the faults of this step are drawn: a smaller script keeps those of the steps that it keeps.
    pub(super) luck: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Script {
    pub(super) faults: Faults,
    pub(super) steps: Vec<Step>,
}

/// What every script begins with: people; a lounge of Ada's; a public room, where all are and Bob is a moderator; and a
/// private one, where Bob is.
pub(super) fn beginning() -> Vec<Step> {
    let step = |who, act| Step { one: Move { who, via: Via::One, act }, beside: None, again: Again::No, luck: 0 };
    let register = Act::Register { password: Secret::Right };
    vec![
        step(0, register),
        step(1, register),
        step(2, register),
        step(3, Act::ComeAsGuest),
        step(0, Act::MakeLounge),
        step(0, Act::MakeRoom { lounge: 0, setting: Setting::Guests }),
        step(0, Act::MakeRoom { lounge: 0, setting: Setting::Private }),
        step(1, Act::Join { room: 0 }),
        step(2, Act::Join { room: 0 }),
        step(3, Act::Join { room: 0 }),
        step(0, Act::Raise { room: 0, whom: 1, to: Rank::Moderator }),
        step(0, Act::Add { room: 1, whom: 1 }),
    ]
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ["Ada", "Bob", "Cid", "Dan", "Eve"][self.who];
        write!(f, "{name} via {:?}: {:?}", self.via, self.act)
    }
}

/// What fails, of which nothing is left out but what does not.
impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults = format!("{:?}", Faults { seed: 0, ..self.faults });
        let met: Vec<&str> =
            faults.trim_end_matches(" }").split(", ").skip(1).filter(|fault| !fault.ends_with(": 0.0")).collect();
        f.write_str(&met.join(", "))
    }
}
