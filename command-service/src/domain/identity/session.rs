//! When does a session go on, and when does it end?

use super::{GUEST_IDLE, REGISTERED_IDLE, acting};
use crate::domain::Rejection;
use chrono::TimeDelta;
use events::identity::{
    Account, AccountExpired, Credential, RevocationCause, Session, SessionRefreshed, SessionRevoked,
};
use events::{SessionId, Time, UserId, UserKind};

/// So long the token before is answered with the same successor: two tabs race for one rotation.
pub const SUCCESSOR_WINDOW: TimeDelta = TimeDelta::seconds(30);

/// What a refresh token that was presented is to its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presented {
    /// The one good token.
    Current,
    /// The one before it.
    Previous,
    /// One of the session's, spent longer ago.
    Older,
    /// None that we made.
    Forged,
}

/// What comes of a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refresh {
    /// The next rotation.
    Advance(SessionRefreshed),
    /// The same successor once more: nothing changes.
    Again,
    /// Somebody else has the token: the session ends, and a guest with it.
    Revoke(Ending),
}

/// A token works once. The one before is forgiven while its successor is unused and young.
pub fn refresh(
    id: SessionId,
    session: Option<&Session>,
    account: Option<&Account>,
    credential: Option<&Credential>,
    presented: Presented,
    key: u16,
    now: Time,
) -> Result<Refresh, Rejection> {
    let session = session.filter(|session| session.is_live(now)).ok_or(Rejection::SessionOver)?;
    let account = acting(account)?;
    if session.credential < credential.map_or(0, |credential| credential.number) {
        return Err(Rejection::SessionOver);
    }
    match presented {
        Presented::Forged => Err(Rejection::SessionOver),
        Presented::Previous if now < session.last_used_at + SUCCESSOR_WINDOW => Ok(Refresh::Again),
        Presented::Previous | Presented::Older => {
            Ok(Refresh::Revoke(ending(id, session, Some(account), RevocationCause::Reuse)))
        }
        Presented::Current => {
            let idle = match account.kind {
                UserKind::Registered => REGISTERED_IDLE,
                UserKind::Guest => GUEST_IDLE,
            };
            Ok(Refresh::Advance(SessionRefreshed {
                session: id,
                rotation: session.rotation + 1,
                credential: session.credential,
                key,
                idle_until: (now + idle).min(session.expires_at),
                expires_at: session.expires_at,
                at: now,
            }))
        }
    }
}

/// A session that ends; a guest's one session takes him with it, in the same batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub revoked: SessionRevoked,
    pub expired: Option<AccountExpired>,
}

/// Everybody ends his own sessions. Of others' he does not learn; one that has ended stays ended.
pub fn end(
    id: SessionId,
    session: Option<&Session>,
    account: Option<&Account>,
    by: UserId,
    why: RevocationCause,
) -> Result<Option<Ending>, Rejection> {
    let session = session.filter(|session| session.user == by).ok_or(Rejection::NotFound)?;
    if session.revoked.is_some() {
        return Ok(None);
    }
    // Whoever has a session has an account: where it is not to be seen, a replica is behind, and he may be a guest.
    let account = account.ok_or(Rejection::NoAccount)?;
    Ok(Some(ending(id, session, Some(account), why)))
}

/// What has run out ends. Nothing ends that was refreshed since it was found, or that has ended already.
pub fn expire(id: SessionId, session: Option<&Session>, account: Option<&Account>, now: Time) -> Option<Ending> {
    let session = session.filter(|session| session.revoked.is_none() && session.ends_at() <= now)?;
    Some(ending(id, session, account, RevocationCause::Expired))
}

/// A guest who may act goes with his session; whoever may not stays what he is.
fn ending(id: SessionId, session: &Session, account: Option<&Account>, why: RevocationCause) -> Ending {
    let user = session.user;
    let guest = acting(account).is_ok_and(|account| account.kind == UserKind::Guest);
    let revoked = SessionRevoked { session: id, user, why };
    Ending { revoked, expired: guest.then_some(AccountExpired { user }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Evolve;
    use events::identity::{SessionEvent, SessionStarted, UserRegistered};
    use events::user::Standing;
    use events::{PhoneTag, identity::GuestStarted};
    use uuid::Uuid;

    const ID: SessionId = SessionId(Uuid::from_u128(1));
    const ADA: UserId = UserId(Uuid::from_u128(2));
    const BOB: UserId = UserId(Uuid::from_u128(3));
    const NOW: Time = Time::UNIX_EPOCH;

    fn session() -> Session {
        let started = SessionStarted {
            session: ID,
            user: ADA,
            credential: 1,
            key: 1,
            device: None,
            idle_until: NOW + TimeDelta::days(14),
            expires_at: NOW + TimeDelta::days(30),
            at: NOW,
        };
        Session::after(None, &SessionEvent::from(started)).expect("a session")
    }

    fn account() -> Account {
        let name = "Ada".to_owned();
        let hint = "78".to_owned();
        let registered =
            UserRegistered { user: ADA, display_name: name, phone: PhoneTag([0; 32]), phone_hint: hint, at: NOW };
        Account::after(None, &registered.into()).expect("an account")
    }

    fn guest() -> Account {
        let started = GuestStarted { user: ADA, display_name: "Ada".to_owned(), expires_at: NOW, at: NOW };
        Account::after(None, &started.into()).expect("an account")
    }

    fn refreshed(session: &Session, presented: Presented, now: Time) -> Result<Refresh, Rejection> {
        refresh(ID, Some(session), Some(&account()), None, presented, 2, now)
    }

    #[test]
    fn the_good_token_turns_the_session_on_by_one() {
        let Ok(Refresh::Advance(next)) = refreshed(&session(), Presented::Current, NOW + TimeDelta::days(13)) else {
            panic!("it goes on")
        };
        assert_eq!((next.rotation, next.key), (1, 2));
        assert_eq!(next.idle_until, NOW + TimeDelta::days(27));
    }

    #[test]
    fn no_refresh_goes_beyond_the_end() {
        let used = Session { idle_until: NOW + TimeDelta::days(30), ..session() };
        let Ok(Refresh::Advance(next)) = refreshed(&used, Presented::Current, NOW + TimeDelta::days(29)) else {
            panic!("it goes on")
        };
        assert_eq!((next.idle_until, next.expires_at), (NOW + TimeDelta::days(30), NOW + TimeDelta::days(30)));
        assert_eq!(refreshed(&used, Presented::Current, NOW + TimeDelta::days(30)), Err(Rejection::SessionOver));
    }

    #[test]
    fn two_tabs_may_race_and_a_thief_ends_the_session() {
        let soon = NOW + TimeDelta::seconds(29);
        assert_eq!(refreshed(&session(), Presented::Previous, soon), Ok(Refresh::Again));
        let late = NOW + SUCCESSOR_WINDOW;
        for (presented, now) in [(Presented::Previous, late), (Presented::Older, NOW)] {
            let Ok(Refresh::Revoke(ending)) = refreshed(&session(), presented, now) else { panic!("it ends") };
            assert_eq!((ending.revoked.why, ending.expired), (RevocationCause::Reuse, None));
        }
    }

    #[test]
    fn a_guest_whose_token_was_stolen_ends_with_his_session() {
        let refreshed = refresh(ID, Some(&session()), Some(&guest()), None, Presented::Older, 2, NOW);
        let Ok(Refresh::Revoke(ending)) = refreshed else { panic!("it ends") };
        assert_eq!(ending.expired, Some(AccountExpired { user: ADA }));
    }

    #[test]
    fn a_session_that_is_over_is_not_refreshed_and_not_revoked_again() {
        let revoked = Session { revoked: Some(RevocationCause::SignedOut), ..session() };
        let idle = Session { idle_until: NOW, ..session() };
        for over in [None, Some(revoked), Some(idle)] {
            for presented in [Presented::Current, Presented::Previous, Presented::Older, Presented::Forged] {
                let refused = refresh(ID, over.as_ref(), Some(&account()), None, presented, 2, NOW);
                assert_eq!(refused, Err(Rejection::SessionOver), "{presented:?} of {over:?}");
            }
        }
    }

    #[test]
    fn who_may_not_act_refreshes_not() {
        for standing in [Standing::Suspended, Standing::Expired, Standing::Erased] {
            let account = Account { standing, ..account() };
            let refused = refresh(ID, Some(&session()), Some(&account), None, Presented::Current, 1, NOW);
            assert_eq!(refused, Err(Rejection::NoAccount), "{standing:?}");
        }
        assert_eq!(refresh(ID, Some(&session()), None, None, Presented::Current, 1, NOW), Err(Rejection::NoAccount));
    }

    #[test]
    fn a_forged_token_ends_nobodys_session() {
        assert_eq!(refreshed(&session(), Presented::Forged, NOW), Err(Rejection::SessionOver));
    }

    #[test]
    fn a_new_password_ends_the_sessions_of_the_old_one() {
        let newer = Credential { number: 2, ..Credential::default() };
        let old = refresh(ID, Some(&session()), Some(&account()), Some(&newer), Presented::Current, 1, NOW);
        assert_eq!(old, Err(Rejection::SessionOver));
    }

    #[test]
    fn one_ends_ones_own_sessions_once() {
        let live = session();
        let by = |user, session| end(ID, session, Some(&account()), user, RevocationCause::SignedOut);
        assert!(by(ADA, Some(&live)).expect("his own").is_some());
        assert_eq!(by(BOB, Some(&live)), Err(Rejection::NotFound));
        assert_eq!(by(ADA, None), Err(Rejection::NotFound));
        let ended = Session { revoked: Some(RevocationCause::Revoked), ..session() };
        assert_eq!(by(ADA, Some(&ended)), Ok(None));
    }

    #[test]
    fn a_guest_ends_with_his_session() {
        let ending = end(ID, Some(&session()), Some(&guest()), ADA, RevocationCause::SignedOut);
        assert!(ending.expect("his own").expect("live").expired.is_some());
    }

    // Red with what is not to be seen taken for a registered user: the guest stays for ever.
    #[test]
    fn whose_account_is_not_to_be_seen_is_looked_for_again() {
        let ending = end(ID, Some(&session()), None, ADA, RevocationCause::SignedOut);
        assert_eq!(ending, Err(Rejection::NoAccount));
    }

    #[test]
    fn what_has_run_out_ends_at_that_moment_and_once() {
        let over = session().ends_at();
        let swept = |session: &Session, now| expire(ID, Some(session), Some(&account()), now);
        assert_eq!(swept(&session(), over - TimeDelta::milliseconds(1)), None);
        let revoked = SessionRevoked { session: ID, user: ADA, why: RevocationCause::Expired };
        assert_eq!(swept(&session(), over), Some(Ending { revoked, expired: None }));
        let refreshed = Session { idle_until: over + TimeDelta::days(1), ..session() };
        assert_eq!(swept(&refreshed, over), None);
        // However it was used, no session lives beyond its end.
        assert!(swept(&Session { expires_at: over, ..refreshed }, over).is_some());
        let ended = Session { revoked: Some(RevocationCause::Expired), ..session() };
        assert_eq!((swept(&ended, over), expire(ID, None, None, over)), (None, None));
    }

    #[test]
    fn a_guest_whose_time_is_over_ends_with_his_session_unless_he_may_not_act() {
        let over = session().ends_at();
        let expired = |guest: &Account| expire(ID, Some(&session()), Some(guest), over).expect("over").expired;
        assert_eq!(expired(&guest()), Some(AccountExpired { user: ADA }));
        // What is final stays final.
        for standing in [Standing::Suspended, Standing::Expired, Standing::Erased] {
            assert_eq!(expired(&Account { standing, ..guest() }), None);
        }
    }
}
