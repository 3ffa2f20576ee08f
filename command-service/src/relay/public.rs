//! What of a private fact may everybody know?

use events::identity::{AccountEvent, CredentialEvent, SessionEvent};
use events::user::{
    CredentialChanged, GuestExpired, SessionClosed, UserAppeared, UserErased, UserProfileChanged, UserReinstated,
    UserSuspended, UserUpgraded,
};
use events::{Change, Event, UserEvent, UserId, UserKind};

/// Whether anything of it reaches `CHAT`.
pub(crate) fn is_public(event: &Event) -> bool {
    !facts(event).is_empty()
}

/// The public facts in a private one: no phone, no hash, no token. A sign-in is none.
pub(super) fn facts(event: &Event) -> Vec<UserEvent> {
    match event {
        Event::Account(Change { event, after }) => account(event, after.created_at),
        Event::Credential(Change { event: CredentialEvent::Set(set), .. }) => {
            // The first number ends nothing: a registration has no older sessions, an upgrade says it itself.
            let changed = CredentialChanged { user: set.user, number: set.number, session: set.session };
            (set.number > 1).then(|| changed.into()).into_iter().collect()
        }
        Event::Session(Change { event, .. }) => match event {
            SessionEvent::Revoked(end) => vec![SessionClosed { user: end.user, session: end.session }.into()],
            SessionEvent::Started(_) | SessionEvent::Refreshed(_) => Vec::new(),
        },
        Event::Phone(_) | Event::Epoch(_) | Event::Drop(_) | Event::Relay(_) | Event::User(_) => Vec::new(),
        Event::Lounge(_) | Event::Room(_) | Event::Membership(_) | Event::Message(_) | Event::Report(_) => Vec::new(),
        Event::Presence(_) | Event::Marker(_) => Vec::new(),
    }
}

fn account(event: &AccountEvent, created_at: events::Time) -> Vec<UserEvent> {
    let appeared =
        |user, name: &String, kind| UserAppeared { user, display_name: name.clone(), kind, at: created_at }.into();
    match event {
        AccountEvent::Registered(user) => vec![appeared(user.user, &user.display_name, UserKind::Registered)],
        AccountEvent::GuestStarted(guest) => vec![appeared(guest.user, &guest.display_name, UserKind::Guest)],
        AccountEvent::GuestUpgraded(upgrade) => {
            let user = upgrade.user;
            // The guest's own tokens say that he is a guest: they are over.
            let changed = CredentialChanged { user, number: 1, session: upgrade.session };
            vec![UserUpgraded { user }.into(), changed.into()]
        }
        AccountEvent::GuestExpired(expired) => vec![GuestExpired { user: expired.user }.into()],
        AccountEvent::ProfileChanged(changed) => {
            vec![UserProfileChanged { user: changed.user, display_name: changed.display_name.clone() }.into()]
        }
        AccountEvent::Suspended(suspended) => vec![UserSuspended { user: suspended.user }.into()],
        AccountEvent::Reinstated(reinstated) => vec![UserReinstated { user: reinstated.user }.into()],
        AccountEvent::Erased(erased) => vec![UserErased { user: erased.user }.into()],
    }
}

/// Whom a public fact is about.
pub(super) fn person(event: &UserEvent) -> UserId {
    match event {
        UserEvent::Appeared(event) => event.user,
        UserEvent::ProfileChanged(event) => event.user,
        UserEvent::Upgraded(event) => event.user,
        UserEvent::Suspended(event) => event.user,
        UserEvent::Reinstated(event) => event.user,
        UserEvent::Erased(event) => event.user,
        UserEvent::Expired(event) => event.user,
        UserEvent::CredentialChanged(event) => event.user,
        UserEvent::SessionClosed(event) => event.user,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::identity::{Account, Credential, CredentialSet, UserRegistered};
    use events::{Evolve, PhoneTag, Time};
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));

    #[test]
    fn nothing_secret_becomes_public() {
        let registered = UserRegistered {
            user: ADA,
            display_name: "Ada".to_owned(),
            phone: PhoneTag([0xab; 32]),
            phone_hint: "78".to_owned(),
            at: Time::UNIX_EPOCH,
        };
        let account = Change::<AccountEvent, Account>::of(None, registered.into()).into();
        let hash = Some("$2b$12$hash".to_owned());
        let set = CredentialSet { user: ADA, number: 2, hash, session: None };
        let credential = Event::from(Change {
            event: set.clone().into(),
            after: Credential::after(None, &set.into()).expect("a state"),
        });
        let public = serde_json::to_string(&[facts(&account), facts(&credential)].concat()).expect("JSON");
        assert!(public.contains("Ada") && public.contains("\"number\":2"), "{public}");
        for secret in ["abab", "78", "$2b$"] {
            assert!(!public.contains(secret), "{public}");
        }
    }
}
