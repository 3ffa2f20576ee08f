//! Who has an account, and who is signed in?

use super::{Effect, Heard, Model, Name, Secret, User, Verdict, Who, Wish, no, yes};

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Person {
    /// Who was the last to sign in there.
    pub(crate) user: Option<User>,
    pub(crate) session: Option<Session>,
    /// The one before.
    earlier: Option<Session>,
}

impl Person {
    /// A session that goes on beside the one that he uses.
    pub(crate) fn elsewhere(&self) -> Option<&Session> {
        let session = self.session.as_ref()?;
        self.earlier.as_ref().filter(|earlier| earlier.user == session.user && earlier.id != session.id)
    }
}

/// What a client has of a session.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Session {
    pub(crate) id: String,
    user: User,
    pub(crate) access: String,
    /// All its refresh tokens so far.
    pub(crate) refresh: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Registered,
    Guest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Active,
    Expired,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Account {
    pub(crate) display_name: String,
    pub(crate) kind: Kind,
    pub(crate) standing: Standing,
    phone: Option<Who>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Phone {
    holder: User,
    /// Which of its passwords is right; none of them after it was registered with the one that is otherwise wrong.
    password: Option<usize>,
}

impl Phone {
    fn opens_with(&self, password: Secret) -> bool {
        self.password.is_some() == (password == Secret::Right)
    }

    /// Which one a right password is, or would be.
    pub(crate) fn password(&self) -> usize {
        self.password.unwrap_or_default()
    }

    pub(crate) fn next_password(&self) -> usize {
        self.password.map_or(0, |password| password + 1)
    }
}

/// The caller of a command.
pub(super) struct Me {
    pub(super) user: User,
    pub(super) kind: Kind,
}

impl Model {
    pub(super) fn caller(&self, who: Who, wish: &Wish) -> Option<Me> {
        let session = self.people[who].session.as_ref()?;
        (Some(&session.access) == wish.ask.token.as_ref())
            .then(|| Me { user: session.user.clone(), kind: self.accounts[&session.user].kind })
    }

    pub(crate) fn is_guest(&self, who: Who) -> bool {
        let session = self.people[who].session.as_ref();
        session.is_some_and(|session| self.accounts[&session.user].kind == Kind::Guest)
    }

    pub(crate) fn phone_of(&self, who: Who) -> Option<Who> {
        self.accounts[&self.people[who].session.as_ref()?.user].phone
    }

    pub(super) fn register(&self, who: Who, name: Name, password: Secret) -> Verdict {
        match self.phones.get(&who) {
            None => yes(201, move |model, heard| {
                let user = heard.text("/user/id")?;
                heard.says("/user/kind", "registered")?;
                let display_name = format!("Person {name}");
                let account =
                    Account { display_name, kind: Kind::Registered, standing: Standing::Active, phone: Some(who) };
                model.accounts.insert(user.clone(), account);
                let password = (password == Secret::Right).then_some(0);
                model.phones.insert(who, Phone { holder: user.clone(), password });
                model.enter(who, &user, heard)
            }),
            // Its own password signs in.
            Some(phone) if phone.opens_with(password) => {
                let holder = phone.holder.clone();
                // After a doubt nobody can tell whether it is new.
                yes(200, move |model, heard| model.enter(who, &holder, heard))
            }
            Some(_) => no("phone-taken"),
        }
    }

    pub(super) fn come(&self, who: Who, name: Name) -> Verdict {
        yes(201, move |model, heard| {
            let user = heard.text("/user/id")?;
            heard.says("/user/kind", "guest")?;
            let display_name = format!("Guest {name}");
            let account = Account { display_name, kind: Kind::Guest, standing: Standing::Active, phone: None };
            model.accounts.insert(user.clone(), account);
            model.enter(who, &user, heard)
        })
    }

    pub(super) fn sign_in(&self, who: Who, password: Secret) -> Verdict {
        match self.phones.get(&who) {
            Some(phone) if phone.opens_with(password) => {
                let holder = phone.holder.clone();
                yes(201, move |model, heard| model.enter(who, &holder, heard))
            }
            Some(_) | None => no("wrong-credentials"),
        }
    }

    /// The newest token gives the next; the one before gives the same; any other ends the session.
    pub(super) fn refresh(&self, who: Who, token: usize) -> Verdict {
        let Some(session) = &self.people[who].session else { return no("unauthenticated") };
        match session.refresh.len() - token {
            1 => yes(200, move |model, heard| {
                let next = heard.text("/refresh_token")?;
                let session = model.people[who].session.as_mut().ok_or("no session")?;
                if session.refresh.contains(&next) {
                    return Err("an old token once more".into());
                }
                session.refresh.push(next);
                session.access = heard.text("/access_token")?;
                Ok(())
            }),
            2 => {
                let newest = session.refresh[token + 1].clone();
                yes(200, move |_, heard| heard.says("/refresh_token", &newest))
            }
            _ => Verdict { then: ends(who), ..no("token-reused") },
        }
    }

    pub(super) fn upgrade(&self, who: Who, me: &Me, phone: Who) -> Verdict {
        if me.kind != Kind::Guest {
            return no("forbidden");
        }
        if self.phones.contains_key(&phone) {
            return no("phone-taken");
        }
        let user = me.user.clone();
        yes(200, move |model, heard| {
            let account = model.accounts.get_mut(&user).ok_or("no account")?;
            (account.kind, account.phone) = (Kind::Registered, Some(phone));
            model.phones.insert(phone, Phone { holder: user.clone(), password: Some(0) });
            model.over.extend(model.people[who].session.take().map(|session| session.access));
            heard.says("/user/kind", "registered")?;
            model.enter(who, &user, heard)
        })
    }

    pub(super) fn sign_out(&self, who: Who, me: &Me) -> Verdict {
        let (user, is_guest, end) = (me.user.clone(), me.kind == Kind::Guest, ends(who));
        yes(200, move |model, heard| {
            if is_guest {
                model.accounts.get_mut(&user).ok_or("no account")?.standing = Standing::Expired;
            }
            end(model, heard)
        })
    }

    pub(super) fn sign_out_elsewhere(&self, who: Who) -> Verdict {
        yes(200, move |model, _| {
            model.over.extend(model.people[who].earlier.take().map(|session| session.access));
            Ok(())
        })
    }

    pub(super) fn rename(&self, me: &Me, name: Name) -> Verdict {
        let user = me.user.clone();
        yes(200, move |model, heard| {
            let display_name = format!("Person {name}");
            heard.says("/user/display_name", &display_name)?;
            model.accounts.get_mut(&user).ok_or("no account")?.display_name = display_name;
            Ok(())
        })
    }

    pub(super) fn change_password(&self, who: Who, me: &Me, current: Secret) -> Verdict {
        let Some(phone) = self.accounts[&me.user].phone else { return no("forbidden") };
        if !self.phones[&phone].opens_with(current) {
            return no("wrong-password");
        }
        let user = me.user.clone();
        yes(200, move |model, heard| {
            let phone = model.phones.get_mut(&phone).ok_or("no phone")?;
            phone.password = Some(phone.next_password());
            // All sessions but this one, which has new tokens, are over.
            for person in &mut model.people {
                for session in [&mut person.session, &mut person.earlier] {
                    let ended = session.take_if(|session| session.user == user);
                    model.over.extend(ended.map(|session| session.access));
                }
            }
            model.enter(who, &user, heard)
        })
    }

    /// New tokens for this person. Who had others just forgets them.
    fn enter(&mut self, who: Who, user: &User, heard: &Heard) -> Result<(), String> {
        heard.says("/user/id", user)?;
        let (access, refresh) = (heard.text("/access_token")?, vec![heard.text("/refresh_token")?]);
        let session = Session { id: heard.text("/session/id")?, user: user.clone(), access, refresh };
        let person = &mut self.people[who];
        person.user = Some(user.clone());
        if let Some(earlier) = person.session.replace(session) {
            person.earlier = Some(earlier);
        }
        Ok(())
    }
}

fn ends(who: Who) -> Effect {
    Box::new(move |model, _| {
        model.over.extend(model.people[who].session.take().map(|session| session.access));
        Ok(())
    })
}
