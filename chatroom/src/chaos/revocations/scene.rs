//! Where do people talk? In a few rooms with a past, each on both instances, and in one more that nobody is put out of.

use anyhow::{Context, Result};
use event_log::JetStream;
use events::RoomId;
use futures::{StreamExt, TryStreamExt, stream};
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

use crate::{
    chaos::{
        ground::{Beside, Ground},
        instance::Instance,
        person::Person,
    },
    client::Api,
};

/// People who talk all the time.
pub(super) const SPEAKERS: usize = 2;
/// A breath between two messages of one of them.
const BREATH: Duration = Duration::from_millis(10);
/// Posts of the past that are under way at once.
const AT_ONCE: usize = 64;
/// The last words in each room.
pub(super) const END: &str = "the end";

/// What everybody on the stage can reach. Clones reach the same.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) commands: Arc<Instance>,
    pub(super) queries: [Api; 2],
    pub(super) log: JetStream,
    pub(super) owner: Person,
    speakers: Arc<[Person]>,
    pub(super) rooms: Arc<[RoomId]>,
    /// Where nobody is put out: what is said there comes behind what was said elsewhere before.
    pub(super) lobby: RoomId,
    /// Where the past ends.
    pub(super) since: Arc<str>,
    /// How much of it each room has.
    pub(super) behind: u64,
}

pub(super) async fn set(program: &Path, rooms: u16, behind: u64) -> Result<(Scene, Ground)> {
    let ground = Ground::laid(program, &Beside::default()).await?;
    let (commands, queries, log) = (Arc::clone(&ground.commands), ground.queries.clone(), ground.log().await?);
    let owner = Person::registered(&commands, "+491500000001").await?;
    let lobby = owner.opens_room(&commands).await?;
    let mut ids = Vec::new();
    for _ in 0..rooms {
        ids.push(owner.opens_room(&commands).await?);
    }
    let mut speakers = Vec::new();
    for _ in 0..SPEAKERS {
        let person = Person::guest(&commands).await?;
        for room in &ids {
            commands.insist(person.joins(*room)).await.applied().context("joining")?;
        }
        speakers.push(person);
    }
    let past = ids.iter().flat_map(|room| (0..behind).map(move |number| (*room, number)));
    let posting = past.map(|(room, number)| {
        let words = format!("message {number} of the past {}", "long ".repeat(100));
        let ask = speakers[0].posts(room, words.trim_end());
        let commands = &commands;
        async move { commands.insist(ask).await.applied().context("the past") }
    });
    let posted: Vec<_> = stream::iter(posting).buffer_unordered(AT_ONCE).try_collect().await?;
    let since = posted.last().context("a past")?.value()["position"].as_str().context("a position")?.into();
    let (speakers, rooms) = (speakers.into(), ids.into());
    Ok((Scene { commands, queries, log, owner, speakers, rooms, lobby, since, behind }, ground))
}

impl Scene {
    /// Talks in one room after the other until it is told to stop. What is refused at the door is not said.
    pub(super) async fn talk(self, speaker: usize, stop: CancellationToken) {
        for (count, room) in self.rooms.iter().cycle().enumerate() {
            if stop.is_cancelled() {
                return;
            }
            self.commands.send(self.speakers[speaker].posts(*room, &format!("message {count}"))).await;
            tokio::time::sleep(BREATH).await;
        }
    }

    /// The owner says this.
    pub(super) async fn says(&self, room: RoomId, words: &str) -> Result<()> {
        let key = uuid::Uuid::now_v7().to_string();
        let ask = self.owner.posts(room, words).header("idempotency-key", &key);
        self.commands.insist(ask).await.applied().map(drop).context("the owner's words")
    }

    /// The last words in each room.
    pub(super) async fn ends(&self) -> Result<()> {
        for room in self.rooms.iter() {
            self.says(*room, END).await?;
        }
        Ok(())
    }
}
