//! Commands on rooms.

use super::answer::Done;
use super::fields::Fields;
use super::me::Me;
use super::{refused, resource};
use crate::app::App;
use crate::domain::language::Language;
use crate::domain::names::{About, RoomName};
use crate::domain::room::{self, ChangeRoom, CreateRoom, EditRoom, RoomWish};
use crate::handle::{Command, Creates, Outcome, Repeat};
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::{LoungeId, Membership, Position, Room, RoomId, Subject, Visibility};
use platform::Problem;
use platform::extract::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A room to be made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRoom {
    /// 1 to 80 characters.
    #[schema(example = "Hall")]
    name: String,
    /// Up to 500 characters.
    topic: Option<String>,
    /// BCP 47.
    #[schema(example = "en")]
    language: String,
    /// `public` (without it) or `private`.
    #[schema(value_type = Option<String>, example = "public")]
    visibility: Option<Visibility>,
    /// Whether guests may join; without it they may not.
    guests: Option<bool>,
}

/// What is to be changed; what is absent stays.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoomChanges {
    name: Option<String>,
    topic: Option<String>,
    language: Option<String>,
    #[schema(value_type = Option<String>, example = "private")]
    visibility: Option<Visibility>,
    guests: Option<bool>,
}

/// A room, and from where on it can be read so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RoomDone {
    room: resource::Room,
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    position: Position,
}

/// Make a room in a lounge
#[utoipa::path(
    post,
    path = "/v1/lounges/{id}/rooms",
    operation_id = "create_room",
    tag = "rooms",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewRoom,
    responses((status = 201, description = "Made. Its maker is its owner and first member.", body = RoomDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn create(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(lounge): Path<LoungeId>,
    Json(request): Json<NewRoom>,
) -> Result<Done<RoomDone>, Problem> {
    let stamp = stamp.with_body(&request);
    let mut fields = Fields::default();
    let name = fields.read("/name", RoomName::parse(&request.name));
    let topic = fields.read_optional("/topic", request.topic.as_deref(), About::parse);
    let language = fields.read("/language", Language::parse(&request.language));
    let (Some(name), Some(topic), Some(language)) = (name, topic, language) else { return Err(fields.into()) };
    app.limits.rooms_made.check(&me.id.0)?;

    let id = RoomId::from(stamp.event_id(0));
    let (room, owner) = (Subject::Room(id), Subject::Member(id, me.id));
    let wish = CreateRoom {
        room: id,
        lounge,
        name,
        topic,
        language,
        visibility: request.visibility.unwrap_or(Visibility::Public),
        guests: request.guests.unwrap_or(false),
        by: me.id,
        now: stamp.now,
    };
    let command = Command {
        name: "create-room",
        stamp: &stamp,
        // No condition guards that the lounge is open.
        needs: vec![(Subject::Lounge(lounge), Age::Fresh), (room, Age::Any), (owner, Age::Any)],
        creates: Creates::Subject(room),
    };
    let outcome = app.handler.handle(command, |basis| {
        let opening = room::create(basis.state(Subject::Lounge(lounge)), basis.state(room), &wish)?;
        let batch = opening.map(|opening| {
            [
                basis.change::<Room>(room, opening.created).of_lounge(lounge),
                basis.change::<Membership>(owner, opening.owner).of_lounge(lounge),
            ]
        });
        Ok(batch.into_iter().flatten().collect())
    });
    let (room, position, repeat) = written(&app, id, outcome.await?)?;
    Ok(Done::created(position, repeat, RoomDone { room, position }))
}

/// Change a room's settings
#[utoipa::path(
    patch,
    path = "/v1/rooms/{id}",
    operation_id = "change_room",
    tag = "rooms",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = RoomChanges,
    responses((status = 200, description = "Changed, or so already.", body = RoomDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn change(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<RoomId>,
    Json(request): Json<RoomChanges>,
) -> Result<Done<RoomDone>, Problem> {
    let mut fields = Fields::default();
    let name = fields.read_optional("/name", request.name.as_deref(), RoomName::parse);
    let topic = fields.read_optional("/topic", request.topic.as_deref(), About::parse);
    let language = fields.read_optional("/language", request.language.as_deref(), Language::parse);
    let (Some(name), Some(topic), Some(language)) = (name, topic, language) else { return Err(fields.into()) };
    let edit = EditRoom { name, topic, language, visibility: request.visibility, guests: request.guests };
    decide(&app, &me, stamp.with_body(&request), id, RoomWish::Edit(Box::new(edit))).await
}

/// Archive a room: it can be read, not written
#[utoipa::path(
    post,
    path = "/v1/rooms/{id}/archive",
    operation_id = "archive_room",
    tag = "rooms",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Archived.", body = RoomDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn archive(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<RoomId>,
) -> Result<Done<RoomDone>, Problem> {
    decide(&app, &me, stamp, id, RoomWish::Archive).await
}

/// Reopen a room
#[utoipa::path(
    post,
    path = "/v1/rooms/{id}/reopen",
    operation_id = "reopen_room",
    tag = "rooms",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Open.", body = RoomDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn reopen(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<RoomId>,
) -> Result<Done<RoomDone>, Problem> {
    decide(&app, &me, stamp, id, RoomWish::Reopen).await
}

async fn decide(app: &App, me: &Me, stamp: Stamp, id: RoomId, wish: RoomWish) -> Result<Done<RoomDone>, Problem> {
    app.limits.changes.check(&me.id.0)?;
    let (room, member) = (Subject::Room(id), Subject::Member(id, me.id));
    let wish = ChangeRoom { room: id, by: me.id, wish, now: stamp.now };
    let needs = vec![(room, Age::Any), (member, Age::Fresh)];
    let command = Command { name: "change-room", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let event = room::change(basis.state(room), basis.state(member), &wish)?;
        let lounge = basis.state::<Room>(room).map(|room| room.lounge);
        let draft = event.zip(lounge).map(|(event, lounge)| basis.change::<Room>(room, event).of_lounge(lounge));
        Ok(draft.into_iter().collect())
    });
    let (room, position, repeat) = written(app, id, outcome.await?)?;
    Ok(Done::ok(position, repeat, RoomDone { room, position }))
}

/// The room as the outcome left it.
fn written(app: &App, id: RoomId, outcome: Outcome) -> Result<(resource::Room, Position, Repeat), Problem> {
    let seq = outcome.chat_seq();
    let room = outcome.state::<Room>(Subject::Room(id)).ok_or_else(Problem::internal)?;
    Ok((resource::Room::of(id, room), app.position(seq), outcome.repeat()))
}
