//! What is lost when answers are, when the log stands still, or when the power goes? The plays of `chatroom chaos` with
//! small counts, and what breaks them.

use chatroom::chaos::{Lost, NoDisk, Output, Part, PowerArgs, ProxiesArgs, Sabotage, power, proxies};
use tokio_util::sync::CancellationToken;

fn args() -> ProxiesArgs {
    ProxiesArgs { commands: 160, frosts: 1, clients: 16, only: None, seed: None, sabotage: None, output: Output::Text }
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

// Red with each sabotage below. A part in which nothing was lost is red too; what the service finds out by itself no
// client has to.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_heard_is_resolved_and_done_once() {
    let parts = played(&args()).await;
    assert_eq!(parts.len(), 3);
    for part in parts {
        assert_eq!(part.violations, 0, "{part}: {:#?}", part.named);
        assert_eq!(part.commands, part.applied + part.refused, "every command ends in a certain answer: {part}");
        assert!(part.applied > 100, "this proves nothing: {part}");
    }
}

/// What the judge finds when this rule is broken.
async fn found(lost: Lost, sabotage: Sabotage) -> Part {
    let args = ProxiesArgs { only: Some(lost), sabotage: Some(sabotage), ..args() };
    played(&args).await.pop().expect("the part was played")
}

// Red with `Wrong::Ghost` never found in faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_told_that_nothing_was_done_though_it_was_is_noticed() {
    let part = found(Lost::Acks, Sabotage::TimeoutIsFailure).await;
    assert!(part.ghosts > 0, "{part}");
}

// Red with `Wrong::Twice` never found in faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_as_something_new_is_noticed() {
    let part = found(Lost::Acks, Sabotage::RetryAsNew).await;
    assert!(part.twice > 0, "{part}");
}

// Red with `Wrong::Lost` never found in faults/ledger.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_before_it_is_stored_is_noticed() {
    let part = found(Lost::Answers, Sabotage::AnswerBeforeAck).await;
    assert!(part.lost > 0, "{part}");
}

/// None where no disk can be had whose power could be cut: not as root, or without loop devices.
async fn cut(cuts: u16, without_sync: bool) -> Option<Part> {
    let args = PowerArgs { cuts, clients: 16, without_sync, seed: None, output: Output::Text };
    match power(&args, &CancellationToken::new()).await {
        Ok(part) => Some(part),
        Err(why) if why.is::<NoDisk>() => {
            eprintln!("skipped: {why}");
            None
        }
        Err(why) => panic!("it cannot be played: {why:#}"),
    }
}

// Red with `sync_interval` at its default in servers/nats_conf, as below.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_a_power_cut_is_there_once() {
    let Some(part) = cut(2, false).await else { return };
    assert_eq!(part.violations, 0, "{part}: {:#?}", part.named);
    assert!(part.applied >= 200, "this proves nothing: {part}");
}

// Red with `Wrong::Lost` never found in faults/ledger, and with a method that is no power cut.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_synced_is_gone_with_the_power() {
    let Some(part) = cut(1, true).await else { return };
    assert!(part.lost > 0, "{part}");
}
