//! Is what is kept ready never older than what happened, and never shown to who may not see it? Played step by step.
//!
//! Rows are changed without a word to the hub: an answer that does not show it was kept, one that does was read.

use crate::read_model::{Person, System, Thing};
use anyhow::{Context, Result};
use events::{Membership, Role};
use serde_json::{Value, json};
use uuid::Uuid;

/// A room of Ada (moderator), Bob and Eve, in which Bob has said something; read model and hub are at 1.
struct Stage {
    system: System,
    ada: Person,
    bob: Person,
    eve: Person,
    lounge: Uuid,
    room: Uuid,
    said: Uuid,
}

impl Stage {
    async fn set() -> Result<Self> {
        let system = System::start().await?;
        let (ada, bob, eve) = (system.user("Ada").await?, system.user("Bob").await?, system.user("Eve").await?);
        let lounge = system.lounge(&ada, "Tea").await?;
        let room = system.room(lounge, "Green", "public").await?;
        system.member(room, &ada, Some("moderator"), None).await?;
        system.member(room, &bob, Some("member"), None).await?;
        system.member(room, &eve, Some("member"), None).await?;
        let said = system.message(room, 2, &bob, "first", "visible").await?;
        system.checkpoint.reaches(system.at(1), std::time::Duration::from_secs(4)).await?;
        system.hub_is_at(1);
        Ok(Self { system, ada, bob, eve, lounge, room, said })
    }

    fn path(&self) -> String {
        format!("/v1/rooms/{}/messages", self.room)
    }

    async fn texts(&self, who: &Person) -> Result<Vec<String>> {
        let page = self.system.reads(who, &self.path()).await?;
        let items = page["items"].as_array().context("items")?;
        Ok(items.iter().map(|item| item["text"].as_str().unwrap_or("-").to_owned()).collect())
    }

    async fn says(&self, seq: u64, text: &str) -> Result<()> {
        self.system.message(self.room, seq, &self.bob, text, "visible").await.map(drop)
    }

    /// The projector moves the checkpoint, and the watch knows it.
    async fn read_model_reaches(&self, seq: u64) -> Result<()> {
        self.system.reaches(seq).await?;
        self.system.checkpoint.reaches(self.system.at(seq), std::time::Duration::from_secs(4)).await?;
        Ok(())
    }
}

// Red where `turn` gives out what is kept without `is_current`.
#[tokio::test]
async fn a_page_is_kept_until_the_hub_sees_a_change_and_again_once_the_read_model_has_it() -> Result<()> {
    let stage = Stage::set().await?;
    assert_eq!(stage.texts(&stage.bob).await?, ["first"]);
    stage.says(3, "second").await?;
    assert_eq!(stage.texts(&stage.eve).await?, ["first"], "kept for all");
    // The read model stays two seconds behind: whatever is read of it now is not kept.
    stage.system.hub_sees_change(5, Thing::Room(stage.room));
    assert_eq!(stage.texts(&stage.eve).await?, ["first", "second"]);
    stage.says(4, "third").await?;
    assert_eq!(stage.texts(&stage.eve).await?, ["first", "second", "third"]);
    stage.read_model_reaches(5).await?;
    assert_eq!(stage.texts(&stage.bob).await?, ["first", "second", "third"]);
    stage.says(5, "fourth").await?;
    assert_eq!(stage.texts(&stage.bob).await?, ["first", "second", "third"], "kept again");
    stage.system.stop().await
}

// Red where `Latest::shown` names no authors.
#[tokio::test]
async fn a_rename_is_a_change_of_each_page_that_shows_the_name() -> Result<()> {
    let stage = Stage::set().await?;
    let name = async || -> Result<Value> {
        let page = stage.system.reads(&stage.eve, &stage.path()).await?;
        Ok(page["items"][0]["author"]["display_name"].clone())
    };
    assert_eq!(name().await?, "Bob");
    stage.system.write(&format!("update rm.users set display_name = 'Rob' where id = '{}'", stage.bob.id())).await?;
    stage.system.hub_sees_change(5, Thing::User(stage.ada.id()));
    stage.read_model_reaches(5).await?;
    assert_eq!(name().await?, "Bob", "Ada is not on it");
    stage.system.hub_sees_change(6, Thing::User(stage.bob.id()));
    assert_eq!(name().await?, "Rob");
    stage.system.stop().await
}

// Red where `still` does not ask whether the hub is as far as the read model.
#[tokio::test]
async fn a_hub_that_is_behind_the_read_model_vouches_for_nothing() -> Result<()> {
    let stage = Stage::set().await?;
    assert_eq!(stage.texts(&stage.eve).await?, ["first"]);
    stage.says(3, "second").await?;
    stage.read_model_reaches(9).await?;
    let asked = [("chat-min-position", stage.system.position(9))];
    let asked = asked.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = stage.system.get(Some(&stage.eve), &stage.path(), &asked).await?.body;
    assert_eq!(
        (page["items"].as_array().map(Vec::len), &page["position"]),
        (Some(2), &json!(stage.system.position(9)))
    );
    // Once it has seen as far, what was read before is as good as read now, and says so.
    stage.says(4, "third").await?;
    stage.system.hub_is_at(20);
    stage.read_model_reaches(15).await?;
    let page = stage.system.get(Some(&stage.eve), &stage.path(), &asked).await?.body;
    assert_eq!(
        (page["items"].as_array().map(Vec::len), &page["position"]),
        (Some(2), &json!(stage.system.position(15)))
    );
    stage.system.stop().await
}

// Red where `still` does not compare the generation.
#[tokio::test]
async fn another_read_model_at_the_same_place_is_read_anew() -> Result<()> {
    let stage = Stage::set().await?;
    assert_eq!(stage.texts(&stage.eve).await?, ["first"]);
    stage.says(3, "second").await?;
    stage.system.write("update rm.checkpoint set generation = 2 where projection = 'chat'").await?;
    stage.read_model_reaches(2).await?;
    stage.system.hub_is_at(2);
    assert_eq!(stage.texts(&stage.eve).await?, ["first", "second"]);
    stage.system.stop().await
}

// Red where the standing that is kept is not overlaid, and where what is removed is in the same bytes for all.
#[tokio::test]
async fn a_kept_page_is_shown_to_who_may_see_it_as_he_may_see_it() -> Result<()> {
    let stage = Stage::set().await?;
    let (system, room) = (&stage.system, stage.room);
    system.message(room, 3, &stage.bob, "removed", "removed").await?;
    for (person, emoji, position) in [(&stage.ada, "🍵", 3), (&stage.bob, "🫖", 4), (&stage.bob, "🍵", 5)] {
        let (said, user) = (stage.said, person.id());
        system
            .write(&format!(
                "insert into rm.reactions (message_id, emoji, user_id, room_id, position)
                 values ('{said}', '{emoji}', '{user}', '{room}', {position})"
            ))
            .await?;
    }
    let sam = system.user("Sam").await?;
    let kept = system.reads(&stage.eve, &stage.path()).await?;
    assert!(kept.get("own_reactions").is_none());
    stage.says(4, "not on it").await?;
    let own = |emojis: &[&str]| json!({ stage.said.to_string(): emojis });
    assert_eq!(system.reads(&stage.bob, &stage.path()).await?["own_reactions"], own(&["🍵", "🫖"]));
    let moderators = system.reads(&stage.ada, &stage.path()).await?;
    assert_eq!((&moderators["own_reactions"], &moderators["items"][1]["text"]), (&own(&["🍵"]), &json!("removed")));
    assert_eq!(stage.texts(&stage.bob).await?, ["first", "-"]);
    assert_eq!(kept["items"][0], moderators["items"][0]);
    assert_eq!(system.get(Some(&sam), &stage.path(), &[]).await?.code(), "forbidden");

    system.hub_sees(2, room, &sam, Membership { role: Some(Role::Member), ..Membership::default() });
    assert_eq!(stage.texts(&sam).await?, ["first", "-"], "he came, and the page is as it was");
    system.hub_sees(3, room, &stage.ada, Membership { role: Some(Role::Member), ..Membership::default() });
    assert_eq!(stage.texts(&stage.ada).await?, ["first", "-"], "a moderator no more");
    system.hub_sees(4, room, &stage.bob, Membership::default());
    assert_eq!(system.get(Some(&stage.bob), &stage.path(), &[]).await?.code(), "forbidden");
    stage.system.stop().await
}

// Red where `shared` does not look for what is hidden.
#[tokio::test]
async fn a_page_with_a_hidden_message_is_read_for_each() -> Result<()> {
    let stage = Stage::set().await?;
    stage.system.message(stage.room, 3, &stage.bob, "hidden", "hidden").await?;
    assert_eq!(stage.texts(&stage.eve).await?, ["first", "-"]);
    assert_eq!(stage.texts(&stage.bob).await?, ["first", "hidden"]);
    stage.says(4, "second").await?;
    assert_eq!(stage.texts(&stage.eve).await?, ["first", "-", "second"]);
    let missing = format!("/v1/rooms/{}/messages", Uuid::now_v7());
    assert_eq!(stage.system.get(Some(&stage.eve), &missing, &[]).await?.code(), "not-found");
    stage.system.stop().await
}

// Red where `rooms_list` does not ask who is a stranger, and where a list is kept whatever the hub has seen.
#[tokio::test]
async fn lists_are_kept_until_something_on_them_changes() -> Result<()> {
    let stage = Stage::set().await?;
    let (system, lounge) = (&stage.system, stage.lounge);
    let (lounges, rooms) = ("/v1/lounges".to_owned(), format!("/v1/lounges/{lounge}/rooms"));
    let names = async |who: &Person, path: &str| -> Result<Vec<String>> {
        let page = system.reads(who, path).await?;
        let items = page["items"].as_array().context("items")?;
        Ok(items.iter().map(|item| item["name"].as_str().unwrap_or_default().to_owned()).collect())
    };
    let sam = system.user("Sam").await?;
    assert_eq!(names(&sam, &lounges).await?, ["Tea"]);
    assert_eq!(names(&sam, &rooms).await?, ["Green"]);
    system.lounge(&stage.ada, "Coffee").await?;
    let private = system.room(lounge, "Black", "private").await?;
    system.member(private, &stage.eve, Some("member"), None).await?;
    system.room(lounge, "White", "public").await?;
    assert_eq!(names(&sam, &lounges).await?, ["Tea"]);
    assert_eq!(names(&sam, &rooms).await?, ["Green"]);
    assert_eq!(names(&stage.eve, &rooms).await?, ["Green", "Black", "White"], "who is in a room reads his own");
    system.hub_sees_change(5, Thing::Room(stage.room));
    stage.read_model_reaches(5).await?;
    assert_eq!(names(&sam, &lounges).await?, ["Tea"], "what is said in a room is nothing to the lounges");
    assert_eq!(names(&sam, &rooms).await?, ["Green", "White"]);
    system.hub_sees_change(6, Thing::Rooms);
    assert_eq!(names(&sam, &lounges).await?, ["Tea", "Coffee"]);
    // He comes into a private room: whether he is a stranger is asked again.
    stage.read_model_reaches(6).await?;
    assert_eq!(names(&sam, &rooms).await?, ["Green", "White"]);
    system.member(private, &sam, Some("member"), None).await?;
    system.hub_sees_change(7, Thing::User(sam.id()));
    stage.read_model_reaches(7).await?;
    assert_eq!(names(&sam, &rooms).await?, ["Green", "Black", "White"]);
    stage.system.stop().await
}
