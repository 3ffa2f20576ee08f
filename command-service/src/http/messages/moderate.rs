//! Commands of moderating what was said.

use super::{InRoom, MessageDone, written};
use crate::app::App;
use crate::domain::message::{self, Moderate, RemoveAll, Verdict};
use crate::http::answer::{Done, Passed};
use crate::http::error::log_unavailable;
use crate::http::fields::Fields;
use crate::http::me::Me;
use crate::http::refused;
use crate::http::resource::Person;
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::message::MessageStatus;
use events::{MessageId, RoomId, Subject, User, UserId};
use platform::Problem;
use platform::extract::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What moderators make of a message.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewStatus {
    /// `hidden` (its author sees it still), `removed`, or `visible`, which restores it.
    #[schema(value_type = String, example = "hidden")]
    status: MessageStatus,
    /// Up to 500 code points, for moderators.
    reason: Option<String>,
}

/// Why.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Why {
    /// Up to 500 code points, for moderators.
    #[schema(example = "advertising")]
    pub(super) reason: Option<String>,
}

/// Hide a message, remove it, or restore it
///
/// For moderators and owners. What its author deleted stays deleted.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/messages/{message}/status",
    operation_id = "moderate_message",
    tag = "messages",
    params(("id" = Uuid, Path), ("message" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewStatus,
    responses((status = 200, description = "So from now on.", body = MessageDone), refused::OnMessage),
    security(("token" = [])),
)]
pub(in crate::http) async fn judge(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, id)): Path<(RoomId, MessageId)>,
    Json(request): Json<NewStatus>,
) -> Result<Done<MessageDone>, Problem> {
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let verdict = fields.read("/status", Verdict::parse(request.status));
    let reason = fields.read_reason(request.reason);
    let (Some(verdict), Some(reason)) = (verdict, reason) else { return Err(fields.into()) };
    app.limits.moderation.check(&me.id.0)?;
    let place = InRoom::new(room, &me);
    let known = place.message(&app, &me, id, stamp.now).await?;
    let author = person(&app, known.original.author).await?;
    let wish = Moderate { verdict, reason, by: me.id, now: stamp.now };
    let outcome = app.handler.handle(place.command(&app, "moderate", &stamp), |basis| {
        let (room, member) = (basis.state(place.room), basis.state(place.member));
        let event = message::moderate(room, member, &known.original, &wish)?;
        Ok(place.draft(basis, event).into_iter().collect())
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    let message = written(author, &known.original, Some(verdict.into()));
    Ok(Done::ok(position, outcome.repeat(), MessageDone { message, position }))
}

/// Remove all that somebody has said in a room so far
///
/// For moderators and owners, of people of lower rank.
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/members/{user}/messages",
    operation_id = "remove_messages",
    tag = "messages",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = Option<Why>,
    responses((status = 200, description = "Removed.", body = Passed), refused::One),
    security(("token" = [])),
)]
pub(in crate::http) async fn remove_all(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, user)): Path<(RoomId, UserId)>,
    request: Option<Json<Why>>,
) -> Result<Done<Passed>, Problem> {
    let request = request.map(|Json(why)| why).unwrap_or_default();
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let Some(reason) = fields.read_reason(request.reason) else { return Err(fields.into()) };
    app.limits.moderation.check(&me.id.0)?;
    let place = InRoom::new(room, &me);
    let whose = Subject::Member(room, user);
    let wish = RemoveAll { room, user, reason, by: me.id, now: stamp.now };
    let mut command = place.command(&app, "remove-all", &stamp);
    // No condition guards the other's rank, and one's own is asked for once where both are the same.
    if whose != place.member {
        command.needs.push((whose, Age::Fresh));
    }
    let outcome = app.handler.handle(command, |basis| {
        let (room, member) = (basis.state(place.room), basis.state(place.member));
        let event = message::remove_all(room, member, basis.state(whose), &wish)?;
        Ok(place.draft(basis, event).into_iter().collect())
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    Ok(Done::ok(position, outcome.repeat(), Passed { position }))
}

/// An author as everybody knows him.
async fn person(app: &App, id: UserId) -> Result<Person, Problem> {
    let tip = app.handler.tips.get(Subject::User(id), Age::Any).await.map_err(log_unavailable)?;
    let user = tip.state::<User>().ok_or_else(|| {
        tracing::error!(%id, "an author who never appeared");
        Problem::internal()
    })?;
    Ok(Person { id, display_name: user.display_name.clone(), kind: user.kind })
}
