//! Commands of those who come with a name only.

use super::answer::Done;
use super::error::log_unavailable;
use super::fields::Fields;
use super::me::Me;
use super::refused;
use super::sessions::{self, Tokens};
use crate::app::App;
use crate::domain::Rejection;
use crate::domain::identity::credential::{self as passwords, NewPassword};
use crate::domain::identity::{self, NewSession, Number};
use crate::domain::names::DisplayName;
use crate::domain::phone::Phone as PhoneNumber;
use crate::domain::text::Password;
use crate::handle::{Command, Creates, Repeat, repeat};
use crate::passwords::Match;
use crate::stamp::{Anonymous, Stamp};
use crate::tips::Age;
use axum::extract::State as Given;
use axum::http::StatusCode;
use events::identity::{Account, Credential, Phone, Session};
use events::{SessionId, Subject, UserId, UserKind};
use platform::Problem;
use platform::address::ClientAddress;
use platform::extract::Json;
use serde::Deserialize;
use utoipa::ToSchema;

/// Who comes as a guest.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGuest {
    /// 1 to 40 characters.
    #[schema(example = "Bob")]
    display_name: String,
}

/// What a guest becomes a user with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpgradeWish {
    /// E.164.
    #[schema(example = "+4915112345678")]
    phone: String,
    /// 8 to 128 characters, and not one that everybody tries first.
    #[schema(example = "correct horse battery")]
    password: String,
}

/// Come as a guest
///
/// For 24 hours after the last refresh, 7 days at most. Repeated, it makes another guest.
#[utoipa::path(
    post,
    path = "/v1/guests",
    operation_id = "start_guest",
    tag = "guests",
    request_body = NewGuest,
    responses((status = 201, description = "A guest and his one session.", body = Tokens), refused::Open),
)]
pub(super) async fn start(
    Given(app): Given<App>,
    Anonymous(stamp): Anonymous,
    address: ClientAddress,
    Json(request): Json<NewGuest>,
) -> Result<Done<Tokens>, Problem> {
    let mut fields = Fields::default();
    let name = fields.read("/display_name", DisplayName::parse(&request.display_name));
    let Some(name) = name else { return Err(fields.into()) };
    app.limits.registrations.check_address(address.0)?;

    let (user, id) = (UserId::from(stamp.event_id(0)), SessionId::from(stamp.event_id(1)));
    let stamp = stamp.of(user, UserKind::Guest);
    let (account, session) = (Subject::Account(user), Subject::Session(id));
    let new = NewSession { session: id, device: None, key: app.tokens.key() };
    let needs = vec![(account, Age::Any), (session, Age::Any)];
    let command = Command { name: "start-guest", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let arrival = identity::arrive(user, &name, &new, stamp.now);
        Ok(vec![basis.change::<Account>(account, arrival.started), basis.change::<Session>(session, arrival.session)])
    });
    let outcome = outcome.await?;
    let position = app.published(&outcome, account).await?;
    sessions::tokens(&app, id, &outcome, Some(position)).await
}

/// Become a registered user
///
/// Id, memberships and messages stay; the tokens are new ones.
#[utoipa::path(
    post,
    path = "/v1/guests/upgrade",
    operation_id = "upgrade_guest",
    tag = "guests",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = UpgradeWish,
    responses((status = 200, description = "Registered: new tokens for this session.", body = Tokens), refused::Upgrading),
    security(("token" = [])),
)]
pub(super) async fn upgrade(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    address: ClientAddress,
    Json(request): Json<UpgradeWish>,
) -> Result<Done<Tokens>, Problem> {
    let mut fields = Fields::default();
    let phone = fields.read("/phone", PhoneNumber::parse(&request.phone));
    let password = fields.read("/password", Password::parse(&request.password));
    let (Some(phone), Some(password)) = (phone, password) else { return Err(fields.into()) };
    let number = Number::new(&phone, app.tokens.phone_tag(&phone));
    let (phone, account) = (Subject::Phone(number.tag), Subject::Account(me.id));
    let (credential, session) = (Subject::Credential(me.id), Subject::Session(me.session));
    let tip = app.handler.tips.latest(account).await.map_err(log_unavailable)?;
    let is_repeat = repeat::has_written(&stamp, &tip);
    let hash = if is_repeat {
        is_the_same(&app, me.id, &number, &password).await?;
        String::new()
    } else {
        if me.kind != UserKind::Guest {
            return Err(Rejection::NotAGuest.into());
        }
        app.limits.registrations.check_address(address.0)?;
        // Before the work of a hash; the append's condition decides. Where he holds it himself by now, this very command
        // may have come twice: then it is looked for.
        if let Some(holder) = app.holder(number.tag).await?.filter(|holder| *holder != me.id) {
            return Err(Rejection::PhoneTaken { holder }.into());
        }
        app.passwords.hash(&password).await?
    };
    let wish = NewPassword { user: me.id, hash, session: me.session, key: app.tokens.key(), now: stamp.now };
    let needs = [phone, account, credential, session].map(|subject| (subject, Age::Any)).to_vec();
    let command = Command { name: "upgrade-guest", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        if is_repeat {
            return Ok(Vec::new());
        }
        let (account_state, session_state) = (basis.state(account), basis.state(session));
        let new = passwords::upgrade(basis.state(phone), account_state, session_state, &number, &wish)?;
        Ok(vec![
            basis.change::<Phone>(phone, new.claimed),
            basis.change::<Account>(account, new.upgraded),
            basis.change::<Credential>(credential, new.credential),
            basis.change::<Session>(session, new.session),
        ])
    });
    let outcome = outcome.await?;
    if outcome.repeat() == Repeat::Yes && !is_repeat {
        // It was applied while this one was at work.
        is_the_same(&app, me.id, &number, &password).await?;
    }
    app.authenticator.revocations().credential_number(me.id, identity::FIRST_CREDENTIAL);
    let position = app.published(&outcome, account).await?;
    let tokens = sessions::tokens(&app, me.session, &outcome, Some(position)).await?;
    Ok(Done { status: StatusCode::OK, ..tokens })
}

/// A repeat of the upgrade names the number and the password that it was applied with. No hash of its body tells:
/// it would let whoever reads the log try passwords.
async fn is_the_same(app: &App, user: UserId, number: &Number, password: &Password) -> Result<(), Problem> {
    let account = app.latest_state::<Account>(Subject::Account(user)).await?;
    let credential = app.latest_state::<Credential>(Subject::Credential(user)).await?;
    let hash = credential.and_then(|credential| credential.hash);
    let number_is = account.is_some_and(|account| account.phone == Some(number.tag));
    if app.passwords.compare(password, hash.as_deref()).await? == Match::Wrong || !number_is {
        return Err(repeat::mismatch());
    }
    Ok(())
}
