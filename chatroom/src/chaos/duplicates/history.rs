//! What does a member read? A room's whole history, page by page, no older than the log's end.

use anyhow::{Context, Result};
use event_log::{EventLog, streams};
use events::{Position, StreamName};

use super::system::System;
use crate::client::{Page, PageOf, page_path};

/// The ids of all messages, oldest page last.
pub(super) async fn all(system: &System) -> Result<Vec<String>> {
    let log = &system.pair.log;
    let epoch = streams::epoch(log, StreamName::Chat).await?;
    let end = Position { epoch, seq: log.extent(StreamName::Chat).await?.last }.to_string();
    let (mut ids, mut of) = (Vec::new(), PageOf::Latest);
    loop {
        let ask = system.author.reads(&page_path(system.room, &of), &end);
        let page: Page = system.queries.insist(ask).await.read().applied().context("reading history")?;
        ids.extend(page.items.iter().map(|message| message.id.to_string()));
        match page.page.prev {
            Some(cursor) if page.page.has_more_before => of = PageOf::Before(cursor),
            _ => return Ok(ids),
        }
    }
}
