//! Who is there, and where? Makes the owner, the lounges, the rooms and the authors, and lets them join.

use anyhow::{Context, Result};
use events::{LoungeId, RoomId};
use futures::{StreamExt, TryStreamExt, stream};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

use super::{
    Authors, Play,
    insist::GaveUp,
    journal::{Entry, Memory},
    script::Scene,
};
use crate::client::{Account, NewRoom, Session};
use crate::progress::Progress;

/// Everybody and everything that the posts need.
pub(super) struct Stage {
    /// Owns the lounges and so is a member of each room.
    pub(super) owner: Arc<Session>,
    pub(super) authors: Vec<Arc<Session>>,
    pub(super) rooms: Vec<RoomId>,
    /// All of the above is at or before it.
    pub(super) position: String,
}

/// Makes what the state does not name yet.
pub(super) async fn set(play: &Play, memory: &Memory) -> Result<Stage> {
    let owner = Arc::new(owner(play, memory).await.context("the owner of the rooms")?);
    let lounges = lounges(play, memory, &owner).await?;
    let rooms = rooms(play, memory, &owner, &lounges).await?;
    let authors = authors(play, memory).await?;
    let position = join(play, memory, &authors, &rooms).await?;
    Ok(Stage { owner, authors, rooms, position })
}

async fn owner(play: &Play, memory: &Memory) -> Result<Session> {
    let account = match &memory.owner {
        Some((phone, password)) => account(phone, password, OWNER),
        None => {
            let new = new_account(OWNER);
            let Account { phone, password, .. } = new.clone();
            play.journal.note(&Entry::Owner { phone, password })?;
            new
        }
    };
    // Registering again with the same password signs in, so an unknown outcome may be repeated.
    Ok(play.insist.on(|| Session::register(&play.api, &account)).await?)
}

const OWNER: &str = "Conversation player";

async fn lounges(play: &Play, memory: &Memory, owner: &Session) -> Result<HashMap<String, LoungeId>> {
    let mut lounges = memory.lounges.clone();
    for language in play.script.scenes.iter().map(|scene| &scene.language) {
        if lounges.contains_key(language) {
            continue;
        }
        let key = match memory.lounge_keys.get(language) {
            Some(key) => *key,
            None => {
                let key = Uuid::now_v7();
                play.journal.note(&Entry::LoungeKey { language: language.clone(), key })?;
                key
            }
        };
        let (key, name) = (key.to_string(), if language.is_empty() { "?" } else { language });
        let id =
            play.insist.on(|| owner.create_lounge(&key, name)).await.with_context(|| format!("lounge {name:?}"))?.id;
        play.journal.note(&Entry::Lounge { language: language.clone(), id })?;
        lounges.insert(language.clone(), id);
    }
    Ok(lounges)
}

async fn rooms(
    play: &Play,
    memory: &Memory,
    owner: &Session,
    lounges: &HashMap<String, LoungeId>,
) -> Result<Vec<RoomId>> {
    let progress = Progress::of("rooms", play.script.scenes.len() as u64, memory.rooms.len() as u64);
    stream::iter((0_u32..).zip(&play.script.scenes))
        .map(async |(room, scene)| {
            if let Some(id) = memory.rooms.get(&room) {
                return Ok(*id);
            }
            let id = make_room(play, memory, owner, lounges[&scene.language], room, scene)
                .await
                .with_context(|| format!("room {:?}", scene.name))?;
            play.journal.note(&Entry::Room { room, id })?;
            progress.inc();
            anyhow::Ok(id)
        })
        .buffered(play.at_once)
        .try_collect()
        .await
}

async fn make_room(
    play: &Play,
    memory: &Memory,
    owner: &Session,
    lounge: LoungeId,
    room: u32,
    scene: &Scene,
) -> Result<RoomId> {
    let new = |name: &str, language: &str| NewRoom {
        name: name.to_owned(),
        language: language.to_owned(),
        visibility: "public".to_owned(),
        guests: true,
    };
    // The file's own names first. A file may name a room or a language as no room may be called.
    let plain = format!("Room {}", room + 1);
    let tries = [new(&scene.name, &scene.language), new(&plain, &scene.language), new(&plain, "und")];
    let mut kept = memory.room_keys.get(&room).copied();
    let mut refused = None;
    for new in tries {
        let key = kept.take().unwrap_or_else(Uuid::now_v7);
        play.journal.note(&Entry::RoomKey { room, key })?;
        let key = key.to_string();
        match play.insist.on(|| owner.create_room(&key, lounge, &new)).await {
            // Another attempt's key was in the state: its room stays empty, this one is played in.
            Err(GaveUp::Refused(no)) if matches!(no.code.as_str(), "validation" | "idempotency-mismatch") => {
                refused = Some(no);
            }
            outcome => return Ok(outcome?.id),
        }
    }
    Err(GaveUp::Refused(refused.expect("each of the tries was refused")).into())
}

async fn authors(play: &Play, memory: &Memory) -> Result<Vec<Arc<Session>>> {
    let progress = Progress::of("authors", play.script.authors.len() as u64, 0);
    stream::iter((0_u32..).zip(&play.script.authors))
        .map(async |(author, name)| {
            let session = match play.authors {
                Authors::Guests => guest(play, memory, author, name).await,
                Authors::Registered => registered(play, memory, author, name).await,
            };
            progress.inc();
            Ok(Arc::new(session.with_context(|| format!("author {name:?}"))?))
        })
        .buffered(play.at_once)
        .try_collect()
        .await
}

async fn guest(play: &Play, memory: &Memory, author: u32, name: &str) -> Result<Session> {
    let session = match memory.guests.get(&author) {
        // Another guest in its place would be another author, and its repeated posts other messages.
        Some(refresh) => play.insist.on(|| Session::resume(&play.api, refresh)).await.context(
            "its guest session is over (24 h without use): begin with a new state file, or use --authors registered",
        )?,
        None => named(name, author, async |name| play.insist.on(|| Session::guest(&play.api, name)).await).await?,
    };
    play.journal.note(&Entry::Guest { author, refresh: session.refresh_token() })?;
    let journal = Arc::clone(&play.journal);
    Ok(session.keeping(move |refresh| {
        let entry = Entry::Guest { author, refresh: refresh.to_owned() };
        // Without it a later run could not go on; this one can, and fails at its next post.
        if let Err(why) = journal.note(&entry) {
            eprintln!("chatroom: {why:#}");
        }
    }))
}

async fn registered(play: &Play, memory: &Memory, author: u32, name: &str) -> Result<Session> {
    let (phone, password) = match memory.registering.get(&author) {
        Some(account) => account.clone(),
        None => {
            let Account { phone, password, .. } = new_account(name);
            let entry = Entry::Registering { author, phone: phone.clone(), password: password.clone() };
            play.journal.note(&entry)?;
            (phone, password)
        }
    };
    named(name, author, async |name| {
        let account = account(&phone, &password, name);
        play.insist.on(|| Session::register(&play.api, &account)).await
    })
    .await
}

/// Under the file's name, or a plain one where nobody may be called that.
async fn named(name: &str, author: u32, begin: impl AsyncFn(&str) -> Result<Session, GaveUp>) -> Result<Session> {
    match begin(name).await {
        Err(GaveUp::Refused(no)) if no.code == "validation" => Ok(begin(&format!("Author {}", author + 1)).await?),
        outcome => Ok(outcome?),
    }
}

/// Lets all authors join their rooms. The last joining waits for all others, so that its position is
/// behind theirs: positions cannot be compared outside.
async fn join(play: &Play, memory: &Memory, authors: &[Arc<Session>], rooms: &[RoomId]) -> Result<String> {
    if let Some(position) = &memory.staged {
        return Ok(position.clone());
    }
    let pairs: Vec<(u32, u32)> = (0_u32..)
        .zip(&play.script.scenes)
        .flat_map(|(room, scene)| scene.authors.iter().map(move |author| (room, *author)))
        .collect();
    let (last, others) = pairs.split_last().context("nobody speaks")?;
    let progress = Progress::of("joins", pairs.len() as u64, memory.joined.len() as u64);
    let enter = async |(room, author): (u32, u32)| {
        let (session, room) = (&authors[author as usize], rooms[room as usize]);
        play.insist.on(|| session.join(room)).await.with_context(|| format!("joining {room}"))
    };
    stream::iter(others.iter().filter(|pair| !memory.joined.contains(pair)))
        .map(Ok)
        .try_for_each_concurrent(play.at_once, async |pair: &(u32, u32)| {
            enter(*pair).await?;
            progress.inc();
            play.journal.note(&Entry::Joined { room: pair.0, author: pair.1 })
        })
        .await?;
    let mut position = enter(*last).await?;
    if !memory.joined.is_empty() {
        // An interrupted run may have let it in before others: it comes again, behind all of them.
        let (session, room) = (&authors[last.1 as usize], rooms[last.0 as usize]);
        play.insist.on(|| session.leave(room)).await.with_context(|| format!("leaving {room}"))?;
        position = enter(*last).await?;
    }
    play.journal.note(&Entry::Staged { position: position.clone() })?;
    Ok(position)
}

fn account(phone: &str, password: &str, display_name: &str) -> Account {
    Account { phone: phone.into(), password: password.into(), display_name: display_name.into() }
}

/// With a random number and password.
fn new_account(display_name: &str) -> Account {
    let digits: u64 = rand::random_range(100_000_000..1_000_000_000);
    account(&format!("+49151{digits}"), &format!("{:032x}", rand::random::<u128>()), display_name)
}
