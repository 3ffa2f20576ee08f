//! What happens in these rooms, as it happens? Prints each frame as one JSON line.

use anyhow::{Context, Result};
use clap::Args;
use events::RoomId;
use std::{io::Write, time::Duration};

use crate::client::{Api, Follow, Frame, Socket};

/// Prints the frames of rooms, one JSON object a line, until the socket closes or Ctrl-C.
#[derive(Debug, Clone, Args)]
pub struct ListenArgs {
    /// Where the API is.
    #[arg(long, env = "CHATROOM_URL", value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// An access token, as POST /v1/sessions or /v1/guests answers it.
    #[arg(long, env = "CHATROOM_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: String,
    /// Begin behind this number of each room: 0 is its beginning, of which the newest 10,000 entries are kept.
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Rooms of which the token's holder is a member.
    #[arg(required = true, value_name = "ROOM")]
    rooms: Vec<RoomId>,
}

/// Runs until the socket closes.
pub async fn run(args: &ListenArgs) -> Result<()> {
    let (mut socket, hello) = Socket::open(&Api::at(&args.url)?).await?;
    let rooms: Vec<Follow> = args.rooms.iter().map(|room| Follow { room: *room, seq: Some(args.after) }).collect();
    socket.identify(&args.token, &rooms, None).await?;
    let mut heartbeat = tokio::time::interval(Duration::from_millis(hello.heartbeat_ms));
    let mut out = std::io::stdout();
    loop {
        tokio::select! {
            frame = socket.frame() => print(&mut out, &frame?)?,
            _ = heartbeat.tick() => socket.say("hb", serde_json::json!({})).await?,
            stopped = tokio::signal::ctrl_c() => return stopped.context("listening for Ctrl-C"),
        }
    }
}

fn print(out: &mut impl Write, frame: &Frame) -> Result<()> {
    if frame.t == "hb_ack" {
        return Ok(());
    }
    serde_json::to_writer(&mut *out, frame)?;
    writeln!(out)?;
    out.flush().context("nobody reads")
}
