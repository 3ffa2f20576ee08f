//! Reads of what somebody wrote, in whatever room.

use axum::extract::State;
use events::{MessageId, Position, Role, RoomId, UserId};
use platform::{
    Code, Problem,
    extract::{Json, Path, Query},
};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

use super::{moderation::Wish, reader::Reader, refused};
use crate::{
    app::App,
    cursor::{List, Place},
    page::{self, Onward},
    read::{
        messages::{Stored, own_reactions},
        written::{self, Written},
    },
    resource::Message,
    rights::Standing,
};

/// A page of what somebody wrote.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WrittenPage {
    /// Newest first. There may be none, and more behind them.
    items: Vec<Message>,
    page: Onward,
    /// The caller's own reactions, by message id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Vec<String>>)]
    own_reactions: BTreeMap<MessageId, Vec<String>>,
    /// How far in the log this answer's read model was.
    #[schema(value_type = String)]
    position: Position,
}

/// What somebody wrote, in whatever room
///
/// One's own messages, also in rooms that one has left; of others, for who moderates rooms, what they wrote there.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/messages",
    operation_id = "list_user_messages",
    tag = "messages",
    params(("id" = Uuid, Path, description = "User id."), Wish),
    responses((status = 200, description = "A page.", body = WrittenPage), refused::InRoom),
    security(("token" = [])),
)]
pub(super) async fn list(
    State(app): State<App>,
    Reader(caller): Reader,
    Path(author): Path<UserId>,
    Query(wish): Query<Wish>,
) -> Result<Json<WrittenPage>, Problem> {
    let limit = page::limit(wish.limit)?;
    let list = List::Written(author);
    let before = wish.cursor.as_deref().map_or(Ok(u64::MAX), |cursor| Place::of(list, cursor))?;
    let mut found = written::by(&app.checked, author, caller.user, before, limit + 1).await?;
    let (position, is_own) = (found.position, author == caller.user);
    if !is_own && !moderates_any(&app, &found.moderated, caller.user, position)? {
        return Err(Problem::new(Code::Forbidden, "This is for himself, and for moderators of the rooms he wrote in."));
    }
    if !found.exists && !is_own {
        return Err(Problem::not_found());
    }
    let mut page = page::cut(&mut found.written, limit, |written| written.log_seq.cursor(list));
    if let (false, Some(seq)) = (page.has_more_after, found.goes_on_before) {
        page = Onward { next: Some(seq.cursor(list)), has_more_after: true };
    }
    let mut shown = Vec::with_capacity(found.written.len());
    for written in found.written {
        shown.extend(seen(&app, written, caller.user, position)?);
    }
    let own_reactions = own_reactions(&shown);
    let items = shown.into_iter().map(|stored| stored.message).collect();
    Ok(Json(WrittenPage { items, page, own_reactions, position }))
}

fn moderates_any(app: &App, rooms: &[RoomId], caller: UserId, at: Position) -> Result<bool, Problem> {
    for room in rooms {
        // As the row has it: at least a moderator, unless something else was seen since.
        let standing = app.standing(Standing::new(Some(Role::Moderator), false, None), *room, caller, at)?;
        if moderates(&standing) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn moderates(standing: &Standing) -> bool {
    standing.role.is_some_and(|role| role >= Role::Moderator)
}

/// A message as the caller may see it now; `None`: he may not, or its room waits for an operator. His own he may, whatever
/// became of him in its room.
fn seen(app: &App, written: Written, caller: UserId, at: Position) -> Result<Option<Stored>, Problem> {
    let Written { stored, caller: standing, .. } = written;
    if app.checkpoint.goes_on(stored.message.room_id).is_err() {
        return Ok(None);
    }
    let is_own = stored.message.author.id == caller;
    let standing = match app.standing(standing, stored.message.room_id, caller, at) {
        Ok(standing) => standing,
        Err(_) if is_own => Standing::default(),
        Err(behind) => return Err(behind),
    };
    let may = is_own || moderates(&standing);
    Ok(may.then(|| stored.shown(caller, standing.role.unwrap_or(Role::Member))))
}
