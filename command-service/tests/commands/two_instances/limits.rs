//! What is told to who asks too often? 429 with all that a client needs to come back, for each limit of commands.

use crate::house::{
    ADA, Answer, Ask, House, Instance, ORIGIN, PASSWORD, Pair, making_a_lounge, member, registering, signing_in,
};
use platform::limits::RateLimitArgs;
use serde_json::{Value, json};

/// So low that no time passes until they are used up.
async fn with_low_limits() -> Pair {
    let mut house = House::new().await;
    let rate = |text: &str| text.parse().expect("a rate");
    house.config.limits = RateLimitArgs {
        no_rate_limits: false,
        limit_posts_user: rate("2/h"),
        limit_posts_guest: rate("1/h"),
        limit_posts_room: rate("4/h"),
        limit_rooms_made: rate("3/h"),
        limit_joins: rate("2/h"),
        limit_registrations: rate("4/h"),
        limit_reactions: rate("1/h"),
        limit_moderation: rate("1/h"),
        limit_changes: rate("1/h"),
        limit_reports: rate("1/h"),
        ..house.config.limits
    };
    Pair::in_house(house).await
}

/// Asks so often, and is refused the last time and not before.
async fn refused_at<'a>(turn: usize, instance: &Instance, ask: impl Fn() -> Ask<'a>) -> Answer {
    for _ in 1..turn {
        let answer = ask().of(instance).await;
        assert_ne!(answer.status, 429, "{}", answer.body);
    }
    ask().of(instance).await
}

fn tells(answer: &Answer, limit: &str) {
    assert_eq!((answer.status, &answer.body["code"]), (429, &json!("rate-limited")), "{limit}: {}", answer.body);
    let header = |name: &str| answer.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{limit}: {:?}", answer.headers);
    for name in ["ratelimit", "ratelimit-policy"] {
        assert!(header(name).starts_with(&format!("\"{limit}\";")), "{limit}: {:?}", answer.headers);
        assert!(header("access-control-expose-headers").contains(name), "{:?}", answer.headers);
    }
    assert_eq!(header("access-control-allow-origin"), ORIGIN);
    assert!(answer.body["retry_after_ms"].is_u64() && answer.body["retryable"] == true, "{}", answer.body);
}

// Red with any one `check` taken out of its handler.
#[tokio::test(flavor = "multi_thread")]
async fn each_limit_of_commands_refuses_with_all_that_a_client_needs() {
    let pair = with_low_limits().await;
    let one = &pair.one;
    let ada = registering(PASSWORD).done(one).await;
    let lounge = making_a_lounge(&ada).done(one).await;
    let rooms = format!("/v1/lounges/{}/rooms", lounge["lounge"]["id"].as_str().expect("an id"));
    let wish = json!({ "name": "Hall", "language": "en", "guests": true });
    let making_a_room = || Ask::new("POST", rooms.as_str(), wish.clone()).by(&ada);
    let room = making_a_room().done(one).await;
    // Lounges and rooms are counted together.
    tells(&refused_at(2, one, making_a_room).await, "rooms-made");
    tells(&refused_at(1, one, || making_a_lounge(&ada)).await, "rooms-made");

    let room = format!("/v1/rooms/{}", room["room"]["id"].as_str().expect("an id"));
    let gus = Ask::new("POST", "/v1/guests", json!({ "display_name": "Gus" })).done(one).await;
    let bob = json!({ "phone": "+4915100000002", "password": PASSWORD, "display_name": "Bob" });
    let bob = Ask::new("POST", "/v1/users", bob).done(one).await;
    let joining = |tokens| Ask::new("PUT", format!("{room}/members/me"), Value::Null).by(tokens);
    joining(&bob).done(one).await;
    tells(&refused_at(3, one, || joining(&gus)).await, "joins");

    let posting = |tokens| Ask::new("POST", format!("{room}/messages"), json!({ "text": "hi" })).by(tokens);
    tells(&refused_at(2, one, || posting(&gus)).await, "posts-guest");
    let hers = posting(&ada).done(one).await;
    let hers = format!("{room}/messages/{}", hers["message"]["id"].as_str().expect("an id"));
    // An edit is as good as a post.
    Ask::new("PATCH", hers.as_str(), json!({ "text": "ho" })).by(&ada).done(one).await;
    tells(&refused_at(1, one, || posting(&ada)).await, "posts-user");
    tells(
        &refused_at(1, one, || Ask::new("PATCH", hers.as_str(), json!({ "text": "ha" })).by(&ada)).await,
        "posts-user",
    );
    let about = |what: &str, method, body| Ask::new(method, format!("{hers}{what}"), body);
    let reacting = || about("/reactions/👍", "PUT", Value::Null).by(&bob);
    tells(&refused_at(2, one, reacting).await, "reactions");
    let reporting = || about("/report", "POST", json!({ "reason": "spam" })).by(&bob);
    tells(&refused_at(2, one, reporting).await, "reports");
    let judging = || about("/status", "PUT", json!({ "status": "hidden" })).by(&ada);
    tells(&refused_at(2, one, judging).await, "moderation");
    let kicking = || Ask::new("DELETE", member(&room, &bob, ""), Value::Null).by(&ada);
    tells(&refused_at(1, one, kicking).await, "moderation");
    let renaming = || Ask::new("PATCH", "/v1/users/me", json!({ "display_name": "Rob" })).by(&bob);
    tells(&refused_at(2, one, renaming).await, "changes");
    let raising = || Ask::new("PUT", member(&room, &bob, "/role"), json!({ "role": "moderator" })).by(&ada);
    tells(&refused_at(2, one, raising).await, "changes");
    for change in [
        Ask::new("PATCH", room.as_str(), json!({ "topic": "tea" })),
        Ask::new("POST", format!("{room}/archive"), Value::Null),
    ] {
        tells(&change.by(&ada).of(one).await, "changes");
    }
    posting(&bob).done(one).await;
    posting(&bob).done(one).await;
    let carl = json!({ "phone": "+4915100000003", "password": PASSWORD, "display_name": "Carl" });
    let carl = Ask::new("POST", "/v1/users", carl).done(one).await;
    joining(&carl).done(one).await;
    // Gus, Ada and Bob have said four things in this room.
    tells(&refused_at(1, one, || posting(&carl)).await, "posts-room");

    // Four have come from this address: nobody more, in either way.
    tells(
        &refused_at(1, one, || Ask::new("POST", "/v1/guests", json!({ "display_name": "Gil" }))).await,
        "registrations",
    );
    tells(&refused_at(1, one, || registering(PASSWORD)).await, "registrations");
    // Two wrong passwords are free, the third is paid for.
    tells(&refused_at(4, one, || signing_in(ADA, "no pass phrase of hers")).await, "sign-in");

    // All of it is counted per instance.
    making_a_lounge(&ada).done(&pair.two).await;
    pair.stop().await;
}
