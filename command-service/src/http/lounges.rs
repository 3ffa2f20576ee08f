//! Commands on lounges.

use super::answer::Done;
use super::fields::Fields;
use super::me::Me;
use super::{refused, resource};
use crate::app::App;
use crate::domain::lounge::{self, ChangeLounge, CreateLounge};
use crate::domain::names::{About, LoungeName};
use crate::handle::{Command, Creates, Outcome, Repeat};
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::{Lounge, LoungeId, Position, Subject};
use platform::Problem;
use platform::extract::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A lounge to be made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLounge {
    /// 1 to 80 characters.
    #[schema(example = "Tea")]
    name: String,
    /// Up to 500 characters.
    description: Option<String>,
}

/// What is to be changed; what is absent stays.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoungeChanges {
    name: Option<String>,
    description: Option<String>,
}

/// A lounge, and from where on it can be read so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LoungeDone {
    lounge: resource::Lounge,
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    position: Position,
}

/// Make a lounge
#[utoipa::path(
    post,
    path = "/v1/lounges",
    operation_id = "create_lounge",
    tag = "lounges",
    params(("Idempotency-Key" = Option<String>, Header, description = "16–64 of `[A-Za-z0-9_-]`, best a UUIDv7.")),
    request_body = NewLounge,
    responses((status = 201, description = "Made. Its maker owns it.", body = LoungeDone), refused::Own),
    security(("token" = [])),
)]
pub(super) async fn create(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Json(request): Json<NewLounge>,
) -> Result<Done<LoungeDone>, Problem> {
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let name = fields.read("/name", LoungeName::parse(&request.name));
    let description = fields.read_optional("/description", request.description.as_deref(), About::parse);
    let (Some(name), Some(description)) = (name, description) else { return Err(fields.into()) };
    app.limits.rooms_made.check(&me.id.0)?;

    let id = LoungeId::from(stamp.event_id(0));
    let subject = Subject::Lounge(id);
    let wish = CreateLounge { lounge: id, name, description, by: me.id, kind: me.kind, now: stamp.now };
    let command = Command {
        name: "create-lounge",
        stamp: &stamp,
        needs: vec![(subject, Age::Any)],
        creates: Creates::Subject(subject),
    };
    let outcome = app.handler.handle(command, |basis| {
        let event = lounge::create(basis.state(subject), &wish)?;
        Ok(event.map(|event| basis.change::<Lounge>(subject, event).of_lounge(id)).into_iter().collect())
    });
    let (lounge, position, repeat) = written(&app, id, outcome.await?)?;
    Ok(Done::created(position, repeat, LoungeDone { lounge, position }))
}

/// Rename or describe a lounge
#[utoipa::path(
    patch,
    path = "/v1/lounges/{id}",
    operation_id = "change_lounge",
    tag = "lounges",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = LoungeChanges,
    responses((status = 200, description = "Changed, or so already.", body = LoungeDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn change(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<LoungeId>,
    Json(request): Json<LoungeChanges>,
) -> Result<Done<LoungeDone>, Problem> {
    let mut fields = Fields::default();
    let name = fields.read_optional("/name", request.name.as_deref(), LoungeName::parse);
    let description = fields.read_optional("/description", request.description.as_deref(), About::parse);
    let (Some(name), Some(description)) = (name, description) else { return Err(fields.into()) };
    decide(&app, &me, stamp.with_body(&request), id, ChangeLounge::Edit { name, description }).await
}

/// Archive a lounge: no new rooms
#[utoipa::path(
    post,
    path = "/v1/lounges/{id}/archive",
    operation_id = "archive_lounge",
    tag = "lounges",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Archived.", body = LoungeDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn archive(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<LoungeId>,
) -> Result<Done<LoungeDone>, Problem> {
    decide(&app, &me, stamp, id, ChangeLounge::Archive).await
}

/// Reopen a lounge
#[utoipa::path(
    post,
    path = "/v1/lounges/{id}/reopen",
    operation_id = "reopen_lounge",
    tag = "lounges",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Open.", body = LoungeDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn reopen(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<LoungeId>,
) -> Result<Done<LoungeDone>, Problem> {
    decide(&app, &me, stamp, id, ChangeLounge::Reopen).await
}

async fn decide(
    app: &App,
    me: &Me,
    stamp: Stamp,
    id: LoungeId,
    wish: ChangeLounge,
) -> Result<Done<LoungeDone>, Problem> {
    app.limits.changes.check(&me.id.0)?;
    let subject = Subject::Lounge(id);
    let needs = vec![(subject, Age::Any)];
    let command = Command { name: "change-lounge", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let event = lounge::change(basis.state(subject), id, me.id, &wish)?;
        Ok(event.map(|event| basis.change::<Lounge>(subject, event).of_lounge(id)).into_iter().collect())
    });
    let (lounge, position, repeat) = written(app, id, outcome.await?)?;
    Ok(Done::ok(position, repeat, LoungeDone { lounge, position }))
}

/// The lounge as the outcome left it.
fn written(app: &App, id: LoungeId, outcome: Outcome) -> Result<(resource::Lounge, Position, Repeat), Problem> {
    let seq = outcome.chat_seq();
    let lounge = outcome.state::<Lounge>(Subject::Lounge(id)).ok_or_else(Problem::internal)?;
    Ok((resource::Lounge::of(id, lounge), app.position(seq), outcome.repeat()))
}
