//! Commands of signing in, going on and signing out.

use super::answer::{Done, Passed};
use super::error::log_unavailable;
use super::fields::Fields;
use super::me::Me;
use super::{refused, resource};
use crate::app::App;
use crate::domain::Rejection;
use crate::domain::identity::session::{self as rules, Refresh};
use crate::domain::identity::{self, NewSession};
use crate::domain::names::DeviceName;
use crate::domain::phone::Phone;
use crate::domain::text::Password;
use crate::handle::{Command, Creates, Outcome, Refusal, Repeat};
use crate::passwords::Match;
use crate::stamp::{Anonymous, Stamp};
use crate::tips::{Age, State};
use crate::tokens::{Pair, RefreshToken};
use axum::extract::State as Given;
use axum::http::StatusCode;
use event_log::Fact;
use events::identity::{Account, Credential, RevocationCause, Session};
use events::{Position, SessionId, Subject, UserId, UserKind};
use platform::address::ClientAddress;
use platform::extract::{Json, Path};
use platform::{Code, Problem};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Whose credential is read where nobody holds the number. He has none.
const NOBODY: UserId = UserId(uuid::Uuid::nil());

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    /// E.164.
    #[schema(example = "+4915112345678")]
    phone: String,
    #[schema(example = "correct horse battery")]
    password: String,
    /// What the client calls the device it runs on.
    device: Option<String>,
}

/// What a session goes on with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RefreshWish {
    refresh_token: String,
}

/// A session's tokens, and whose they are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tokens {
    #[serde(flatten)]
    pair: Pair,
    user: resource::User,
    session: resource::Session,
    /// Where something of it is public; a sign-in and a refresh are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "AAAAAQAAAAAAAAAq")]
    position: Option<Position>,
}

/// Sign in
#[utoipa::path(
    post,
    path = "/v1/sessions",
    operation_id = "sign_in",
    tag = "sessions",
    request_body = SignIn,
    responses((status = 201, description = "A session.", body = Tokens), refused::SigningIn),
)]
pub(super) async fn sign_in(
    Given(app): Given<App>,
    Anonymous(stamp): Anonymous,
    address: ClientAddress,
    Json(request): Json<SignIn>,
) -> Result<Done<Tokens>, Problem> {
    let mut fields = Fields::default();
    let phone = fields.read("/phone", Phone::parse(&request.phone));
    let password = fields.read("/password", Password::presented(&request.password));
    let device = fields.read_optional("/device", request.device.as_deref(), DeviceName::parse);
    let (Some(phone), Some(password), Some(device)) = (phone, password, device) else { return Err(fields.into()) };

    let tag = app.tokens.phone_tag(&phone);
    let attempt = app.throttle.attempt(tag, address.key())?;
    let holder = app.holder(tag).await?;
    match begin(&app, stamp, holder, &password, device).await? {
        Some(tokens) => {
            attempt.succeeded();
            Ok(tokens)
        }
        None => {
            attempt.failed();
            Err(Problem::new(Code::WrongCredentials, "Phone and password do not belong together."))
        }
    }
}

/// A session for the holder of a number, if the password is his; `None` in the same time if it is not, if nobody
/// holds the number, or if he may not act.
pub(super) async fn begin(
    app: &App,
    stamp: Stamp,
    holder: Option<UserId>,
    password: &Password,
    device: Option<DeviceName>,
) -> Result<Option<Done<Tokens>>, Problem> {
    // Also of nobody: what a number costs must not tell whether somebody holds it.
    let compared = Subject::Credential(holder.unwrap_or(NOBODY));
    let credential = app.latest_state::<Credential>(compared).await?;
    let hash = credential.as_ref().and_then(|credential| credential.hash.as_deref());
    let right = app.passwords.compare(password, hash).await?;
    let (Some(user), Some(compared), Match::Right) = (holder, credential, right) else { return Ok(None) };
    let known = app.handler.tips.latest(Subject::Account(user)).await.map_err(log_unavailable)?;
    // Whoever has a token is somebody everywhere, also when the answer to his registration was lost a moment ago.
    app.passed.wait(known.seq).await?;

    let stamp = stamp.of(user, UserKind::Registered);
    let id = SessionId::from(stamp.event_id(0));
    let new = NewSession { session: id, device, key: app.tokens.key() };
    let (account, credential, session) = (Subject::Account(user), Subject::Credential(user), Subject::Session(id));
    let needs = vec![(account, Age::Any), (credential, Age::Any), (session, Age::Any)];
    let command = Command { name: "sign-in", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let current = basis.state::<Credential>(credential);
        // The password was changed while the old one was compared.
        if current.is_none_or(|current| current.number != compared.number) {
            return Err(Refusal::Rule(Rejection::NoAccount));
        }
        let started = identity::sign_in(user, basis.state(account), current, &new, stamp.now)?;
        Ok(vec![basis.change::<Session>(session, started)])
    });
    match outcome.await {
        Ok(outcome) => tokens(app, id, &outcome, None).await.map(Some),
        Err(problem) if problem.code == Code::Unauthenticated => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Exchange a refresh token for the next
///
/// A token works once. Within 30 seconds the one before is answered with the same successor, so that two tabs may
/// race; any other reuse closes the session.
#[utoipa::path(
    post,
    path = "/v1/sessions/refresh",
    operation_id = "refresh_session",
    tag = "sessions",
    request_body = RefreshWish,
    responses((status = 200, description = "The next tokens.", body = Tokens), refused::Refreshing),
)]
pub(super) async fn refresh(
    Given(app): Given<App>,
    Anonymous(stamp): Anonymous,
    Json(request): Json<RefreshWish>,
) -> Result<Done<Tokens>, Problem> {
    let token = RefreshToken::parse(&request.refresh_token);
    let token = token.filter(|token| app.tokens.made(token)).ok_or(Rejection::SessionOver)?;
    let (id, session) = (token.session, Subject::Session(token.session));
    let state = app.latest_state::<Session>(session).await?.ok_or(Rejection::SessionOver)?;
    let (account, credential) = (Subject::Account(state.user), Subject::Credential(state.user));
    let tips = &app.handler.tips;
    let (whose, _) = tokio::try_join!(tips.latest(account), tips.latest(credential)).map_err(log_unavailable)?;
    let kind = whose.state::<Account>().ok_or(Rejection::NoAccount)?.kind;

    let stamp = stamp.of(state.user, kind);
    let needs = vec![(session, Age::Any), (account, Age::Any), (credential, Age::Any)];
    let command = Command { name: "refresh", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let current = basis.state::<Session>(session).ok_or(Rejection::SessionOver)?;
        let (whose, number) = (basis.state(account), basis.state(credential));
        let presented = app.tokens.judge(current, &token);
        let key = app.tokens.key();
        Ok(match rules::refresh(id, Some(current), whose, number, presented, key, stamp.now)? {
            Refresh::Advance(refreshed) => vec![basis.change::<Session>(session, refreshed)],
            Refresh::Revoke(ending) => basis.ending(session, account, ending),
            Refresh::Again => Vec::new(),
        })
    });
    let outcome = outcome.await?;
    let left = outcome.state::<Session>(session).ok_or_else(Problem::internal)?;
    if left.revoked.is_some() {
        app.authenticator.revocations().close_session(id);
        return Err(Rejection::TokenReused.into());
    }
    let tokens = tokens(&app, id, &outcome, None).await?;
    Ok(Done { status: StatusCode::OK, ..tokens })
}

/// Sign out
#[utoipa::path(
    delete,
    path = "/v1/sessions/current",
    operation_id = "end_current_session",
    tag = "sessions",
    params(("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Ended. A guest's account ends with it.", body = Passed), refused::Own),
    security(("token" = [])),
)]
pub(super) async fn end_current(Given(app): Given<App>, me: Me, stamp: Stamp) -> Result<Done<Passed>, Problem> {
    close(&app, &me, stamp, me.session, RevocationCause::SignedOut).await
}

/// Sign out elsewhere
#[utoipa::path(
    delete,
    path = "/v1/sessions/{id}",
    operation_id = "end_session",
    tag = "sessions",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Ended, now or already.", body = Passed), refused::One),
    security(("token" = [])),
)]
pub(super) async fn end(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<SessionId>,
) -> Result<Done<Passed>, Problem> {
    close(&app, &me, stamp, id, RevocationCause::Revoked).await
}

async fn close(app: &App, me: &Me, stamp: Stamp, id: SessionId, why: RevocationCause) -> Result<Done<Passed>, Problem> {
    let outcome = revoke(app, me, &stamp, id, why).await?;
    let position = app.published(&outcome, Subject::Session(id)).await?;
    Ok(Done::ok(position, outcome.repeat(), Passed { position }))
}

/// Ends a session of the caller's, a guest's with the guest.
pub(super) async fn revoke(
    app: &App,
    me: &Me,
    stamp: &Stamp,
    id: SessionId,
    why: RevocationCause,
) -> Result<Outcome, Problem> {
    let (session, account) = (Subject::Session(id), Subject::Account(me.id));
    let needs = vec![(session, Age::Any), (account, Age::Any)];
    let command = Command { name: "sign-out", stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let Some(ending) = rules::end(id, basis.state(session), basis.state(account), me.id, why)? else {
            return Ok(Vec::new());
        };
        Ok(basis.ending(session, account, ending))
    });
    let outcome = outcome.await?;
    app.authenticator.revocations().close_session(id);
    Ok(outcome)
}

/// The tokens of a session as the outcome left it, or as it is.
pub(super) async fn tokens(
    app: &App,
    id: SessionId,
    outcome: &Outcome,
    position: Option<Position>,
) -> Result<Done<Tokens>, Problem> {
    let subject = Subject::Session(id);
    let session = match outcome.state::<Session>(subject) {
        Some(session) => session.clone(),
        // What a repeat wrote long ago has been rolled up: the session went on.
        None => app.latest_state::<Session>(subject).await?.ok_or(Rejection::SessionOver)?,
    };
    let subject = Subject::Account(session.user);
    let account = match outcome.applied().iter().find_map(|fact| account_of(fact)) {
        Some(account) => account.clone(),
        None => {
            let tip = app.handler.tips.get(subject, Age::Any).await.map_err(log_unavailable)?;
            tip.state::<Account>().cloned().ok_or_else(Problem::internal)?
        }
    };
    let pair = app.tokens.pair(id, &session, account.kind, crate::stamp::now());
    let pair = pair.ok_or_else(|| {
        tracing::error!(key = session.key, "a session was made with a key that is not in REFRESH_KEYS");
        Problem::from(Rejection::SessionOver)
    })?;
    let user = resource::User::of(session.user, &account);
    let session = resource::Session::of(id, &session);
    let repeat = outcome.repeat();
    Ok(Done { status: StatusCode::CREATED, body: Tokens { pair, user, session, position }, position, repeat })
}

fn account_of(fact: &Arc<Fact>) -> Option<&Account> {
    Account::left_by(&fact.event)
}

/// What is repeated without a key is not told from what is new.
pub(super) fn signed_in(tokens: Done<Tokens>) -> Done<Tokens> {
    Done { status: StatusCode::OK, repeat: Repeat::No, ..tokens }
}
