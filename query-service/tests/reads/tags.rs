//! Does a client that has an answer hear so, and only then?

use crate::read_model::{Person, System};
use anyhow::{Context, Result};
use events::{Membership, Role};

async fn tag(system: &System, who: &Person, path: &str) -> Result<Option<String>> {
    let answer = system.get(Some(who), path, &[]).await?;
    assert_eq!(answer.status, 200, "{path}");
    let tag = answer.headers.get("etag").map(|tag| tag.to_str().map(str::to_owned)).transpose()?;
    assert_eq!(tag.is_some(), answer.headers.get("cache-control").is_some_and(|value| value == "private, no-cache"));
    Ok(tag)
}

// Red without the names' positions in `Found::changed`, and without the role in `tag`.
#[tokio::test]
async fn a_page_is_not_sent_again_until_something_on_it_changes() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    system.member(room, &ada, Some("moderator"), None).await?;
    system.member(room, &bob, Some("member"), None).await?;
    let said = system.message(room, 2, &bob, "first", "visible").await?;
    let messages = format!("/v1/rooms/{room}/messages");
    let mut before = Vec::new();
    // Kept ready, and read each time.
    for follows in [true, false] {
        if follows {
            system.hub_is_at(1);
        }
        for path in [messages.clone(), format!("{messages}?limit=10"), format!("{messages}/{said}")] {
            let own = tag(&system, &ada, &path).await?.context("a tag")?;
            let again = system.get(Some(&ada), &path, &[("if-none-match", &own)]).await?;
            assert_eq!((again.status, again.body.is_null()), (304, true), "{path}");
            assert_eq!(again.headers["etag"], own);
            assert_eq!(system.get(Some(&bob), &path, &[("if-none-match", &own)]).await?.status, 200, "another viewer");
            before.push((path, own));
        }
    }
    let is_sent_again = async |why: &str| -> Result<()> {
        for (path, had) in &before {
            assert_eq!(system.get(Some(&ada), path, &[("if-none-match", had)]).await?.status, 200, "{path} {why}");
        }
        Ok(())
    };
    system.hub_sees(2, room, &ada, Membership { role: Some(Role::Member), ..Membership::default() });
    is_sent_again("in another role").await?;
    system.hub_sees(3, room, &ada, Membership { role: Some(Role::Moderator), ..Membership::default() });
    for (path, had) in &before {
        assert_eq!(system.get(Some(&ada), path, &[("if-none-match", had)]).await?.status, 304, "{path}");
    }
    system.write(&format!("update rm.users set display_name = 'Rob', position = 4 where id = '{}'", bob.id())).await?;
    system.hub_sees_change(4, crate::read_model::Thing::User(bob.id()));
    is_sent_again("after a rename").await?;
    system.stop().await
}

#[tokio::test]
async fn a_list_has_a_tag_unless_it_tells_what_is_unread() -> Result<()> {
    let system = System::start().await?;
    let (ada, bob) = (system.user("Ada").await?, system.user("Bob").await?);
    let lounge = system.lounge(&ada, "Tea").await?;
    let room = system.room(lounge, "Green", "public").await?;
    system.member(room, &ada, Some("owner"), None).await?;
    let (lounges, rooms) = ("/v1/lounges", format!("/v1/lounges/{lounge}/rooms"));
    for path in [lounges, &rooms, &format!("{rooms}?limit=1")] {
        let had = tag(&system, &bob, path).await?.context("a tag")?;
        assert_eq!(system.get(Some(&bob), path, &[("if-none-match", &had)]).await?.status, 304, "{path}");
        system.reaches(2).await?;
        assert_eq!(
            system.get(Some(&bob), path, &[("if-none-match", &had)]).await?.status,
            304,
            "only the position moved"
        );
    }
    assert_eq!(tag(&system, &ada, &rooms).await?, None);
    assert_eq!(tag(&system, &ada, &format!("/v1/rooms/{room}")).await?, None);
    assert_eq!(tag(&system, &ada, "/v1/users/me/rooms").await?, None);
    let had = tag(&system, &bob, &rooms).await?.context("a tag")?;
    system.message(room, 2, &ada, "first", "visible").await?;
    assert_eq!(system.get(Some(&bob), &rooms, &[("if-none-match", &had)]).await?.status, 200, "its head moved");
    system.stop().await
}
