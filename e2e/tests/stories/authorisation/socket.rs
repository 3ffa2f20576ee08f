//! What comes of a row on the live socket? Each cell opens one of its own.

use super::{
    cast::Cast,
    outcome::{Outcome, tells},
    stage::Stage,
};
use chatroom::{
    client::{Closed, Follow, Frame, Socket},
    docs::authorisation::Row,
};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// What is said, as the table names it.
pub(crate) const FRAMES: [&str; 3] = ["socket.identify", "socket.sub", "socket.auth"];
/// How long a frame may take on a machine that is busy with other cells.
const HEARS_WITHIN: Duration = Duration::from_secs(20);

/// Says it and hears what comes of it.
pub(crate) async fn play(cast: &Cast, stage: &Stage, row: &Row, frame: &str) -> Outcome {
    let heard = match said(cast, stage, row, frame).await {
        Ok(heard) => heard,
        Err(closed) => return Outcome { cell: code(&closed), answer: closed.to_string() },
    };
    let answer = format!("{heard:?}");
    let cell = match heard.last().map(|frame| frame.t.as_str()) {
        Some("ready" | "caught_up" | "auth_ok") if tells(row, &answer) => "ok",
        Some("ready" | "caught_up" | "auth_ok") => "without",
        Some("room_gone") => "room_gone",
        _ => "another frame",
    };
    Outcome { cell: cell.to_owned(), answer }
}

/// The frames that tell what came of it; the last one decides.
async fn said(cast: &Cast, stage: &Stage, row: &Row, frame: &str) -> Result<Vec<Frame>, Closed> {
    let (mut socket, _) = Socket::open(&cast.api).await?;
    let token = stage.caller.as_ref().map_or("none of ours", |caller| caller.token.as_str());
    let room = stage.room.parse().expect("an id");
    let rooms = if frame == "identify" && row.room != "-" { vec![Follow { room, seq: None }] } else { Vec::new() };
    socket.identify(token, &rooms, stage.position.as_deref()).await?;
    let ready = hears(&mut socket).await?;
    if frame == "identify" {
        // A room that is not heard of is not in `ready`, and has a frame of its own.
        let gone = !rooms.is_empty() && ready.d["rooms"] == json!([]);
        return Ok(vec![if gone { hears(&mut socket).await? } else { ready }]);
    }
    // `identify` named no room, so it is over with this.
    hears(&mut socket).await?;
    if frame == "auth" {
        let token = if row.target == "own" { token } else { cast.tim.token.as_str() };
        socket.say("auth", json!({ "token": token })).await?;
        return Ok(vec![hears(&mut socket).await?]);
    }
    socket.say("sub", json!({ "room": room, "seq": 0, "p": stage.position })).await?;
    let mut heard = vec![hears(&mut socket).await?];
    while !heard.iter().any(|frame| ["caught_up", "room_gone"].contains(&frame.t.as_str())) {
        heard.push(hears(&mut socket).await?);
    }
    Ok(heard)
}

async fn hears(socket: &mut Socket) -> Result<Frame, Closed> {
    timeout(HEARS_WITHIN, socket.frame()).await.expect("a frame, or an end, in time")
}

fn code(closed: &Closed) -> String {
    match closed {
        Closed::Code(code, _) => code.to_string(),
        Closed::Refused(..) | Closed::Cut(_) => "no socket".to_owned(),
    }
}
