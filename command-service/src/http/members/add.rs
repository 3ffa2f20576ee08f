//! The command of bringing somebody into a private room.

use super::MemberDone;
use super::another::Another;
use crate::app::App;
use crate::domain::membership::{self, Add};
use crate::http::answer::Done;
use crate::http::me::Me;
use crate::http::refused;
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::{RoomId, UserId};
use platform::Problem;
use platform::extract::Path;

/// Add a person to a private room
///
/// For moderators and owners. Into a public room people come by themselves, so there it is `forbidden`. Who is banned
/// is not added before the ban is lifted: `conflict`.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/members/{user}",
    operation_id = "add_member",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, description = "In, now or already.", body = MemberDone), refused::Adding),
    security(("token" = [])),
)]
pub(in crate::http) async fn add(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, user)): Path<(RoomId, UserId)>,
) -> Result<Done<MemberDone>, Problem> {
    // A room that somebody did not look for comes into his list: as seldom as into one's own.
    app.limits.joins.check(&me.id.0)?;
    let other = Another::find(&app, &me, room, user).await?;
    let wish = Add { room, user, by: me.id, now: stamp.now };
    let command = other.command("add", &stamp, Age::AtMost(app.room_age_max));
    let outcome = app.handler.handle(command, |basis| {
        let added = membership::add(&other.scene(basis), &wish)?;
        Ok(added.and_then(|added| other.draft(basis, added)).into_iter().collect())
    });
    other.answered(&app, &stamp, &outcome.await?)
}
