//! The command of raising, lowering and handing over.

use super::MemberDone;
use super::another::Another;
use crate::app::App;
use crate::domain::moderation::rank::{self, ChangeRole};
use crate::http::answer::Done;
use crate::http::me::Me;
use crate::http::refused;
use crate::stamp::Stamp;
use crate::tips::Age;
use axum::extract::State as Given;
use events::{Role, Room, RoomId, UserId};
use platform::Problem;
use platform::extract::{Json, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A member's new role.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewRole {
    /// `member`, `moderator` or `owner`.
    #[schema(value_type = String, example = "moderator")]
    role: Role,
}

/// Change a member's role
///
/// For owners: anybody's, and one's own too while an owner remains. To hand a room over, make somebody its owner and
/// then step down. A guest is not raised before he has an account, and nobody becomes owner while he is muted, because
/// nobody could lift that mute.
#[utoipa::path(
    put,
    path = "/v1/rooms/{id}/members/{user}/role",
    operation_id = "change_role",
    tag = "members",
    params(("id" = Uuid, Path), ("user" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header)),
    request_body = NewRole,
    responses((status = 200, description = "Changed, or so already.", body = MemberDone), refused::Ranking),
    security(("token" = [])),
)]
pub(in crate::http) async fn change(
    Given(app): Given<App>,
    me: Me,
    stamp: Stamp,
    Path((room, user)): Path<(RoomId, UserId)>,
    Json(request): Json<NewRole>,
) -> Result<Done<MemberDone>, Problem> {
    let stamp = stamp.with_body(&request);
    app.limits.changes.check(&me.id.0)?;
    let other = Another::find(&app, &me, room, user).await?;
    let wish = ChangeRole { room, user, by: me.id, role: request.role, now: stamp.now };
    let outcome = app.handler.handle(other.command("change-role", &stamp, Age::Any), |basis| {
        let Some(ranking) = rank::change_role(&other.scene(basis), &wish)? else { return Ok(Vec::new()) };
        let lounge = basis.state::<Room>(other.room).map(|room| room.lounge);
        let owner = ranking.owner.zip(lounge);
        let owner = owner.map(|(owner, lounge)| basis.change::<Room>(other.room, owner).of_lounge(lounge));
        Ok(owner.into_iter().chain(other.draft(basis, ranking.changed)).collect())
    });
    other.answered(&app, &stamp, &outcome.await?)
}
