//! Commands on one's own account.

use super::answer::Done;
use super::error::log_unavailable;
use super::fields::Fields;
use super::me::Me;
use super::sessions::{self, Tokens};
use super::{refused, resource};
use crate::app::App;
use crate::domain::Rejection;
use crate::domain::identity::credential::{self as passwords, NewPassword};
use crate::domain::identity::{self, NewSession, Number, Register};
use crate::domain::names::{DeviceName, DisplayName};
use crate::domain::phone::Phone as PhoneNumber;
use crate::domain::text::Password;
use crate::handle::{Command, Creates, Refusal, Repeat, repeat};
use crate::passwords::Match;
use crate::stamp::{Anonymous, Stamp};
use crate::tips::Age;
use axum::extract::State as Given;
use axum::http::StatusCode;
use events::identity::{Account, Credential, Phone, Session};
use events::{Position, SessionId, Subject, UserId, UserKind};
use platform::address::ClientAddress;
use platform::extract::Json;
use platform::{Code, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An account to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Registration {
    /// E.164.
    #[schema(example = "+4915112345678")]
    phone: String,
    /// 8 to 128 characters, and not one that everybody tries first.
    #[schema(example = "correct horse battery")]
    password: String,
    /// 1 to 40 characters.
    #[schema(example = "Ada")]
    display_name: String,
    /// What the client calls the device it runs on.
    device: Option<String>,
}

/// What is to be changed of one's profile.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Profile {
    /// 1 to 40 characters.
    #[schema(example = "Countess")]
    display_name: String,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordWish {
    current_password: String,
    /// 8 to 128 characters, and not one that everybody tries first.
    new_password: String,
}

/// Oneself, and from where on one can be seen so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserDone {
    user: resource::User,
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    position: Position,
}

/// Open an account
///
/// Repeated with the same phone and password, it signs in.
#[utoipa::path(
    post,
    path = "/v1/users",
    operation_id = "register",
    tag = "users",
    request_body = Registration,
    responses(
        (status = 201, description = "An account and its first session.", body = Tokens),
        (status = 200, description = "The account was there, and the password is its own: a session.", body = Tokens),
        refused::Registering,
    ),
)]
pub(super) async fn register(
    Given(app): Given<App>,
    Anonymous(stamp): Anonymous,
    address: ClientAddress,
    Json(request): Json<Registration>,
) -> Result<Done<Tokens>, Problem> {
    let mut fields = Fields::default();
    let phone = fields.read("/phone", PhoneNumber::parse(&request.phone));
    let password = fields.read("/password", Password::parse(&request.password));
    let name = fields.read("/display_name", DisplayName::parse(&request.display_name));
    let device = fields.read_optional("/device", request.device.as_deref(), DeviceName::parse);
    let (Some(phone), Some(password), Some(name), Some(device)) = (phone, password, name, device) else {
        return Err(fields.into());
    };
    app.limits.registrations.check_address(address.0)?;

    let number = Number::new(&phone, app.tokens.phone_tag(&phone));
    let tag = number.tag;
    if app.holder(tag).await?.is_none() {
        let hash = app.passwords.hash(&password).await?;
        let (user, session) = (UserId::from(stamp.event_id(1)), SessionId::from(stamp.event_id(3)));
        let session = NewSession { session, device: device.clone(), key: app.tokens.key() };
        let wish = Register { user, name, number, hash, session, now: stamp.now };
        match open(&app, stamp.clone(), &wish).await {
            // Somebody was faster: he may be the same one, who lost the answer.
            Err(problem) if problem.code == Code::PhoneTaken => {}
            opened => return opened,
        }
    }
    let attempt = app.throttle.attempt(tag, address.key())?;
    let holder = app.holder(tag).await?;
    match sessions::begin(&app, stamp, holder, &password, device).await? {
        Some(tokens) => {
            attempt.succeeded();
            Ok(sessions::signed_in(tokens))
        }
        None => {
            attempt.failed();
            let detail = "An account with this phone number exists, with another password.";
            Err(Problem::new(Code::PhoneTaken, detail))
        }
    }
}

async fn open(app: &App, stamp: Stamp, wish: &Register) -> Result<Done<Tokens>, Problem> {
    let (user, id) = (wish.user, wish.session.session);
    let stamp = stamp.of(user, UserKind::Registered);
    let (phone, account) = (Subject::Phone(wish.number.tag), Subject::Account(user));
    let (credential, session) = (Subject::Credential(user), Subject::Session(id));
    let needs = [phone, account, credential, session].map(|subject| (subject, Age::Any)).to_vec();
    let command = Command { name: "register", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let new = identity::register(basis.state(phone), wish)?;
        Ok(vec![
            basis.change::<Phone>(phone, new.claimed),
            basis.change::<Account>(account, new.registered),
            basis.change::<Credential>(credential, new.credential),
            basis.change::<Session>(session, new.session),
        ])
    });
    let outcome = outcome.await?;
    let position = app.published(&outcome, account).await?;
    sessions::tokens(app, id, &outcome, Some(position)).await
}

/// Call oneself otherwise
#[utoipa::path(
    patch,
    path = "/v1/users/me",
    operation_id = "rename_me",
    tag = "users",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = Profile,
    responses((status = 200, description = "Changed, or so already.", body = UserDone), refused::Own),
    security(("token" = [])),
)]
pub(super) async fn rename(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Json(request): Json<Profile>,
) -> Result<Done<UserDone>, Problem> {
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let name = fields.read("/display_name", DisplayName::parse(&request.display_name));
    let Some(name) = name else { return Err(fields.into()) };
    app.limits.changes.check(&me.id.0)?;
    let account = Subject::Account(me.id);
    let needs = vec![(account, Age::Any)];
    let command = Command { name: "rename", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let changed = identity::rename(basis.state(account), me.id, &name)?;
        Ok(changed.map(|changed| basis.change::<Account>(account, changed)).into_iter().collect())
    });
    let outcome = outcome.await?;
    let position = app.published(&outcome, account).await?;
    let user = outcome.state::<Account>(account).map(|account| resource::User::of(me.id, account));
    let user = user.ok_or_else(Problem::internal)?;
    Ok(Done::ok(position, outcome.repeat(), UserDone { user, position }))
}

/// Change one's password
///
/// Every other session ends; this one goes on with new tokens.
#[utoipa::path(
    put,
    path = "/v1/users/me/password",
    operation_id = "change_password",
    tag = "users",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = PasswordWish,
    responses((status = 200, description = "New tokens for this session.", body = Tokens), refused::Password),
    security(("token" = [])),
)]
pub(super) async fn change_password(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    address: ClientAddress,
    Json(request): Json<PasswordWish>,
) -> Result<Done<Tokens>, Problem> {
    let mut fields = Fields::default();
    let current = fields.read("/current_password", Password::presented(&request.current_password));
    let new = fields.read("/new_password", Password::parse(&request.new_password));
    let (Some(current), Some(new)) = (current, new) else { return Err(fields.into()) };
    if me.kind == UserKind::Guest {
        return Err(Rejection::NoGuests.into());
    }
    let (account, credential) = (Subject::Account(me.id), Subject::Credential(me.id));
    // One tip tells both, or the command could be applied between two looks.
    let tip = app.handler.tips.latest(credential).await.map_err(log_unavailable)?;
    let is_repeat = repeat::has_written(&stamp, &tip);
    let compared = tip.state::<Credential>().ok_or(Rejection::NoAccount)?;
    let state = app.latest_state::<Account>(account).await?.ok_or(Rejection::NoAccount)?;
    let tag = state.phone.ok_or(Rejection::NoAccount)?;
    let attempt = app.throttle.attempt(tag, address.key())?;
    // A repeat's current password is the one before by now; that it is the same command its new one tells.
    let proof = if is_repeat { &new } else { &current };
    if app.passwords.compare(proof, compared.hash.as_deref()).await? == Match::Wrong {
        attempt.failed();
        return Err(if is_repeat { repeat::mismatch() } else { Rejection::WrongPassword.into() });
    }
    attempt.succeeded();
    let hash = if is_repeat { String::new() } else { app.passwords.hash(&new).await? };
    let wish = NewPassword { user: me.id, hash, session: me.session, key: app.tokens.key(), now: stamp.now };
    let session = Subject::Session(me.session);
    let needs = [account, credential, session].map(|subject| (subject, Age::Any)).to_vec();
    let command = Command { name: "change-password", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        if is_repeat {
            return Ok(Vec::new());
        }
        let now = basis.state::<Credential>(credential);
        if now.is_none_or(|now| now.number != compared.number) {
            // Perhaps by this very command, which came twice: as a rule's no it is looked for.
            return Err(Refusal::Rule(Rejection::WrongPassword));
        }
        let change = passwords::change_password(basis.state(account), now, basis.state(session), &wish)?;
        Ok(vec![
            basis.change::<Credential>(credential, change.credential),
            basis.change::<Session>(session, change.session),
        ])
    });
    let outcome = outcome.await?;
    if outcome.repeat() == Repeat::Yes && !is_repeat {
        // It was applied while this one was at work, and no hash of its body tells whether it is the same.
        let applied = outcome.state::<Credential>(credential).and_then(|credential| credential.hash.as_deref());
        if app.passwords.compare(&new, applied).await? == Match::Wrong {
            return Err(repeat::mismatch());
        }
    }
    if let Some(credential) = outcome.state::<Credential>(credential) {
        app.authenticator.revocations().credential_number(me.id, credential.number);
    }
    let position = app.published(&outcome, credential).await?;
    let tokens = sessions::tokens(&app, me.session, &outcome, Some(position)).await?;
    Ok(Done { status: StatusCode::OK, ..tokens })
}
