//! How does a client without a WebSocket listen? The same frames as server-sent events: `GET /v1/events`.

use super::{
    Live, connection, members,
    protocol::{Identity, ROOMS_MAX, Wanted},
    wire::Wire,
};
use axum::{
    extract::{FromRef, State},
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use events::{Position, RoomId};
use futures::{StreamExt, stream};
use platform::{Authenticator, Caller, Code, Problem, extract::Query};
use serde::Deserialize;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// Frames that the response has not taken yet; what comes after them waits in the outbox.
const EVENTS_MAX: usize = 32;
/// After so long without a frame comes a comment: what is between sees that the stream lives, and the server, if it does not.
const COMMENT_EVERY: Duration = Duration::from_secs(15);
/// Where the client was, as a browser says it by itself.
const LAST_EVENT_ID: &str = "last-event-id";

/// Which rooms.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// Ids between commas; without it the rooms that the caller is a member of, 2,000 at most.
    rooms: Option<String>,
}

impl FromRef<Live> for Arc<Authenticator> {
    fn from_ref(live: &Live) -> Self {
        Self::clone(&live.authenticator)
    }
}

/// Answers with the frames of a socket that has identified itself: `ready` first. Each event's `data` is a frame, `id` its
/// position once all is caught up; with `Last-Event-ID` the stream goes on from there. The end says why: `event: close`.
pub(super) async fn listen(
    State(live): State<Live>,
    caller: Caller,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let resume = last_event(&headers)?;
    let seat = live.admit(&headers)?;
    let rooms = match &wish.rooms {
        Some(rooms) => named(rooms)?,
        None => members::rooms_of(&live.pool, caller.user, ROOMS_MAX).await?,
    };
    let wanted = |room| Wanted { room, seq: None };
    let rooms = rooms.into_iter().map(wanted).collect();
    let identity = Identity { token: String::new(), rooms, resume, deflates: false };
    let (to, events) = mpsc::channel::<Event>(EVENTS_MAX);
    live.tasks.clone().spawn(async move {
        connection::run_identified(live, Wire::events(to), caller, identity).await;
        drop(seat);
    });
    let events = stream::unfold(events, async |mut events| Some((events.recv().await?, events)));
    let events = Sse::new(events.map(Ok::<_, Infallible>)).keep_alive(KeepAlive::new().interval(COMMENT_EVERY));
    // A proxy that keeps answers back until they are whole would keep this one for ever.
    Ok(([("x-accel-buffering", "no")], events).into_response())
}

fn last_event(headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let Some(last) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let position = last.to_str().ok().and_then(|text| text.parse().ok());
    let wrong = || Problem::new(Code::InvalidRequest, "`Last-Event-ID` is the `id` of an event, or absent.");
    position.map(Some).ok_or_else(wrong)
}

fn named(rooms: &str) -> Result<Vec<RoomId>, Problem> {
    let rooms: Option<Vec<RoomId>> = rooms.split(',').map(|room| room.parse().ok()).collect();
    let wrong = || Problem::new(Code::InvalidRequest, "`rooms` is room ids between commas, 2,000 at most.");
    rooms.filter(|rooms| rooms.len() <= ROOMS_MAX).ok_or_else(wrong)
}
