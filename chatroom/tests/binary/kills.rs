//! What is lost when processes die in the midst of it? `chatroom chaos kills` with small counts, and what breaks it. Here
//! and not among the stories, because only here cargo tells where the binary is.

use chatroom::chaos::{Killed, KillsArgs, Output, Part, Sabotage, kills};
use std::path::Path;
use tokio_util::sync::CancellationToken;

fn args() -> KillsArgs {
    KillsArgs { kills: 2, elections: 1, clients: 16, only: None, seed: None, sabotage: None, output: Output::Text }
}

async fn played(args: &KillsArgs) -> Vec<Part> {
    let mut parts = Vec::new();
    let told = |part: &Part| {
        parts.push(part.clone());
        Ok(())
    };
    let binary = Path::new(env!("CARGO_BIN_EXE_chatroom"));
    kills(args, binary, &CancellationToken::new(), told).await.expect("it can be played");
    parts
}

// Red with each sabotage below. A part in which nobody died is red too.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_death_is_there_once() {
    let parts = played(&args()).await;
    assert_eq!(parts.len(), 3);
    for part in &parts {
        assert_eq!(part.violations, 0, "{part}: {:#?}", part.named);
        assert_eq!(part.commands, part.applied + part.refused, "every command ends in a certain answer: {part}");
        assert!(part.applied >= 200, "this proves nothing: {part}");
    }
    // A death may come while nothing is under way, but not each of them.
    assert!(parts.iter().any(|part| part.resolved > 0), "this proves nothing: {parts:?}");
}

// Red with `Wrong::Lost` never found in chaos/faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_before_it_is_stored_is_noticed() {
    let args = KillsArgs { only: Some(Killed::Log), sabotage: Some(Sabotage::AnswerBeforeAck), kills: 1, ..args() };
    let part = played(&args).await.pop().expect("the part was played");
    assert!(part.lost > 0, "{part}");
}
