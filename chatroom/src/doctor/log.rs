//! Is the log fit: reachable, new enough, synced, its streams as they have to be?

use super::{Finding, Verdict};
use platform::config::NatsArgs;
use servers::UnreadableSync;

pub(super) async fn examine(args: &NatsArgs) -> Vec<Finding> {
    let client = match crate::migrate::connect(args).await {
        Ok(client) => client,
        Err(why) => {
            return vec![Finding::of("NATS answers", Err(format!("{why:#}: are NATS_URL and NATS_USER right?")))];
        }
    };
    let unreadable = if args.trust_nats_sync { UnreadableSync::Trust } else { UnreadableSync::Refuse };
    let facts = servers::check_nats(&client, args.nats_monitoring_url.as_deref(), unreadable).await;
    let synced = match facts {
        Ok(facts) if facts.sync_seen => Verdict::Good,
        Ok(_) => Verdict::Doubtful("sync_interval was trusted, not seen: give NATS_MONITORING_URL".to_owned()),
        Err(why) => Verdict::Bad(why.to_string()),
    };
    let mut findings =
        vec![Finding::of("NATS answers", Ok(())), Finding { what: "NATS version and sync setting", verdict: synced }];
    findings.push(match event_log::streams::verify(&client).await {
        Err(why) => Finding::of("streams are as they have to be", Err(format!("{why:#}"))),
        Ok(wrong) if wrong.is_empty() => Finding::of("streams are as they have to be", Ok(())),
        Ok(wrong) => Finding::of("streams are as they have to be", Err(wrong.join("; ") + ": run `chatroom migrate`")),
    });
    findings
}
