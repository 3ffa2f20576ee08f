//! Commands of shutting people out of a room and silencing them.

use super::MemberDone;
use super::another::Another;
use crate::app::App;
use crate::domain::moderation::{self, Measure, Moderate, Terms, Until};
use crate::http::answer::Done;
use crate::http::fields::Fields;
use crate::http::me::Me;
use crate::http::refused;
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::{RoomId, Time, UserId};
use platform::Problem;
use platform::extract::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why somebody is shown out.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Kick {
    /// 1 to 500 characters; moderators see it.
    #[schema(example = "spam")]
    reason: Option<String>,
}

/// How long a ban or a mute holds, and why.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Restrict {
    /// 1 to 500 characters; moderators see it.
    #[schema(example = "spam")]
    reason: Option<String>,
    /// A time that lies ahead, in RFC 3339; without it, for ever.
    #[schema(format = DateTime, example = "2030-01-01T12:00:00Z")]
    until: Option<String>,
}

/// Kick somebody out of a room
///
/// For moderators and owners, on people of a lower rank. He may come back to a public room. The answer shows him
/// without `role` and `joined_at`, as everybody who is not in the room.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/members/{user}",
    operation_id = "kick_member",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<Kick>,
    responses((status = 200, description = "Out, now or already.", body = MemberDone), refused::Moderating),
    security(("token" = [])),
)]
pub(in crate::http) async fn kick(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(whom): Path<(RoomId, UserId)>,
    request: Option<Json<Option<Kick>>>,
) -> Result<Done<MemberDone>, Problem> {
    let request = wished(request);
    let mut fields = Fields::default();
    let reason = fields.read_reason(request.reason.clone());
    let Some(reason) = reason else { return Err(fields.into()) };
    decide(&app, &me, stamp.with_body(&request), whom, "kick", Measure::Kick { reason }).await
}

/// Ban somebody from a room
///
/// For moderators and owners, on people of a lower rank, also on who has left or never came. Until the ban's end he
/// does not come back. A ban that is there takes this end and this reason. The answer shows him without `role` and
/// `joined_at`, and with `banned_until`.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/members/{user}/ban",
    operation_id = "ban_member",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<Restrict>,
    responses((status = 200, description = "Banned, now or already.", body = MemberDone), refused::Moderating),
    security(("token" = [])),
)]
pub(in crate::http) async fn ban(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(whom): Path<(RoomId, UserId)>,
    request: Option<Json<Option<Restrict>>>,
) -> Result<Done<MemberDone>, Problem> {
    let request = wished(request);
    let terms = request.terms(stamp.now)?;
    decide(&app, &me, stamp.with_body(&request), whom, "ban", Measure::Ban(terms)).await
}

/// Lift a ban
///
/// He is not in the room by that: he may join again, or be added.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/members/{user}/ban",
    operation_id = "unban_member",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Not banned, now or already.", body = MemberDone), refused::Moderating),
    security(("token" = [])),
)]
pub(in crate::http) async fn unban(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(whom): Path<(RoomId, UserId)>,
) -> Result<Done<MemberDone>, Problem> {
    decide(&app, &me, stamp, whom, "unban", Measure::Unban).await
}

/// Mute somebody in a room
///
/// For moderators and owners, on people of a lower rank, also on who has left or never came. Until the mute's end he
/// reads and does not write; leaving and coming back does not end it. A mute that is there takes this end and this
/// reason.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/members/{user}/mute",
    operation_id = "mute_member",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<Restrict>,
    responses((status = 200, description = "Muted, now or already.", body = MemberDone), refused::Moderating),
    security(("token" = [])),
)]
pub(in crate::http) async fn mute(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(whom): Path<(RoomId, UserId)>,
    request: Option<Json<Option<Restrict>>>,
) -> Result<Done<MemberDone>, Problem> {
    let request = wished(request);
    let terms = request.terms(stamp.now)?;
    decide(&app, &me, stamp.with_body(&request), whom, "mute", Measure::Mute(terms)).await
}

/// Lift a mute
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/members/{user}/mute",
    operation_id = "unmute_member",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Not muted, now or already.", body = MemberDone), refused::Moderating),
    security(("token" = [])),
)]
pub(in crate::http) async fn unmute(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(whom): Path<(RoomId, UserId)>,
) -> Result<Done<MemberDone>, Problem> {
    decide(&app, &me, stamp, whom, "unmute", Measure::Unmute).await
}

/// What the body says; nothing, where there is none or it is `null`.
fn wished<T: Default>(request: Option<Json<Option<T>>>) -> T {
    request.and_then(|Json(request)| request).unwrap_or_default()
}

impl Restrict {
    fn terms(&self, now: Time) -> Result<Terms, Problem> {
        let mut fields = Fields::default();
        let reason = fields.read_reason(self.reason.clone());
        let until = fields.read_optional("/until", self.until.as_deref(), Until::parse);
        let (Some(reason), Some(until)) = (reason, until) else {
            // Alone it is for the decision, because a repeat may come after the end; beside other faults it is told too.
            until.flatten().map(|until| fields.read("/until", until.after(now)));
            return Err(fields.into());
        };
        Ok(Terms { until, reason })
    }
}

async fn decide(
    app: &App,
    me: &Me,
    stamp: Stamp,
    (room, user): (RoomId, UserId),
    name: &'static str,
    measure: Measure,
) -> Result<Done<MemberDone>, Problem> {
    app.limits.moderation.check(&me.id.0)?;
    let other = Another::find(app, me, room, user).await?;
    let wish = Moderate { room, user, by: me.id, measure, now: stamp.now };
    let outcome = app.handler.handle(other.command(name, &stamp, Age::Any), |basis| {
        let event = moderation::moderate(&other.scene(basis), &wish)?;
        Ok(event.and_then(|event| other.draft(basis, event)).into_iter().collect())
    });
    other.answered(app, &stamp, &outcome.await?)
}
