//! Who is signed in, and as whom? Sign-in, refresh, passwords, guests, suspension, through two instances.

use crate::house::{
    ADA, Ask, House, Instance, PASSWORD, Pair, ada_and_her_room, making_a_lounge, refreshing, registering, signing_in,
    user_id,
};
use command_service::operator::{self, Done};
use events::{Event, MembershipEvent, StreamName, Subject, UserEvent, UserId};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What G12 allows.
const EVERYWHERE_WITHIN: Duration = Duration::from_secs(1);

fn is_user_event(event: &Event, wanted: impl Fn(&UserEvent) -> bool) -> bool {
    matches!(event, Event::User(change) if wanted(&change.event))
}

/// Asks again and again until the answer is 401: within a second it has to be.
async fn is_refused_soon(tokens: &Value, instance: &Instance) {
    let began = Instant::now();
    while making_a_lounge(tokens).of(instance).await.status != 401 {
        assert!(began.elapsed() < EVERYWHERE_WITHIN, "still let in");
    }
}

fn upgrading(password: &str) -> Ask<'static> {
    Ask::new("POST", "/v1/guests/upgrade", json!({ "phone": ADA, "password": password }))
}

fn changing(from: &str, to: &str) -> Ask<'static> {
    let wish = json!({ "current_password": from, "new_password": to });
    Ask::new("PUT", "/v1/users/me/password", wish)
}

async fn guest(pair: &Pair) -> Value {
    Ask::new("POST", "/v1/guests", json!({ "display_name": "Gus" })).done(&pair.one).await
}

/// How often a password was hashed or compared at this cost, in this process.
fn work(what: &str, cost: u32) -> u64 {
    let page = platform::telemetry::metrics().expect("installable").render();
    let (work, cost) = (format!("work=\"{what}\""), format!("cost=\"{cost}\""));
    let counts = page.lines().filter(|line| line.starts_with("password_seconds_count{"));
    let mut ours = counts.filter(|line| line.contains(&work) && line.contains(&cost));
    ours.next().map_or(0, |line| line.rsplit(' ').next().expect("a value").parse().expect("a count"))
}

// Red when `sessions::begin` returns before comparing where nobody holds the number.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_answer_or_work_whose_a_number_is() {
    // A cost that no other test of this process has, because they all count together.
    let mut house = House::new().await;
    house.config.passwords.bcrypt_cost = 5;
    let cost = house.config.passwords.bcrypt_cost;
    platform::telemetry::metrics().expect("installable");
    let pair = Pair::in_house(house).await;
    let ada = registering(PASSWORD).done(&pair.one).await;
    let eve = "+4915100000066";
    let wish = json!({ "phone": eve, "password": PASSWORD, "display_name": "Eve" });
    let suspended = Ask::new("POST", "/v1/users", wish).done(&pair.one).await;
    operator::suspend(&pair.house.log.clone(), user_id(&suspended), None).await.expect("an account");
    is_refused_soon(&suspended, &pair.one).await;

    let mut answers = Vec::new();
    for (why, phone, password) in [
        ("a wrong password", ADA, "no pass phrase of hers"),
        ("a number that nobody has", "+4915100000099", PASSWORD),
        ("who is suspended", eve, PASSWORD),
        ("who is suspended, and a wrong password", eve, "no pass phrase of hers"),
    ] {
        let before = (work("compare", cost), work("hash", cost));
        let mut answer = signing_in(phone, password).refused(&pair.one, "wrong-credentials").await;
        let after = (work("compare", cost), work("hash", cost));
        assert_eq!((after.0 - before.0, after.1 - before.1), (1, 0), "{why}");
        // What each request has of its own.
        answer.body["request_id"].take();
        answer.headers.remove("x-request-id");
        answers.push((answer.status, answer.headers, answer.body));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(signing_in(ADA, PASSWORD).done(&pair.two).await["user"]["id"], ada["user"]["id"]);
    pair.stop().await;
}

// Red with neither `suspend_user` nor `overhear` in `follow`: each alone shuts him out.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_suspended_is_nobody_on_every_instance_within_a_second_until_he_is_reinstated() {
    let pair = Pair::start().await;
    let (ada, log) = (registering(PASSWORD).done(&pair.one).await, pair.house.log.clone());
    for instance in [&pair.one, &pair.two] {
        making_a_lounge(&ada).done(instance).await;
    }
    assert_eq!(operator::suspend(&log, user_id(&ada), Some("spam")).await.expect("an account"), Done::InForce);
    tokio::join!(is_refused_soon(&ada, &pair.one), is_refused_soon(&ada, &pair.two));
    for instance in [&pair.one, &pair.two] {
        refreshing(&ada).refused(instance, "unauthenticated").await;
        signing_in(ADA, PASSWORD).refused(instance, "wrong-credentials").await;
        // As a number whose password is another: nobody learns of the suspension.
        registering(PASSWORD).refused(instance, "phone-taken").await;
    }
    assert_eq!(operator::suspend(&log, user_id(&ada), None).await.expect("an account"), Done::Unchanged);

    assert_eq!(operator::reinstate(&log, user_id(&ada)).await.expect("an account"), Done::InForce);
    for instance in [&pair.one, &pair.two] {
        let again = refreshing(&ada).of(instance).await;
        assert_eq!(again.status, 200, "{}", again.body);
        signing_in(ADA, PASSWORD).done(instance).await;
    }
    assert_eq!(operator::reinstate(&log, user_id(&ada)).await.expect("an account"), Done::Unchanged);
    assert!(operator::suspend(&log, UserId(Uuid::now_v7()), None).await.is_err(), "nobody");
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_an_account_by_its_number() {
    let pair = Pair::start().await;
    let (ada, log) = (registering(PASSWORD).done(&pair.one).await, pair.house.log.clone());
    let key = platform::config::Secret::from("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY");
    let found = operator::find(&log, &key, ADA).await.expect("a log").expect("she has it");
    assert_eq!((found.user, found.account.display_name.as_str()), (user_id(&ada), "Ada"));
    assert_eq!(operator::find(&log, &key, "+4915100000099").await.expect("a log"), None);
    assert!(operator::find(&log, &key, "Ada").await.is_err());
    pair.stop().await;
}

// Red with the reuse answered by a refusal alone, without `Refresh::Revoke`.
#[tokio::test(flavor = "multi_thread")]
async fn a_spent_token_ends_the_session_on_every_instance_and_a_guest_with_it() {
    let pair = Pair::start().await;
    let gus = guest(&pair).await;
    let second = refreshing(&gus).done(&pair.two).await;
    let third = refreshing(&second).done(&pair.one).await;
    refreshing(&gus).refused(&pair.two, "token-reused").await;
    for tokens in [&gus, &second, &third] {
        tokio::join!(is_refused_soon(tokens, &pair.one), is_refused_soon(tokens, &pair.two));
        refreshing(tokens).refused(&pair.one, "unauthenticated").await;
    }
    let closed = |event: &UserEvent| matches!(event, UserEvent::SessionClosed(_));
    // The relay tells it last; who has expired is refused before.
    pair.house.becomes(Subject::User(user_id(&gus)), |event| is_user_event(event, closed)).await;
    let chat = pair.chat().await;
    let expired = |event: &UserEvent| matches!(event, UserEvent::Expired(_));
    assert_eq!(chat.iter().filter(|fact| is_user_event(&fact.event, closed)).count(), 1);
    assert_eq!(chat.iter().filter(|fact| is_user_event(&fact.event, expired)).count(), 1);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_ends_ones_own_sessions_from_any_instance_and_nobody_elses() {
    let pair = Pair::start().await;
    let phone = registering(PASSWORD).done(&pair.one).await;
    let laptop = signing_in(ADA, PASSWORD).done(&pair.two).await;
    let gus = guest(&pair).await;
    let path = format!("/v1/sessions/{}", laptop["session"]["id"].as_str().expect("an id"));
    Ask::new("DELETE", &*path, Value::Null).by(&gus).refused(&pair.one, "not-found").await;
    let end = Ask::new("DELETE", &*path, Value::Null).by(&phone);
    let (first, second) = (end.done(&pair.one).await, end.done(&pair.two).await);
    assert!(first["position"].is_string() && second["position"].is_string(), "now, and already");
    tokio::join!(is_refused_soon(&laptop, &pair.one), is_refused_soon(&laptop, &pair.two));
    refreshing(&laptop).refused(&pair.two, "unauthenticated").await;
    making_a_lounge(&phone).done(&pair.two).await;
    pair.stop().await;
}

/// Who lost the answer goes on with his refresh token, and asks again with the same key.
// Red without `has_written`: the repeat's current password is wrong by then.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_change_of_the_password_is_given_again() {
    let pair = Pair::start().await;
    let ada = registering(PASSWORD).done(&pair.one).await;
    let (key, new) = (Uuid::now_v7().to_string(), "another pass phrase");
    let lost = changing(PASSWORD, new).by(&ada).with_key(&key).done(&pair.one).await;
    // The old access token is over on the instance that has changed it at once, on the other within a second.
    making_a_lounge(&ada).refused(&pair.one, "unauthenticated").await;
    is_refused_soon(&ada, &pair.two).await;
    let again = refreshing(&ada).done(&pair.two).await;
    assert_eq!(again["refresh_token"], lost["refresh_token"], "the same successor");
    for instance in [&pair.one, &pair.two] {
        let repeat = changing(PASSWORD, new).by(&again).with_key(&key).of(instance).await;
        assert_eq!((repeat.status, &repeat.body["refresh_token"]), (200, &lost["refresh_token"]), "{}", repeat.body);
        assert_eq!(repeat.headers["idempotency-replayed"], "true");
        let another = changing(PASSWORD, "a third pass phrase").by(&again).with_key(&key);
        another.refused(instance, "idempotency-mismatch").await;
    }
    changing(PASSWORD, "a third pass phrase").by(&again).refused(&pair.one, "wrong-password").await;
    let chat = pair.chat().await;
    let changed = |event: &UserEvent| matches!(event, UserEvent::CredentialChanged(_));
    assert_eq!(chat.iter().filter(|fact| is_user_event(&fact.event, changed)).count(), 1);
    pair.stop().await;
}

/// The same key comes again while the first is at work: the second saw nothing of it before it compared and hashed.
// Red with `Refusal::Other` for a number that is another than the compared one; without the comparison of what was
// applied, the other password is told to be set.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_password_that_comes_twice_at_once_is_never_told_as_refused() {
    let (pair, [one, _]) = Pair::halting().await;
    let mut ada = registering(PASSWORD).done(&pair.one).await;
    let mut current = PASSWORD.to_owned();
    for is_the_same in [true, false] {
        let (key, new) = (Uuid::now_v7().to_string(), format!("{current}, another"));
        // The account is read last: by then the second has seen the password that it compares.
        let mut halt = one.stops_at_reading(|subject| matches!(subject, Subject::Account(_)));
        let told = if is_the_same { new.as_str() } else { "a third pass phrase" };
        let second = changing(&current, told).by(&ada).with_key(&key);
        let first = async {
            halt.reached().await;
            let first = changing(&current, &new).by(&ada).with_key(&key).done(&pair.one).await;
            halt.goes_on();
            first
        };
        let (second, first) = tokio::join!(second.of(&pair.one), first);
        if is_the_same {
            assert_eq!((second.status, &second.body["refresh_token"]), (200, &first["refresh_token"]));
        } else {
            assert_eq!(second.told(), (422, "idempotency-mismatch"));
        }
        (ada, current) = (first, new);
    }
    signing_in(ADA, &current).done(&pair.two).await;
    pair.stop().await;
}

// Red with `phone-taken` whoever holds the number; and without `is_the_same` after the fact.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_comes_twice_at_once_is_never_told_as_refused() {
    let (pair, [one, _]) = Pair::halting().await;
    for (number, told, is_the_same) in [(ADA, PASSWORD, true), ("+4915100000003", "another pass phrase", false)] {
        let gus = guest(&pair).await;
        let key = Uuid::now_v7().to_string();
        let ask = |password: &str| {
            let wish = json!({ "phone": number, "password": password });
            Ask::new("POST", "/v1/guests/upgrade", wish).by(&gus).with_key(&key)
        };
        let mut halt = one.stops_at_reading(|subject| matches!(subject, Subject::Phone(_)));
        let second = ask(told);
        let first = async {
            halt.reached().await;
            let first = ask(PASSWORD).done(&pair.one).await;
            halt.goes_on();
            first
        };
        let (second, first) = tokio::join!(second.of(&pair.one), first);
        if is_the_same {
            assert_eq!((second.status, &second.body["refresh_token"]), (200, &first["refresh_token"]));
        } else {
            assert_eq!(second.told(), (422, "idempotency-mismatch"));
        }
    }
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_upgrades_is_the_same_person_and_does_it_once() {
    let pair = Pair::start().await;
    let wish = json!({ "phone": "+4915100000002", "password": PASSWORD, "display_name": "Bob" });
    let owner = Ask::new("POST", "/v1/users", wish).done(&pair.one).await;
    let room = room_of(&pair, &owner).await;
    let gus = guest(&pair).await;
    Ask::new("PUT", format!("{room}/members/me"), Value::Null).by(&gus).done(&pair.one).await;
    let post = |tokens| Ask::new("POST", format!("{room}/messages"), json!({ "text": "hi" })).by(tokens);
    let before = post(&gus).done(&pair.two).await;

    let taken = json!({ "phone": "+4915100000002", "password": PASSWORD });
    Ask::new("POST", "/v1/guests/upgrade", taken).by(&gus).refused(&pair.two, "phone-taken").await;
    let key = Uuid::now_v7().to_string();
    let user = upgrading(PASSWORD).by(&gus).with_key(&key).done(&pair.two).await;
    assert_eq!((user_id(&user), &user["user"]["kind"]), (user_id(&gus), &json!("registered")));
    assert_eq!(user["session"]["id"], gus["session"]["id"], "his session goes on");
    tokio::join!(is_refused_soon(&gus, &pair.one), is_refused_soon(&gus, &pair.two));
    let after = post(&user).done(&pair.one).await;
    assert_eq!(after["message"]["author"]["id"], before["message"]["author"]["id"]);
    assert_eq!(user_id(&signing_in(ADA, PASSWORD).done(&pair.one).await), user_id(&gus));

    // He lost the answer, went on with his refresh token, and asks again.
    let again = refreshing(&gus).done(&pair.one).await;
    let repeat = upgrading(PASSWORD).by(&again).with_key(&key).of(&pair.one).await;
    assert_eq!((repeat.status, &repeat.body["user"]), (200, &user["user"]), "{}", repeat.body);
    let mismatch = upgrading("another pass phrase").by(&again).with_key(&key);
    mismatch.refused(&pair.two, "idempotency-mismatch").await;
    upgrading(PASSWORD).by(&again).refused(&pair.one, "forbidden").await;

    let joined = pair.chat().await.into_iter().filter(|fact| match (&fact.event, fact.subject) {
        (Event::Membership(change), Subject::Member(_, user)) => {
            user == user_id(&gus) && matches!(change.event, MembershipEvent::Joined(_))
        }
        _ => false,
    });
    assert_eq!(joined.count(), 1, "his membership is the guest's");
    pair.stop().await;
}

async fn room_of(pair: &Pair, owner: &Value) -> String {
    let lounge = making_a_lounge(owner).done(&pair.one).await;
    let rooms = format!("/v1/lounges/{}/rooms", lounge["lounge"]["id"].as_str().expect("an id"));
    let wish = json!({ "name": "Hall", "language": "en", "guests": true });
    let room = Ask::new("POST", rooms, wish).by(owner).done(&pair.one).await;
    format!("/v1/rooms/{}", room["room"]["id"].as_str().expect("an id"))
}

/// A number that is released is claimed again under its tip; who held it before stands nowhere on its subject.
#[tokio::test(flavor = "multi_thread")]
async fn registration_is_one_batch_and_its_repeat_is_a_sign_in() {
    let pair = Pair::start().await;
    let (ada, _) = ada_and_her_room(&pair).await;
    let again = registering(PASSWORD).of(&pair.two).await;
    assert_eq!((again.status, user_id(&again.body)), (200, user_id(&ada)));
    assert_ne!(again.body["session"]["id"], ada["session"]["id"]);
    let facts = pair.house.facts(StreamName::Identity).await;
    let of_her = |fact: &&event_log::Fact| fact.subject == Subject::Account(user_id(&ada));
    let registered: Vec<_> = facts.iter().filter(of_her).collect();
    assert_eq!(registered.len(), 1);
    // Phone, account, credential and session stand together; no other command's event lies between.
    let first = registered[0].seq - 1;
    let batch: Vec<_> = facts.iter().filter(|fact| (first..first + 4).contains(&fact.seq)).collect();
    assert_eq!(batch.len(), 4);
    assert!(batch.iter().all(|fact| fact.envelope.correlation == registered[0].envelope.correlation));
    pair.stop().await;
}
