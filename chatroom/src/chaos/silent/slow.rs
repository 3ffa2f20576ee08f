//! Does a client that reads slowly get all that it missed? Ten thousand entries, a few kilobytes at a time.

use anyhow::{Context, Result};
use events::Position;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::{Duration, Instant};

use crate::{
    chaos::{
        ground::Ground,
        hearing::{Reader, until_served},
        person::Person,
        verdict::Verdict,
    },
    client::{Answer, Socket},
};

/// What the kernel keeps of it.
const RECEIVE_BYTES: u32 = 8 << 10;
/// It takes so many frames, and a breath.
const FRAMES_AT_ONCE: u64 = 16;
const BREATH: Duration = Duration::from_millis(2);
/// Posts that are under way at once.
const AT_ONCE: usize = 64;

const SLOW: &str = "whoever reads slowly catches up with all of it, once, and is told so once";

pub(super) async fn plays(ground: &Ground, owner: &Person, missed: u32, verdict: &mut Verdict) -> Result<()> {
    let room = owner.opens_room(&ground.commands).await?;
    let (people, _) = Person::guests_in(&ground.commands, room, 1).await?;
    let person = people.into_iter().next().context("somebody")?;
    let posts = (0..missed).map(|number| {
        let (commands, ask) = (&ground.commands, owner.posts(room, &format!("message {number}")));
        let ask = ask.header("idempotency-key", &uuid::Uuid::now_v7().to_string());
        async move { commands.insist(ask).await.applied().context("a message") }
    });
    let said: Vec<_> = stream::iter(posts).buffer_unordered(AT_ONCE).try_collect().await?;
    let position = |answer: &Answer| answer.value()["position"].as_str()?.parse::<Position>().ok();
    let end = said.iter().filter_map(position).max_by_key(|position| position.seq).context("a message")?;
    let (api, end) = (&ground.queries[1], end.to_string());
    let last = until_served(async || Ok(Reader::opens(api, &person, room, &end, None).await?.heard().last)).await?;
    let begun = Instant::now();
    let slow = async || {
        let mut reader = Reader::of(Socket::narrow(api, RECEIVE_BYTES).await?, person.clone(), room);
        reader.resumes(last - u64::from(missed)).await?;
        reader.catches_up(FRAMES_AT_ONCE, BREATH).await
    };
    let heard = until_served(slow).await?;
    verdict.holds(SLOW, heard.is_all(last) && heard.is_caught_up_once(), || format!("up to {last}: {heard:?}"));
    verdict
        .played
        .push(format!("{missed} entries caught up by a slow reader in {:.1} s", begun.elapsed().as_secs_f64()));
    Ok(())
}
