//! What is lost when answers are, or when the log stands still? The plays of `chatroom chaos` with small counts, and what
//! breaks them.

use chatroom::chaos::{Lost, Output, Part, ProxiesArgs, Sabotage, proxies};
use tokio_util::sync::CancellationToken;

fn args() -> ProxiesArgs {
    ProxiesArgs { commands: 200, frosts: 1, clients: 16, only: None, seed: None, sabotage: None, output: Output::Text }
}

async fn played(args: &ProxiesArgs) -> Vec<Part> {
    let mut parts = Vec::new();
    let told = |part: &Part| {
        parts.push(part.clone());
        Ok(())
    };
    proxies(args, &CancellationToken::new(), told).await.expect("it can be played");
    parts
}

// Red with each sabotage below. A part in which nothing was lost is red too.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_heard_is_resolved_and_done_once() {
    let parts = played(&args()).await;
    assert_eq!(parts.len(), 3);
    for part in parts {
        assert_eq!(part.violations, 0, "{part}: {:#?}", part.named);
        assert_eq!(part.commands, part.applied + part.refused, "every command ends in a certain answer: {part}");
        assert!(part.applied > 100 && part.resolved > 0, "this proves nothing: {part}");
    }
}

/// What the judge finds when this rule is broken.
async fn found(lost: Lost, sabotage: Sabotage) -> Part {
    let args = ProxiesArgs { only: Some(lost), sabotage: Some(sabotage), ..args() };
    played(&args).await.pop().expect("the part was played")
}

// Red with `End::Refused` never judged in faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_that_nothing_was_done_though_it_was_is_noticed() {
    let part = found(Lost::Acks, Sabotage::TimeoutIsFailure).await;
    assert!(part.ghosts > 0, "{part}");
}

// Red with `found.len() > 1` never judged in faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_as_something_new_is_noticed() {
    let part = found(Lost::Acks, Sabotage::RetryAsNew).await;
    assert!(part.twice > 0, "{part}");
}

// Red with `End::Applied` never judged in faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_before_it_is_stored_is_noticed() {
    let part = found(Lost::Answers, Sabotage::AnswerBeforeAck).await;
    assert!(part.lost > 0, "{part}");
}
