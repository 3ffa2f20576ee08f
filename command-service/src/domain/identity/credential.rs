//! When does an account get a password: a guest his first, a user another?

use super::{FIRST_CREDENTIAL, Number, REGISTERED_IDLE, REGISTERED_SESSION, acting, free};
use crate::domain::Rejection;
use events::identity::{
    Account, Credential, CredentialSet, GuestUpgraded, Phone, PhoneClaimed, Session, SessionRefreshed,
};
use events::{SessionId, Time, UserId, UserKind};

/// A password for an account: of a guest who becomes a user, or in place of the one before.
#[derive(Debug, Clone)]
pub struct NewPassword {
    pub user: UserId,
    /// bcrypt.
    pub hash: String,
    /// The session that goes on.
    pub session: SessionId,
    /// Which server key its next refresh token is made with.
    pub key: u16,
    pub now: Time,
}

/// A guest becomes a user: one batch. His id, memberships and messages stay his.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    pub claimed: PhoneClaimed,
    pub upgraded: GuestUpgraded,
    pub credential: CredentialSet,
    pub session: SessionRefreshed,
}

/// Guests upgrade, with a number that is free.
pub fn upgrade(
    phone: Option<&Phone>,
    account: Option<&Account>,
    session: Option<&Session>,
    number: &Number,
    command: &NewPassword,
) -> Result<Upgrade, Rejection> {
    if acting(account)?.kind != UserKind::Guest {
        return Err(Rejection::NotAGuest);
    }
    let old = session.filter(|session| session.is_live(command.now)).ok_or(Rejection::SessionOver)?;
    free(phone)?;
    let (user, session) = (command.user, Some(command.session));
    Ok(Upgrade {
        claimed: PhoneClaimed { user },
        upgraded: GuestUpgraded { user, phone: number.tag, phone_hint: number.hint.clone(), session },
        credential: CredentialSet { user, number: FIRST_CREDENTIAL, hash: Some(command.hash.clone()), session },
        session: going_on(old, FIRST_CREDENTIAL, command),
    })
}

/// Another password: one batch. All sessions but the one that goes on carry an older number and are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    pub credential: CredentialSet,
    pub session: SessionRefreshed,
}

/// Registered users change their password; that the current one was right is known already.
pub fn change_password(
    account: Option<&Account>,
    credential: Option<&Credential>,
    session: Option<&Session>,
    command: &NewPassword,
) -> Result<PasswordChange, Rejection> {
    if acting(account)?.kind == UserKind::Guest {
        return Err(Rejection::NoGuests);
    }
    let session = session.filter(|session| session.is_live(command.now)).ok_or(Rejection::SessionOver)?;
    let number = credential.map_or(0, |credential| credential.number) + 1;
    Ok(PasswordChange {
        credential: CredentialSet {
            user: command.user,
            number,
            hash: Some(command.hash.clone()),
            session: Some(command.session),
        },
        session: going_on(session, number, command),
    })
}

fn going_on(session: &Session, credential: u32, command: &NewPassword) -> SessionRefreshed {
    SessionRefreshed {
        session: command.session,
        rotation: session.rotation + 1,
        credential,
        key: command.key,
        idle_until: command.now + REGISTERED_IDLE,
        expires_at: session.created_at + REGISTERED_SESSION,
        at: command.now,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ADA, BOB, NOW, OVER, PHONE, credential, guest, held_by, number, registered, with};
    use super::super::{GUEST_IDLE, GUEST_LIFE};
    use super::*;
    use events::identity::RevocationCause;

    fn password() -> NewPassword {
        NewPassword { user: ADA, hash: "$2b$".to_owned(), session: PHONE, key: 2, now: NOW }
    }

    fn upgraded(
        phone: Option<&Phone>,
        account: Option<&Account>,
        session: Option<&Session>,
    ) -> Result<Upgrade, Rejection> {
        upgrade(phone, account, session, &number(), &password())
    }

    /// Sessions that are over, each in its own way.
    fn sessions_over() -> [Option<Session>; 4] {
        let (_, session) = guest();
        let revoked = Session { revoked: Some(RevocationCause::Revoked), ..session.clone() };
        let idle = Session { idle_until: NOW, ..session.clone() };
        [None, Some(revoked), Some(idle), Some(Session { expires_at: NOW, ..session })]
    }

    #[test]
    fn a_guest_who_upgrades_keeps_his_id_and_gets_a_users_time() {
        let (account, session) = guest();
        let new = upgraded(None, Some(&account), Some(&session)).expect("a guest, and a free number");
        assert_eq!((new.claimed.user, new.upgraded.user, new.credential.user), (ADA, ADA, ADA));
        assert_eq!((new.credential.number, new.session.rotation), (FIRST_CREDENTIAL, 1));
        assert_eq!((new.upgraded.session, new.credential.session), (Some(PHONE), Some(PHONE)));
        assert_eq!(new.session.expires_at, NOW + REGISTERED_SESSION);
        assert!(GUEST_IDLE < GUEST_LIFE && new.session.idle_until == NOW + REGISTERED_IDLE);
    }

    #[test]
    fn who_is_no_guest_upgrades_not() {
        let (_, session) = guest();
        assert_eq!(upgraded(None, Some(&registered()), Some(&session)), Err(Rejection::NotAGuest));
    }

    #[test]
    fn who_may_not_act_upgrades_not() {
        let (account, session) = guest();
        for standing in OVER {
            let account = with(standing, account.clone());
            assert_eq!(upgraded(None, Some(&account), Some(&session)), Err(Rejection::NoAccount), "{standing:?}");
        }
        assert_eq!(upgraded(None, None, Some(&session)), Err(Rejection::NoAccount));
    }

    #[test]
    fn a_guest_whose_session_is_over_upgrades_not() {
        for session in sessions_over() {
            assert_eq!(upgraded(None, Some(&guest().0), session.as_ref()), Err(Rejection::SessionOver), "{session:?}");
        }
    }

    #[test]
    fn a_guest_upgrades_not_with_a_number_that_is_held() {
        let (account, session) = guest();
        let taken = upgraded(Some(&held_by(BOB)), Some(&account), Some(&session));
        assert_eq!(taken, Err(Rejection::PhoneTaken { holder: BOB }));
    }

    fn changed(account: Option<&Account>, session: Option<&Session>) -> Result<PasswordChange, Rejection> {
        change_password(account, Some(&credential(2)), session, &password())
    }

    #[test]
    fn a_new_password_counts_on_and_one_session_goes_on_with_it() {
        let (_, session) = guest();
        let change = changed(Some(&registered()), Some(&session)).expect("a user");
        assert_eq!((change.credential.number, change.session.credential), (3, 3));
        assert_eq!((change.credential.session, change.session.rotation), (Some(PHONE), 1));
        assert_eq!(change.credential.hash.as_deref(), Some("$2b$"));
    }

    #[test]
    fn a_guest_has_no_password_to_change() {
        let (account, session) = guest();
        assert_eq!(changed(Some(&account), Some(&session)), Err(Rejection::NoGuests));
    }

    #[test]
    fn who_may_not_act_changes_no_password() {
        let (_, session) = guest();
        for standing in OVER {
            let account = with(standing, registered());
            assert_eq!(changed(Some(&account), Some(&session)), Err(Rejection::NoAccount), "{standing:?}");
        }
        assert_eq!(changed(None, Some(&session)), Err(Rejection::NoAccount));
    }

    #[test]
    fn a_session_that_is_over_changes_no_password() {
        for session in sessions_over() {
            assert_eq!(changed(Some(&registered()), session.as_ref()), Err(Rejection::SessionOver), "{session:?}");
        }
    }
}
