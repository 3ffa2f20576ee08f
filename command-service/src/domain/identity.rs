//! Who may have an account, and what does it begin with?

pub mod credential;
pub mod erasure;
pub mod session;
pub mod standing;

use super::names::{DeviceName, DisplayName};
use super::{Rejection, phone};
use chrono::TimeDelta;
use events::identity::{
    Account, AccountEvent, Credential, CredentialSet, GuestStarted, Phone, PhoneClaimed, ProfileChanged,
    SessionStarted, UserRegistered,
};
use events::user::Standing;
use events::{PhoneTag, SessionId, Time, UserId};

/// A registered user's session ends after so long without use.
pub const REGISTERED_IDLE: TimeDelta = TimeDelta::days(14);
/// A registered user's session ends after so long in any case.
pub const REGISTERED_SESSION: TimeDelta = TimeDelta::days(30);
/// A guest's session, and he with it, ends after so long without use.
pub const GUEST_IDLE: TimeDelta = TimeDelta::hours(24);
/// A guest's time is over after so long in any case.
pub const GUEST_LIFE: TimeDelta = TimeDelta::days(7);
/// The number of a first password; a guest's sessions carry 0.
pub const FIRST_CREDENTIAL: u32 = 1;

/// A number and what may be written down of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    pub tag: PhoneTag,
    /// Its last two digits.
    pub hint: String,
}

impl Number {
    pub fn new(phone: &phone::Phone, tag: PhoneTag) -> Self {
        Self { tag, hint: phone.hint().to_owned() }
    }
}

/// Open an account with a phone number and a password.
#[derive(Debug, Clone)]
pub struct Register {
    pub user: UserId,
    pub name: DisplayName,
    pub number: Number,
    /// bcrypt.
    pub hash: String,
    pub session: NewSession,
    pub now: Time,
}

/// A session that is to begin.
#[derive(Debug, Clone)]
pub struct NewSession {
    pub session: SessionId,
    pub device: Option<DeviceName>,
    /// Which server key its first refresh token is made with.
    pub key: u16,
}

/// A new account: one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub claimed: PhoneClaimed,
    pub registered: UserRegistered,
    pub credential: CredentialSet,
    pub session: SessionStarted,
}

/// One account a number.
pub fn register(phone: Option<&Phone>, command: &Register) -> Result<Registration, Rejection> {
    free(phone)?;
    let Register { user, now, .. } = *command;
    Ok(Registration {
        claimed: PhoneClaimed { user },
        registered: UserRegistered {
            user,
            display_name: command.name.clone().into(),
            phone: command.number.tag,
            phone_hint: command.number.hint.clone(),
            at: now,
        },
        credential: CredentialSet { user, number: FIRST_CREDENTIAL, hash: Some(command.hash.clone()), session: None },
        session: started(user, FIRST_CREDENTIAL, &command.session, now),
    })
}

fn free(phone: Option<&Phone>) -> Result<(), Rejection> {
    phone.and_then(|phone| phone.holder).map_or(Ok(()), |holder| Err(Rejection::PhoneTaken { holder }))
}

/// The account behind a right password begins a session. Who may not act is answered like a wrong password.
pub fn sign_in(
    user: UserId,
    account: Option<&Account>,
    credential: Option<&Credential>,
    session: &NewSession,
    now: Time,
) -> Result<SessionStarted, Rejection> {
    acting(account)?;
    let number = credential.map_or(0, |credential| credential.number);
    Ok(started(user, number, session, now))
}

fn started(user: UserId, credential: u32, session: &NewSession, now: Time) -> SessionStarted {
    SessionStarted {
        session: session.session,
        user,
        credential,
        key: session.key,
        device: session.device.clone().map(String::from),
        idle_until: now + REGISTERED_IDLE,
        expires_at: now + REGISTERED_SESSION,
        at: now,
    }
}

/// The account, if it may act.
pub fn acting(account: Option<&Account>) -> Result<&Account, Rejection> {
    account.filter(|account| account.standing == Standing::Active).ok_or(Rejection::NoAccount)
}

/// A guest and his one session: one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    pub started: GuestStarted,
    pub session: SessionStarted,
}

/// Anybody may come as a guest, with a name only.
pub fn arrive(user: UserId, name: &DisplayName, session: &NewSession, now: Time) -> Arrival {
    let expires_at = now + GUEST_LIFE;
    Arrival {
        started: GuestStarted { user, display_name: name.as_str().to_owned(), expires_at, at: now },
        session: SessionStarted { idle_until: now + GUEST_IDLE, expires_at, ..started(user, 0, session, now) },
    }
}

/// Everybody calls himself as he likes.
pub fn rename(account: Option<&Account>, user: UserId, name: &DisplayName) -> Result<Option<AccountEvent>, Rejection> {
    let account = acting(account)?;
    let display_name = name.as_str().to_owned();
    Ok((account.display_name != display_name).then(|| ProfileChanged { user, display_name }.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::Evolve;
    use events::identity::{GuestStarted, Session, SessionEvent};
    use uuid::Uuid;

    pub(super) const ADA: UserId = UserId(Uuid::from_u128(1));
    pub(super) const BOB: UserId = UserId(Uuid::from_u128(2));
    pub(super) const PHONE: SessionId = SessionId(Uuid::from_u128(3));
    pub(super) const NOW: Time = Time::UNIX_EPOCH;
    /// Who may not act.
    pub(super) const OVER: [Standing; 3] = [Standing::Suspended, Standing::Expired, Standing::Erased];

    pub(super) fn name() -> DisplayName {
        DisplayName::parse("Ada").expect("a name")
    }

    pub(super) fn number() -> Number {
        Number { tag: PhoneTag([7; 32]), hint: "78".to_owned() }
    }

    fn session() -> NewSession {
        NewSession { session: PHONE, device: None, key: 1 }
    }

    fn registering() -> Register {
        Register { user: ADA, name: name(), number: number(), hash: "$2b$".to_owned(), session: session(), now: NOW }
    }

    pub(super) fn registered() -> Account {
        let registration = register(None, &registering()).expect("the number is free");
        Account::after(None, &registration.registered.into()).expect("an account")
    }

    pub(super) fn guest() -> (Account, Session) {
        let arrival = arrive(ADA, &name(), &session(), NOW);
        let account = Account::after(None, &arrival.started.into()).expect("an account");
        (account, Session::after(None, &SessionEvent::from(arrival.session)).expect("a session"))
    }

    pub(super) fn with(standing: Standing, account: Account) -> Account {
        Account { standing, ..account }
    }

    pub(super) fn held_by(holder: UserId) -> Phone {
        Phone { holder: Some(holder), ..Phone::default() }
    }

    pub(super) fn credential(number: u32) -> Credential {
        Credential { number, hash: Some("$2b$".to_owned()), ..Credential::default() }
    }

    #[test]
    fn a_free_number_gets_an_account_with_its_first_password_and_session() {
        for phone in [None, Some(Phone::default())] {
            let new = register(phone.as_ref(), &registering()).expect("never held, or released");
            assert_eq!(
                (new.claimed.user, new.registered.user, new.credential.user, new.session.user),
                (ADA, ADA, ADA, ADA)
            );
            assert_eq!((new.credential.number, new.session.credential), (FIRST_CREDENTIAL, FIRST_CREDENTIAL));
            assert_eq!(new.session.expires_at, NOW + REGISTERED_SESSION);
        }
    }

    #[test]
    fn a_number_that_is_held_gets_none() {
        assert_eq!(register(Some(&held_by(BOB)), &registering()), Err(Rejection::PhoneTaken { holder: BOB }));
    }

    #[test]
    fn a_sign_in_carries_the_number_of_the_password_that_was_right() {
        let started = sign_in(ADA, Some(&registered()), Some(&credential(4)), &session(), NOW).expect("active");
        assert_eq!((started.credential, started.idle_until), (4, NOW + REGISTERED_IDLE));
    }

    #[test]
    fn who_may_not_act_signs_not_in() {
        for standing in OVER {
            let account = with(standing, registered());
            let refused = sign_in(ADA, Some(&account), Some(&credential(1)), &session(), NOW);
            assert_eq!(refused, Err(Rejection::NoAccount), "{standing:?}");
        }
        assert_eq!(sign_in(ADA, None, None, &session(), NOW), Err(Rejection::NoAccount));
    }

    #[test]
    fn a_guest_comes_for_a_day_and_for_a_week_at_most() {
        let arrival = arrive(ADA, &name(), &session(), NOW);
        assert_eq!(
            arrival.started,
            GuestStarted { user: ADA, display_name: "Ada".to_owned(), expires_at: NOW + GUEST_LIFE, at: NOW }
        );
        assert_eq!((arrival.session.idle_until, arrival.session.expires_at), (NOW + GUEST_IDLE, NOW + GUEST_LIFE));
        assert_eq!(arrival.session.credential, 0);
    }

    #[test]
    fn another_name_is_a_change_and_the_same_is_none() {
        let other = DisplayName::parse("Countess").expect("a name");
        assert!(rename(Some(&registered()), ADA, &other).expect("allowed").is_some());
        assert_eq!(rename(Some(&registered()), ADA, &name()), Ok(None));
        assert!(rename(Some(&guest().0), ADA, &other).expect("guests too").is_some());
    }

    #[test]
    fn who_may_not_act_keeps_his_name() {
        let other = DisplayName::parse("Countess").expect("a name");
        for standing in OVER {
            let account = with(standing, registered());
            assert_eq!(rename(Some(&account), ADA, &other), Err(Rejection::NoAccount), "{standing:?}");
        }
        assert_eq!(rename(None, ADA, &other), Err(Rejection::NoAccount));
    }
}
