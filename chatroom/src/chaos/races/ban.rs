//! No word after the ban: a member says as much as he can while the owner bans him.

use anyhow::{Context, Result};
use events::{RoomId, StreamName};
use std::collections::{HashMap, HashSet};

use super::stage::Stage;
use crate::{
    chaos::{pair::Side, person::Person, promises::Promises, reader::Entry, storm::Deeds, tally::Tally},
    client::Outcome,
};

struct Scene {
    room: RoomId,
    owner: Person,
    talker: Person,
}

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let before = stage.end(StreamName::Chat).await?;
    let (mut promises, mut scene) = (Promises::default(), None);
    while let Some(round) = stage.next_round() {
        if round.opens_scene {
            scene = Some(open(stage, round.number).await?);
        }
        let scene = scene.as_ref().context("the first round opens a scene")?;
        talk_and_ban(stage, scene, round.number, &mut promises).await?;
    }
    let mut rooms = Rooms::default();
    stage
        .judge(StreamName::Chat, before, |entry, tally| {
            promises.see(entry, tally);
            rooms.see(entry, tally);
        })
        .await?;
    promises.end(&mut stage.tally);
    Ok(())
}

async fn open(stage: &mut Stage<'_>, round: u64) -> Result<Scene> {
    let (one, two) = (stage.pair.through(Side::One), stage.pair.through(Side::Two));
    let owner = Person::registered(one, &format!("+4916{round:09}")).await?;
    let room = owner.opens_room(one).await?;
    let talker = Person::guest(two).await?;
    two.insist(talker.joins(room)).await.applied().context("joining")?;
    Ok(Scene { room, owner, talker })
}

/// One round: the ban comes in the midst of the talk, and two more words after its answer. Then he is back.
async fn talk_and_ban(stage: &mut Stage<'_>, scene: &Scene, round: u64, promises: &mut Promises) -> Result<()> {
    let Scene { room, owner, talker } = scene;
    let said = |n: usize| format!("{round}/{n}");
    let post = |n: usize| (Side::of(n), talker.posts(*room, &said(n)));
    let in_time = stage.parallel - 3;
    let ban = (stage.side(), owner.bans(*room, talker.id));
    let mut clients: Vec<Deeds> = (0..in_time).map(|n| vec![post(n)]).collect();
    clients.push(vec![ban, post(in_time), post(in_time + 1)]);
    let mut answers = stage.storm(clients).await;
    let banning = answers.pop().context("as many answers as clients")?;
    for (n, answer) in answers.iter().flatten().enumerate() {
        if let Outcome::Applied(answer) = answer {
            promises.note(answer, "message.posted", said(n))?;
        }
    }
    let mut banning = banning.iter();
    if let Some(Outcome::Applied(answer)) = banning.next() {
        promises.note(answer, "member.banned", format!("the ban of round {round}"))?;
    }
    let late = banning.filter(|answer| matches!(answer, Outcome::Applied(_))).count();
    stage.tally.holds(late == 0, || format!("round {round}: {late} words were taken after the ban was answered"));
    let side = stage.side();
    let back = stage.pair.through(side);
    back.insist(owner.unbans(*room, talker.id)).await.applied().context("lifting the ban")?;
    back.insist(talker.joins(*room)).await.applied().context("coming back")?;
    Ok(())
}

/// Who is in which room, as the log says at each of its places.
#[derive(Default)]
pub(super) struct Rooms {
    members: HashMap<String, HashSet<String>>,
    texts: HashSet<String>,
}

impl Rooms {
    pub(super) fn see(&mut self, entry: &Entry, tally: &mut Tally) {
        if let Some((room, user)) = entry.member() {
            let members = self.members.entry(room.to_owned()).or_default();
            match entry.kind.as_str() {
                "member.joined" | "member.added" => drop(members.insert(user.to_owned())),
                "member.left" | "member.kicked" | "member.banned" => drop(members.remove(user)),
                _ => {}
            }
        }
        if entry.kind == "message.posted" {
            let (room, author, text) = (entry.text("room"), entry.text("author"), entry.text("text"));
            let is_member = self.members.get(room).is_some_and(|members| members.contains(author));
            tally.holds(is_member, || format!("{text} at {} is of somebody who is out", entry.seq));
            tally.holds(self.texts.insert(format!("{room} {text}")), || format!("{text} at {} again", entry.seq));
        }
    }
}
