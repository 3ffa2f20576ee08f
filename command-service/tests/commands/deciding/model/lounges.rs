//! Who makes lounges, and what becomes of them?

use super::identity::{Kind, Me};
use super::{Heard, Model, Name, User, Verdict, no, nothing, yes};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lounge {
    pub(crate) id: String,
    pub(crate) owner: User,
    pub(crate) name: String,
    pub(crate) active: bool,
}

impl Model {
    pub(super) fn make_lounge(&self, me: &Me, name: Name) -> Verdict {
        if me.kind == Kind::Guest {
            return no("forbidden");
        }
        let owner = me.user.clone();
        yes(201, move |model, heard| {
            let id = heard.text("/lounge/id")?;
            heard.says("/lounge/owner", &owner)?;
            let lounge = Lounge { id, owner: owner.clone(), name: format!("Lounge {name}"), active: true };
            model.lounges.insert(name, lounge);
            Ok(())
        })
    }

    pub(super) fn rename_lounge(&self, me: &Me, at: Name, name: Name) -> Verdict {
        let lounge = &self.lounges[&at];
        if lounge.owner != me.user {
            return no("forbidden");
        }
        if !lounge.active {
            return no("archived");
        }
        self.change_lounge(at, move |lounge| lounge.name = format!("Lounge {name}"))
    }

    pub(super) fn archive_lounge(&self, me: &Me, at: Name, active: bool) -> Verdict {
        let lounge = &self.lounges[&at];
        match lounge.owner == me.user {
            false => no("forbidden"),
            true if lounge.active == active => nothing(200),
            true => self.change_lounge(at, move |lounge| lounge.active = active),
        }
    }

    fn change_lounge(&self, at: Name, change: impl Fn(&mut Lounge) + 'static) -> Verdict {
        yes(200, move |model: &mut Self, heard: &Heard| {
            let lounge = model.lounges.get_mut(&at).ok_or("no lounge")?;
            change(lounge);
            heard.says("/lounge/name", &lounge.name)
        })
    }
}
