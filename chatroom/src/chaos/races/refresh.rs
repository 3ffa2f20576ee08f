//! One successor per refresh token: many present the same one at once, and the next round presents what they got.

use anyhow::{Context, Result};
use events::{SessionId, StreamName, Subject};
use std::collections::BTreeSet;

use super::stage::Stage;
use crate::{
    chaos::{
        pair::Side,
        person::{Person, applied, refreshing},
        reader,
    },
    client::Outcome,
};

/// A session as the rounds leave it.
struct Scene {
    session: SessionId,
    token: String,
    /// Where the session's last event stands, and which rotation it says.
    at: u64,
    rotation: u64,
}

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let before = stage.end(StreamName::Identity).await?;
    let mut scene = None;
    while let Some(round) = stage.next_round() {
        let before = match scene.take() {
            Some(scene) if !round.opens_scene => scene,
            _ => open(stage).await?,
        };
        scene = refresh(stage, before, round.number).await?;
    }
    // Nobody's token was reused: whoever came second came within the time that is forgiven.
    stage
        .judge(StreamName::Identity, before, |entry, tally| {
            tally.holds(entry.kind != "session.revoked", || format!("{} was revoked at {}", entry.subject, entry.seq));
        })
        .await
}

async fn open(stage: &mut Stage<'_>) -> Result<Scene> {
    let side = stage.side();
    let guest = Person::guest(stage.pair.through(side)).await?;
    let (session, _) = guest.refresh.split_once('.').context("a refresh token names its session")?;
    let session = session.parse()?;
    let tip = reader::tip(&stage.pair.log, Subject::Session(session)).await?.context("a session that is none")?;
    Ok(Scene { session, token: guest.refresh, at: tip.seq, rotation: rotation(&tip) })
}

/// One round. `None` when nobody was answered: then the next one begins anew.
async fn refresh(stage: &mut Stage<'_>, scene: Scene, round: u64) -> Result<Option<Scene>> {
    let asks = (0..stage.parallel).map(|n| (Side::of(n), refreshing(&scene.token)));
    let answers = stage.burst(asks).await;
    let mut successors = BTreeSet::new();
    for answer in applied(&answers) {
        successors.insert(Person::of(answer)?.refresh);
    }
    let tally = &mut stage.tally;
    for answer in &answers {
        // Too many at once is no judgement of the token.
        if let Outcome::Refused(refusal) = answer
            && refusal.code != "conflict"
        {
            tally.violated(format!("round {round}: a good token was refused: {refusal}"));
        }
    }
    tally.holds(successors.len() < 2, || format!("round {round}: one token has {} successors", successors.len()));
    tally.holds(!successors.contains(&scene.token), || format!("round {round}: a token is its own successor"));
    let subject = Subject::Session(scene.session);
    let tip = reader::tip(&stage.pair.log, subject).await?.context("a session that is gone")?;
    let Some(token) = successors.pop_first() else { return Ok(None) };
    // The stream keeps the session's last event alone. That it stands right on the one of the round before shows that
    // there was none in between, which a count of what is left could not.
    let expected = format!("{}@{subject}", scene.at);
    let (found, rotation) = (tip.after.as_deref().unwrap_or("nothing").to_owned(), rotation(&tip));
    stage.tally.holds(found == expected, || format!("round {round}: the tip stands on {found}, not on {expected}"));
    stage.tally.holds(rotation == scene.rotation + 1, || {
        format!("round {round}: rotation {rotation} follows {}", scene.rotation)
    });
    Ok(Some(Scene { token, at: tip.seq, rotation, ..scene }))
}

fn rotation(tip: &reader::Entry) -> u64 {
    tip.body["after"]["rotation"].as_u64().unwrap_or_default()
}
