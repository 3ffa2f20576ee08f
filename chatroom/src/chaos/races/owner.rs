//! Somebody keeps the room: its owners leave, and take each other the ownership, all at once.

use anyhow::{Context, Result, bail};
use events::{RoomId, StreamName, Subject, UserId};
use rand::RngExt;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::stage::Stage;
use crate::{
    chaos::{
        pair::Side,
        person::Person,
        reader::{self, Entry},
        tally::Tally,
    },
    client::{Ask, Outcome},
};

/// Owners of a room when a round begins. Each of them asks for several things at once.
const OWNERS: usize = 8;

struct Scene {
    room: RoomId,
    people: Vec<Person>,
}

/// Of whom a round's answers said that he left.
struct Left {
    room: RoomId,
    people: BTreeSet<UserId>,
}

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let before = stage.end(StreamName::Chat).await?;
    let mut scene = None;
    // By the log's end when the round was over: nothing of it comes later.
    let mut rounds: BTreeMap<u64, Left> = BTreeMap::new();
    while let Some(round) = stage.next_round() {
        let before = scene.take().filter(|_| !round.opens_scene);
        let played = match before {
            Some(scene) => scene,
            None => open(stage, round.number).await?,
        };
        if let Err(refusal) = everybody_owns(stage, &played).await? {
            stage.tally.violated(format!("round {}: {refusal}", round.number));
            continue;
        }
        let left = go(stage, &played).await;
        rounds.insert(stage.end(StreamName::Chat).await?, left);
        scene = Some(played);
    }
    let mut rooms = Rooms::default();
    stage
        .judge(StreamName::Chat, before, |entry, tally| {
            rooms.see(entry, tally);
            if let Some(left) = rounds.get(&entry.seq) {
                rooms.round_is_over(left, entry.seq, tally);
            }
        })
        .await
}

async fn open(stage: &mut Stage<'_>, round: u64) -> Result<Scene> {
    let one = stage.pair.through(Side::One);
    let mut people = Vec::with_capacity(OWNERS);
    for n in 0..OWNERS {
        people.push(Person::registered(one, &format!("+4918{n}{round:08}")).await?);
    }
    Ok(Scene { room: people[0].opens_room(one).await?, people })
}

/// Whoever is still listed as an owner makes owners of all others; gives why not, where the room does not let him.
async fn everybody_owns(stage: &mut Stage<'_>, scene: &Scene) -> Result<Result<(), String>> {
    let tip = reader::tip(&stage.pair.log, Subject::Room(scene.room)).await?.context("a room that is none")?;
    let owners = tip.body["after"]["owners"].as_array().into_iter().flatten().filter_map(|id| id.as_str());
    let owners: BTreeSet<UserId> = owners.map(str::parse).collect::<Result<_, _>>()?;
    let Some(keeper) = scene.people.iter().find(|person| owners.contains(&person.id)) else {
        return Ok(Err("nobody owns the room any more".to_owned()));
    };
    let side = stage.side();
    let through = stage.pair.through(side);
    for person in scene.people.iter().filter(|person| !owners.contains(&person.id)) {
        for ask in [person.joins(scene.room), keeper.makes(scene.room, person.id, "owner")] {
            match through.insist(ask).await {
                Outcome::Applied(_) => {}
                Outcome::Refused(refusal) => return Ok(Err(format!("a listed owner cannot act as one: {refusal}"))),
                Outcome::Unknown { why, .. } => bail!("making an owner: {why}"),
            }
        }
    }
    Ok(Ok(()))
}

/// One round: each leaves, or makes another a mere member, through either instance.
async fn go(stage: &mut Stage<'_>, scene: &Scene) -> Left {
    let Scene { room, people } = scene;
    let mut whose = Vec::with_capacity(stage.parallel);
    let asks: Vec<(Side, Ask)> = (0..stage.parallel)
        .map(|n| {
            let who = n % OWNERS;
            let side = stage.side();
            if stage.draw.random_bool(0.5) {
                whose.push(Some(people[who].id));
                (side, people[who].leaves(*room))
            } else {
                let other = (who + stage.draw.random_range(1..OWNERS)) % OWNERS;
                whose.push(None);
                (side, people[who].makes(*room, people[other].id, "member"))
            }
        })
        .collect();
    let answers = stage.burst(asks.into_iter()).await;
    let left = answers.iter().zip(whose).filter(|(answer, _)| matches!(answer, Outcome::Applied(_)));
    Left { room: *room, people: left.filter_map(|(_, who)| who).collect() }
}

/// Owners as the log has them: by the room's own events, and by those of its members.
#[derive(Default)]
struct Rooms {
    owners: HashMap<String, BTreeSet<String>>,
    roles: HashMap<String, BTreeMap<String, String>>,
}

impl Rooms {
    fn see(&mut self, entry: &Entry, tally: &mut Tally) {
        match entry.kind.as_str() {
            "room.created" => {
                self.owners.insert(entry.text("room").to_owned(), BTreeSet::from([entry.text("owner").to_owned()]));
            }
            "room.owner" => {
                let owners = self.owners.entry(entry.text("room").to_owned()).or_default();
                owners.extend(Some(entry.text("added")).filter(|user| !user.is_empty()).map(str::to_owned));
                owners.remove(entry.text("removed"));
                tally.holds(!owners.is_empty(), || format!("a room has no owner from {} on", entry.seq));
            }
            _ => {}
        }
        let Some((room, user)) = entry.member() else { return };
        let roles = self.roles.entry(room.to_owned()).or_default();
        match entry.kind.as_str() {
            "member.joined" => drop(roles.insert(user.to_owned(), entry.text("role").to_owned())),
            "member.role" => {
                let changed = roles.get_mut(user).map(|role| entry.text("role").clone_into(role));
                tally.holds(changed.is_some(), || format!("a role of somebody who is out, at {}", entry.seq));
            }
            "member.left" => drop(roles.remove(user)),
            _ => {}
        }
    }

    /// The room's list and its members' roles say the same, and who was told that he left is out.
    fn round_is_over(&self, left: &Left, seq: u64, tally: &mut Tally) {
        let room = left.room.to_string();
        let (listed, roles) = (self.owners.get(&room), self.roles.get(&room));
        let by_role = roles.into_iter().flatten().filter(|(_, role)| *role == "owner").map(|(user, _)| user);
        let by_role: BTreeSet<&String> = by_role.collect();
        let listed: BTreeSet<&String> = listed.into_iter().flatten().collect();
        tally.holds(listed == by_role, || format!("at {seq} {listed:?} are listed as owners, and {by_role:?} are"));
        for user in left.people.iter().map(UserId::to_string) {
            let is_in = roles.is_some_and(|roles| roles.contains_key(&user));
            tally.holds(!is_in, || format!("{user} was told that he left, and is in at {seq}"));
        }
    }
}
