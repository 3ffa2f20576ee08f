//! What does history hold? Every room, page by page, read no earlier than its last post.

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};

use super::{Play, journal::Memory, script, stage::Stage, verify::Said};
use crate::client::PageOf;
use crate::progress::Progress;

/// What each room's history holds, oldest first.
pub(super) async fn all(play: &Play, stage: &Stage, memory: &Memory, messages: u64) -> Result<Vec<Vec<Said>>> {
    let progress = Progress::of("read back", messages, 0);
    stream::iter(0_u32..)
        .take(play.script.scenes.len())
        .map(async |room| {
            let said = room_of(play, stage, room, memory.positions.get(&room), &progress).await;
            said.with_context(|| format!("reading back room {}", stage.rooms[room as usize]))
        })
        .buffered(play.at_once)
        .try_collect()
        .await
}

async fn room_of(
    play: &Play,
    stage: &Stage,
    room: u32,
    position: Option<&String>,
    progress: &Progress,
) -> Result<Vec<Said>> {
    let reader = &stage.authors[play.script.scenes[room as usize].authors[0] as usize];
    let (id, mut pages, mut of) = (stage.rooms[room as usize], Vec::new(), PageOf::Latest);
    let mut below = u64::MAX;
    loop {
        let page = play.insist.on(|| reader.page(id, &of, position.map(String::as_str))).await?;
        let mut said = Vec::with_capacity(page.items.len());
        for message in page.items.iter().rev() {
            let seq = message.seq.context("a message without its seq")?;
            ensure!(seq < below, "seq {seq} stands before {below}, which is not greater");
            below = seq;
            let text = script::digest(message.text.as_deref().unwrap_or_default().as_bytes());
            said.push(Said { id: message.id.0, text });
            progress.inc();
        }
        pages.append(&mut said);
        if !page.page.has_more_before {
            pages.reverse();
            return Ok(pages);
        }
        of = PageOf::Before(page.page.prev.context("there is more before, and no cursor")?);
    }
}
