//! Commands of going for good.

use super::answer::{Done, Passed};
use super::fields::Fields;
use super::me::Me;
use super::{refused, sessions};
use crate::app::App;
use crate::domain::identity::erasure;
use crate::domain::text::Password;
use crate::domain::{Fault, Rejection};
use crate::handle::{Basis, Command, Creates, Draft};
use crate::lookup::TRACES_MAX;
use crate::passwords::Match;
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::identity::{Account, Credential, Phone, RevocationCause, Session};
use events::{Membership, MessageEvent, Room, RoomId, Subject, Time, UserId, UserKind};
use futures::{TryStreamExt, stream};
use platform::address::ClientAddress;
use platform::extract::Json;
use platform::{Code, Problem};
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Rooms that are left at once: the log takes what waits together.
const ROOMS_AT_ONCE: usize = 16;
/// How often the read model is asked for what is left; each time [`TRACES_MAX`] may go.
const LOOKS_MAX: usize = 8;

/// What a registered user confirms with that he goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Farewell {
    current_password: Option<String>,
}

/// Erase oneself
///
/// For good: first one's messages go and one leaves, room by room, then the account goes with number, name, password
/// and sessions, and the number is free. The last owner of a room hands it over before (409 `last-owner`, and nothing
/// was done). Interrupted, it is repeated and goes on. Registered users confirm with their password; guests, who have
/// none, send no body. Afterwards the access token is refused, also for a repeat: 401 says that it is done.
#[utoipa::path(
    delete,
    path = "/v1/users/me",
    operation_id = "erase_me",
    tag = "users",
    params(("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<Farewell>,
    responses((status = 200, description = "Gone.", body = Passed), refused::Erasing),
    security(("token" = [])),
)]
pub(super) async fn erase(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    address: ClientAddress,
    farewell: Option<Json<Farewell>>,
) -> Result<Done<Passed>, Problem> {
    let account = app.latest_state::<Account>(Subject::Account(me.id)).await?.ok_or(Rejection::NoAccount)?;
    if account.kind == UserKind::Registered {
        confirmed(&app, &me, &account, address, farewell.and_then(|Json(farewell)| farewell.current_password)).await?;
    }
    leave_all_rooms(&app, &me, &stamp).await?;
    for id in app.lookup().sessions_of(me.id).await?.into_iter().filter(|id| *id != me.session) {
        sessions::revoke(&app, &me, &stamp.apart(), id, RevocationCause::Revoked).await?;
    }
    go(&app, &me, &stamp, &account).await
}

/// That it is he, and that he means it.
async fn confirmed(
    app: &App,
    me: &Me,
    account: &Account,
    address: ClientAddress,
    password: Option<String>,
) -> Result<(), Problem> {
    let mut fields = Fields::default();
    let given = password.ok_or_else(|| Fault::missing("registered users confirm with their password"));
    let password = fields.read("/current_password", given.and_then(|text| Password::presented(&text)));
    let Some(password) = password else { return Err(fields.into()) };
    let attempt = app.throttle.attempt(account.phone.ok_or(Rejection::NoAccount)?, address.key())?;
    let credential = app.latest_state::<Credential>(Subject::Credential(me.id)).await?;
    let hash = credential.and_then(|credential| credential.hash);
    if app.passwords.compare(&password, hash.as_deref()).await? == Match::Wrong {
        attempt.failed();
        return Err(Rejection::WrongPassword.into());
    }
    attempt.succeeded();
    Ok(())
}

/// Until the read model shows him in no room, at the log's end. What he posts meanwhile on another device is in rooms
/// that he is still in, so it goes with them.
async fn leave_all_rooms(app: &App, me: &Me, stamp: &Stamp) -> Result<(), Problem> {
    for _ in 0..LOOKS_MAX {
        let rooms = app.lookup().rooms_of(me.id).await?;
        if rooms.is_empty() {
            return Ok(());
        }
        // All are asked before one is left: a refusal leaves nothing half done.
        each(&rooms, |room| may_leave(app, me, room, stamp.now)).await?;
        each(&rooms, |room| leave(app, me, stamp, room)).await?;
    }
    let detail = format!("More than {} rooms: repeat it, and it goes on.", LOOKS_MAX * TRACES_MAX);
    Err(Problem::new(Code::ReadModelBehind, detail).after(Duration::from_secs(1)))
}

async fn each<F>(rooms: &[RoomId], act: impl Fn(RoomId) -> F) -> Result<(), Problem>
where
    F: Future<Output = Result<(), Problem>>,
{
    let acts: Vec<_> = rooms.iter().map(|room| Ok(act(*room))).collect();
    stream::iter(acts).try_buffer_unordered(ROOMS_AT_ONCE).try_collect().await
}

async fn may_leave(app: &App, me: &Me, id: RoomId, now: Time) -> Result<(), Problem> {
    let room = app.latest_state::<Room>(Subject::Room(id)).await?;
    let membership = app.latest_state::<Membership>(Subject::Member(id, me.id)).await?;
    erasure::depart(room.as_ref(), membership.as_ref(), id, me.id, now)?;
    Ok(())
}

async fn leave(app: &App, me: &Me, stamp: &Stamp, id: RoomId) -> Result<(), Problem> {
    let (room, member) = (Subject::Room(id), Subject::Member(id, me.id));
    let stamp = stamp.apart();
    let needs = vec![(room, Age::Any), (member, Age::Any)];
    let command = Command { name: "erase-room", stamp: &stamp, needs, creates: Creates::Nothing };
    app.handler.handle(command, |basis| Ok(departure(basis, id, me.id, stamp.now)?)).await?;
    Ok(())
}

fn departure(basis: &Basis, id: RoomId, user: UserId, now: Time) -> Result<Vec<Draft>, Rejection> {
    let (room, member) = (Subject::Room(id), Subject::Member(id, user));
    let state = basis.state::<Room>(room);
    let departure = erasure::depart(state, basis.state(member), id, user, now)?;
    let removed = basis.under(member, Subject::RoomMessages(id), MessageEvent::from(departure.removed));
    let owner = departure.owner.map(|owner| basis.change::<Room>(room, owner));
    let left = departure.left.map(|left| basis.change::<Membership>(member, left));
    let drafts = [Some(removed), owner, left].into_iter().flatten();
    Ok(match state.map(|room| room.lounge) {
        Some(lounge) => drafts.map(|draft| draft.of_lounge(lounge)).collect(),
        None => drafts.collect(),
    })
}

/// The account goes last: until then he can repeat it.
async fn go(app: &App, me: &Me, stamp: &Stamp, confirmed: &Account) -> Result<Done<Passed>, Problem> {
    let phone = confirmed.phone.map(Subject::Phone);
    let (subject, credential, session) =
        (Subject::Account(me.id), Subject::Credential(me.id), Subject::Session(me.session));
    let needs = phone.into_iter().chain([subject, credential, session]).map(|subject| (subject, Age::Any)).collect();
    let command = Command { name: "erase", stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let held = phone.and_then(|phone| basis.state::<Phone>(phone));
        let (account, set, open) = (basis.state(subject), basis.state(credential), basis.state(session));
        let gone = erasure::erase(confirmed, held, account, set, open, me.session, me.id)?;
        let released = phone.zip(gone.released).map(|(phone, released)| basis.change::<Phone>(phone, released));
        let erased = basis.change::<Account>(subject, gone.erased);
        let emptied = gone.credential.map(|set| basis.change::<Credential>(credential, set));
        let revoked = gone.revoked.map(|revoked| basis.change::<Session>(session, revoked));
        Ok([released, Some(erased), emptied, revoked].into_iter().flatten().collect())
    });
    let outcome = outcome.await?;
    app.authenticator.revocations().suspend_user(me.id);
    let position = app.published(&outcome, subject).await?;
    Ok(Done::ok(position, outcome.repeat(), Passed { position }))
}
