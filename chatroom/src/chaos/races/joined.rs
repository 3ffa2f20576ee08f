//! Who has just joined through one instance is a member for the other: each joins through one and speaks through the other.

use anyhow::{Context, Result};
use events::{RoomId, StreamName};
use futures::future::try_join_all;

use super::{ban::Rooms, stage::Stage};
use crate::{
    chaos::{
        pair::Side,
        person::{Person, applied},
        promises::Promises,
    },
    client::{Answer, Outcome},
};

struct Scene {
    room: RoomId,
    people: Vec<Person>,
}

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let before = stage.end(StreamName::Chat).await?;
    let (mut promises, mut scene) = (Promises::default(), None);
    while let Some(round) = stage.next_round() {
        if round.opens_scene {
            scene = Some(open(stage, round.number).await?);
        }
        let scene = scene.as_mut().context("the first round opens a scene")?;
        come_speak_and_go(stage, scene, round.number, &mut promises).await?;
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
    let one = stage.pair.through(Side::One);
    let owner = Person::registered(one, &format!("+4917{round:09}")).await?;
    let room = owner.opens_room(one).await?;
    let people = (0..stage.parallel).map(|n| Person::guest(stage.pair.through(Side::of(n))));
    Ok(Scene { room, people: try_join_all(people).await? })
}

/// One round. First all speak too early, through an instance that has never heard of them or, later, remembers them as
/// members: now it remembers them as none. Then all come through one instance and speak through that one at once.
async fn come_speak_and_go(
    stage: &mut Stage<'_>,
    scene: &mut Scene,
    round: u64,
    promises: &mut Promises,
) -> Result<()> {
    let Scene { room, people } = scene;
    let side = |n: usize| Side::of(n + round as usize);
    let post = |n: usize, person: &Person, text: &str| (side(n).other(), person.posts(*room, text));
    let early = people.iter().enumerate().map(|(n, person)| post(n, person, &format!("{round}/{n} too early")));
    let early = applied(&stage.burst(early).await).count();
    stage.tally.holds(early == 0, || format!("round {round}: {early} spoke before they had joined"));

    let come =
        |(n, person): (usize, &Person)| vec![(side(n), person.joins(*room)), post(n, person, &format!("{round}/{n}"))];
    let come = people.iter().enumerate().map(come).collect();
    for (n, answers) in stage.storm(come).await.into_iter().enumerate() {
        for (answer, kind) in answers.into_iter().zip(["member.joined", "message.posted"]) {
            judge(stage, answer, kind, format!("{kind} {round}/{n}"), promises)?;
        }
    }

    let leave = people.iter().enumerate().map(|(n, person)| (side(n).other(), person.leaves(*room)));
    let left = stage.burst(leave).await;
    // Of whom nobody knows whether he is out, nobody can say that his next coming is one: others take his place.
    for (n, answer) in left.iter().enumerate() {
        if !matches!(answer, Outcome::Applied(_)) {
            people[n] = Person::guest(stage.pair.through(side(n))).await?;
        }
    }
    Ok(())
}

fn judge(
    stage: &mut Stage<'_>,
    answer: Outcome<Answer>,
    kind: &'static str,
    what: String,
    promises: &mut Promises,
) -> Result<()> {
    match answer {
        Outcome::Applied(answer) => promises.note(&answer, kind, what),
        Outcome::Refused(refusal) => {
            stage.tally.violated(format!("{what} was refused: {refusal}"));
            Ok(())
        }
        Outcome::Unknown { .. } => Ok(()),
    }
}
