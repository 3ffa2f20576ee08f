//! Who may have an account, and what does it begin with?

pub mod session;

use super::names::{DeviceName, DisplayName};
use super::{Rejection, phone};
use chrono::TimeDelta;
use events::identity::{
    Account, AccountEvent, Credential, CredentialSet, GuestStarted, GuestUpgraded, Phone, PhoneClaimed, ProfileChanged,
    Session, SessionRefreshed, SessionStarted, UserRegistered,
};
use events::user::Standing;
use events::{PhoneTag, SessionId, Time, UserId, UserKind};

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
    use events::identity::SessionEvent;
    use uuid::Uuid;

    const ADA: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));
    const NOW: Time = Time::UNIX_EPOCH;

    fn session() -> NewSession {
        NewSession { session: SessionId(Uuid::from_u128(3)), device: None, key: 1 }
    }

    fn name() -> DisplayName {
        DisplayName::parse("Ada").expect("a name")
    }

    fn number() -> Number {
        Number { tag: PhoneTag([7; 32]), hint: "78".to_owned() }
    }

    fn registering() -> Register {
        Register { user: ADA, name: name(), number: number(), hash: "$2b$".to_owned(), session: session(), now: NOW }
    }

    fn password() -> NewPassword {
        NewPassword { user: ADA, hash: "$2b$".to_owned(), session: session().session, key: 2, now: NOW }
    }

    fn registered() -> Account {
        let registration = register(None, &registering()).expect("the number is free");
        Account::after(None, &registration.registered.into()).expect("an account")
    }

    fn guest() -> (Account, Session) {
        let arrival = arrive(ADA, &name(), &session(), NOW);
        let account = Account::after(None, &arrival.started.into()).expect("an account");
        (account, Session::after(None, &SessionEvent::from(arrival.session)).expect("a session"))
    }

    #[test]
    fn a_number_has_one_account_until_it_is_released() {
        let held = Phone { holder: Some(BOB), ..Phone::default() };
        assert_eq!(register(Some(&held), &registering()), Err(Rejection::PhoneTaken { holder: BOB }));
        let registration = register(Some(&Phone::default()), &registering()).expect("released");
        assert_eq!((registration.claimed.user, registration.credential.number), (ADA, 1));
        assert_eq!(registration.session.credential, 1);
    }

    #[test]
    fn who_is_suspended_signs_not_in() {
        let suspended = Account { standing: Standing::Suspended, ..registered() };
        assert_eq!(sign_in(ADA, Some(&suspended), None, &session(), NOW), Err(Rejection::NoAccount));
        assert_eq!(sign_in(ADA, None, None, &session(), NOW), Err(Rejection::NoAccount));
        let credential = Credential { number: 4, ..Credential::default() };
        let started = sign_in(ADA, Some(&registered()), Some(&credential), &session(), NOW).expect("active");
        assert_eq!((started.credential, started.expires_at), (4, NOW + REGISTERED_SESSION));
    }

    #[test]
    fn a_guest_has_a_week_and_upgrades_once() {
        let (account, session) = guest();
        assert_eq!((session.idle_until, session.expires_at), (NOW + GUEST_IDLE, NOW + GUEST_LIFE));
        let upgraded = upgrade(None, Some(&account), Some(&session), &number(), &password()).expect("a guest");
        assert_eq!((upgraded.credential.number, upgraded.session.rotation), (1, 1));
        assert_eq!(upgraded.session.expires_at, NOW + REGISTERED_SESSION);
        let again = upgrade(None, Some(&registered()), Some(&session), &number(), &password());
        assert_eq!(again, Err(Rejection::NotAGuest));
        let held = Phone { holder: Some(BOB), ..Phone::default() };
        let taken = upgrade(Some(&held), Some(&account), Some(&session), &number(), &password());
        assert_eq!(taken, Err(Rejection::PhoneTaken { holder: BOB }));
    }

    #[test]
    fn a_new_password_counts_on_and_is_not_for_guests() {
        let (account, session) = guest();
        let refused = change_password(Some(&account), None, Some(&session), &password());
        assert_eq!(refused, Err(Rejection::NoGuests));
        let credential = Credential { number: 2, ..Credential::default() };
        let change = |session| change_password(Some(&registered()), Some(&credential), session, &password());
        let changed = change(Some(&session)).expect("registered");
        assert_eq!((changed.credential.number, changed.session.credential), (3, 3));
        assert_eq!(change(None), Err(Rejection::SessionOver));
    }

    #[test]
    fn the_same_name_changes_nothing() {
        assert_eq!(rename(Some(&registered()), ADA, &name()), Ok(None));
        let other = DisplayName::parse("Countess").expect("a name");
        assert!(rename(Some(&registered()), ADA, &other).expect("allowed").is_some());
    }
}
