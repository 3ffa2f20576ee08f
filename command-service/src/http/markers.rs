//! The command of marking a room as read.

use super::answer::Done;
use super::me::Me;
use super::{refused, resource};
use crate::app::App;
use crate::domain::marker::{self, MarkRead};
use crate::handle::{Command, Creates};
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use axum::http::StatusCode;
use events::{Marker, Room, RoomId, Subject};
use platform::Problem;
use platform::extract::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far the caller has read.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadUpTo {
    /// The last entry that was read, by its number in the room.
    #[schema(example = 42)]
    seq: u64,
}

/// The caller's read marker. It has no position: what clients compare positions with does not show it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MarkerDone {
    marker: resource::Marker,
}

/// Mark a room as read
///
/// A marker never goes back, and not beyond what can be read by now: the answer says where it stands.
/// Send at most one in two seconds.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/read",
    operation_id = "mark_read",
    tag = "messages",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = ReadUpTo,
    responses((status = 200, description = "Read up to there, now or already.", body = MarkerDone), refused::One),
    security(("token" = [])),
)]
pub(super) async fn read(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path(id): Path<RoomId>,
    Json(request): Json<ReadUpTo>,
) -> Result<Done<MarkerDone>, Problem> {
    let stamp = stamp.with_body(&request);
    app.limits.markers.check(&me.id.0)?;
    let head = app.handler.lookup.head(id).await?;
    let (room, member, marker) = (Subject::Room(id), Subject::Member(id, me.id), Subject::Marker(me.id, id));
    let wish = MarkRead { room: id, seq: request.seq, head, by: me.id, now: stamp.now };
    // The condition is the marker's own: it lies in another stream than what gives the right to set it.
    let age = Age::AtMost(app.room_age_max);
    let needs = vec![(room, age), (member, age), (marker, Age::Any)];
    let command = Command { name: "mark-read", stamp: &stamp, needs, creates: Creates::Nothing };
    let outcome = app.handler.handle(command, |basis| {
        let state = basis.state::<Room>(room);
        let read = marker::read(state, basis.state(member), basis.state(marker), &wish)?;
        let lounge = state.map(|room| room.lounge);
        let draft = read.zip(lounge).map(|(read, lounge)| basis.change::<Marker>(marker, read).of_lounge(lounge));
        Ok(draft.into_iter().collect())
    });
    let outcome = outcome.await?;
    let seq = outcome.state::<Marker>(marker).map_or(0, |marker| marker.seq);
    let marker = resource::Marker { room_id: id, seq };
    Ok(Done { status: StatusCode::OK, body: MarkerDone { marker }, position: None, repeat: outcome.repeat() })
}
