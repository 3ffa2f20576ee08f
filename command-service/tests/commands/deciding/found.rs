//! Scripts that once found something.

use super::ask;
use super::instances::{Ask, Instances};
use super::play::play;
use super::script::{Act, Again, Move, Script, Step, Via, Words};
use event_log::fake::{FakeLog, Faults};
use serde_json::{Value, json};
use uuid::Uuid;

/// Plays these moves, with nothing failing.
async fn play_moves(moves: impl IntoIterator<Item = Move>) {
    let step = |one| Step { one, beside: None, again: Again::No, luck: 0 };
    let script = Script { faults: Faults::default(), steps: moves.into_iter().map(step).collect() };
    play(&script).await.unwrap_or_else(|why| panic!("{why}"));
}

// Red with `Refusal::Other` for the field: the first instance, which remembers him as a member, tells him of the message.
#[tokio::test]
async fn who_has_left_hears_nothing_of_what_he_answers() {
    let bob = |via, act| Move { who: 1, via, act };
    play_moves([
        Move { who: 0, via: Via::One, act: Act::Post { room: 1, words: Words::Some } },
        // What the first instance remembers.
        bob(Via::One, Act::Post { room: 0, words: Words::Some }),
        bob(Via::Two, Act::Leave { room: 0 }),
        bob(Via::One, Act::Reply { room: 0, message: 0 }),
    ])
    .await;
}

/// By the dice of this seed the relay is refused at first, and the session is not.
const RELAY_IS_LATE: u64 = 18;

// Red without the wait in `sessions::begin`: nobody knows the account of the token.
#[tokio::test]
async fn who_signs_in_is_somebody_though_the_answer_to_his_registration_was_lost() {
    let log = FakeLog::new();
    let instances = Instances::start(&log).await;
    let body = json!({ "phone": ask::phone(0), "password": ask::password(0, 0), "display_name": "Ada" });
    let register = Ask { method: "POST", path: "/v1/users".into(), token: None, key: None, body };
    log.fail_by(Faults { unknown_stored: 1.0, ..Faults::default() });
    assert_eq!(instances.answer(Via::One, &register).await.code(), "log-unavailable");
    log.fail_by(Faults { seed: RELAY_IS_LATE, in_flight_refusals: 0.7, ..Faults::default() });
    let signed_in = instances.answer(Via::One, &register).await;
    let token = signed_in.body["access_token"].as_str().map(str::to_owned);
    let path = format!("/v1/sessions/{}", Uuid::now_v7());
    let asks = Ask { method: "DELETE", path, token, key: None, body: Value::Null };
    assert_eq!((signed_in.status, instances.answer(Via::Two, &asks).await.code()), (200, "not-found"));
}
