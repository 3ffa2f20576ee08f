//! Commands of joining and leaving.

pub(super) mod add;
mod another;
pub(super) mod moderation;
pub(super) mod role;

use super::answer::{Done, Passed};
use super::me::Me;
use super::{refused, resource};
use crate::app::App;
use crate::domain::membership::{self, Join};
use crate::handle::{Command, Creates};
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::{Membership, Position, Room, RoomId, Subject};
use platform::Problem;
use platform::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

/// A person as the command left him in the room, and from where on he can be seen so.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MemberDone {
    member: resource::Member,
    #[schema(value_type = String, example = "AAAAAQAAAAAAAAAq")]
    position: Position,
}

/// Join a public room
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/members/me",
    operation_id = "join_room",
    tag = "members",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "In, now or already.", body = MemberDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn join(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<RoomId>,
) -> Result<Done<MemberDone>, Problem> {
    app.limits.joins.check(&me.id.0)?;
    let (room, member) = (Subject::Room(id), Subject::Member(id, me.id));
    let wish = Join { room: id, user: me.id, kind: me.kind, now: stamp.now };
    let needs = vec![(room, Age::AtMost(app.room_age_max)), (member, Age::Any)];
    let command = Command { name: "join", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let state = basis.state::<Room>(room);
        let joined = membership::join(state, basis.state(member), &wish)?;
        let lounge = state.map(|room| room.lounge);
        let draft =
            joined.zip(lounge).map(|(joined, lounge)| basis.change::<Membership>(member, joined).of_lounge(lounge));
        Ok(draft.into_iter().collect())
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    let member = resource::Member::of(me.public(), outcome.state(member), stamp.now);
    Ok(Done::ok(position, outcome.repeat(), MemberDone { member, position }))
}

/// Leave a room
#[utoipa::path(
    delete,
    path = "/v1/rooms/{id}/members/me",
    operation_id = "leave_room",
    tag = "members",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "Out, now or already.", body = Passed), refused::Leaving),
    security(("token" = [])),
)]
pub(super) async fn leave(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<RoomId>,
) -> Result<Done<Passed>, Problem> {
    let (room, member) = (Subject::Room(id), Subject::Member(id, me.id));
    let needs = vec![(room, Age::Any), (member, Age::Any)];
    let command = Command { name: "leave", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let state = basis.state::<Room>(room);
        let Some((leaving, lounge)) =
            membership::leave(state, basis.state(member), id, me.id, stamp.now)?.zip(state.map(|room| room.lounge))
        else {
            return Ok(Vec::new());
        };
        let owner = leaving.owner.map(|owner| basis.change::<Room>(room, owner).of_lounge(lounge));
        let left = basis.change::<Membership>(member, leaving.left).of_lounge(lounge);
        Ok(owner.into_iter().chain([left]).collect())
    });
    let outcome = outcome.await?;
    let position = app.position(outcome.chat_seq());
    Ok(Done::ok(position, outcome.repeat(), Passed { position }))
}
