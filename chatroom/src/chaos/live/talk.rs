//! What happens meanwhile? Every kind of change that a room can tell, at random, as fast as the log takes it.

use anyhow::Result;
use hyper::Method;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

use super::stage::{Scene, about};
use crate::client::{Answer, Ask, Outcome};

/// Messages that are still edited, deleted and so on: older ones are left as they are.
const REMEMBERED: usize = 64;
/// While the log is away.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// A breath between two changes: clients are to be cut among them, not to drown.
const BREATH: Duration = Duration::from_millis(5);
const EMOJI: [&str; 3] = ["%F0%9F%91%8D", "%F0%9F%8E%89", "%E2%9D%A4%EF%B8%8F"];

/// Talks until it is told to stop.
pub(super) async fn talk(scene: Scene, seed: u64, stop: CancellationToken) -> Result<()> {
    let mut draw = StdRng::seed_from_u64(seed);
    let mut said: Vec<(usize, events::RoomId, String)> = Vec::new();
    let mut count = 0_u64;
    while !stop.is_cancelled() {
        count += 1;
        let room = scene.rooms[draw.random_range(0..scene.rooms.len())];
        let speaker = draw.random_range(0..scene.speakers.len());
        let pick = (!said.is_empty()).then(|| said[draw.random_range(0..said.len())].clone());
        let ask = match (draw.random_range(0..20_u32), pick) {
            (0..=9, _) | (_, None) => {
                let words = format!("message {count} {}", "long ".repeat(draw.random_range(0..40)));
                let posted = ask(&scene, scene.speakers[speaker].posts(room, words.trim_end())).await;
                if let Some(id) = posted.and_then(|answer| answer.value()["message"]["id"].as_str().map(str::to_owned))
                {
                    if said.len() == REMEMBERED {
                        said.swap_remove(draw.random_range(0..REMEMBERED));
                    }
                    said.push((speaker, room, id));
                }
                tokio::time::sleep(BREATH).await;
                continue;
            }
            (10..=12, Some((author, room, message))) => {
                let edited = json!({ "text": format!("edited {count}") });
                about(&scene.speakers[author], Method::PATCH, room, &message, "").json(&edited)
            }
            (13, Some((author, room, message))) => about(&scene.speakers[author], Method::DELETE, room, &message, ""),
            (14..=15, Some((_, room, message))) => {
                let emoji = EMOJI[draw.random_range(0..EMOJI.len())];
                let method = if draw.random_bool(0.7) { Method::PUT } else { Method::DELETE };
                about(&scene.speakers[speaker], method, room, &message, &format!("/reactions/{emoji}"))
            }
            (16..=17, Some((_, room, message))) => {
                let status = ["hidden", "removed", "visible"][draw.random_range(0..3)];
                about(&scene.owner, Method::PUT, room, &message, "/status").json(&json!({ "status": status }))
            }
            (18, Some(_)) if count.is_multiple_of(7) => {
                let path = format!("/v1/rooms/{room}/members/{}/messages", scene.speakers[speaker].id);
                scene.owner.asks(Method::DELETE, path)
            }
            (_, Some(_)) => {
                // Comes and goes: members are told, and what they said stays.
                let person = &scene.speakers[speaker];
                ask(&scene, person.leaves(room)).await;
                person.joins(room)
            }
        };
        ask_and_breathe(&scene, ask).await;
    }
    // Nobody is left outside.
    for speaker in scene.speakers.iter() {
        for room in scene.rooms.iter() {
            scene.commands.insist(speaker.joins(*room)).await.applied()?;
        }
    }
    Ok(())
}

async fn ask_and_breathe(scene: &Scene, what: Ask) {
    ask(scene, what).await;
    tokio::time::sleep(BREATH).await;
}

/// What it came to; refusals and doubts are part of the play: what is in the log, is told.
async fn ask(scene: &Scene, what: Ask) -> Option<Answer> {
    match scene.commands.send(what).await {
        Outcome::Applied(answer) => Some(answer),
        Outcome::Refused(_) => None,
        Outcome::Unknown { .. } => {
            tokio::time::sleep(AGAIN_AFTER).await;
            None
        }
    }
}
