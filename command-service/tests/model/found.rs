//! Scripts that once found something.

use super::play::play;
use super::script::{Act, Again, Move, Script, Step, Via, Words};
use event_log::fake::Faults;

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
