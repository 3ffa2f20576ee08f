//! Who is typing? Said beside the log and kept nowhere: whoever does not hear it at once never does.

use super::api::Api;
use async_nats::connection::State;
use events::{RoomId, UserId};
use futures::{StreamExt, stream::BoxStream};
use std::{future, time::Duration};

/// While the server is away nobody is heard; then this is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(250);
const SUBJECT: &str = "live.v1.typing";

/// Somebody types in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Typing {
    pub room: RoomId,
    pub user: UserId,
}

/// Where typing is said and heard. Clones are the same.
#[derive(Clone)]
pub struct TypingSignals {
    pub(super) api: Api,
}

impl TypingSignals {
    /// Says it to all instances, this one too. Without a connection it is not said: later it would be a lie.
    pub async fn say(&self, Typing { room, user }: Typing) {
        if self.api.client.connection_state() == State::Connected {
            // Its one error is a client that has ended.
            let _ = self.api.client.publish(format!("{SUBJECT}.{room}.{user}"), bytes::Bytes::new()).await;
        }
    }

    /// What is said from now on, for ever. What comes faster than it is taken is lost.
    pub fn hear(&self) -> BoxStream<'static, Typing> {
        let api = self.api.clone();
        let subscriptions = futures::stream::unfold(api, async |api| {
            loop {
                match api.client.subscribe(format!("{SUBJECT}.*.*")).await {
                    Ok(subscription) => return Some((subscription, api)),
                    Err(why) => {
                        tracing::warn!(%why, "waiting to hear who types");
                        tokio::time::sleep(TRY_AGAIN_AFTER).await;
                    }
                }
            }
        });
        subscriptions.flatten().filter_map(|message| future::ready(understood(&message.subject))).boxed()
    }
}

fn understood(subject: &str) -> Option<Typing> {
    let (room, user) = subject.strip_prefix(SUBJECT)?.strip_prefix('.')?.split_once('.')?;
    Some(Typing { room: room.parse().ok()?, user: user.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn what_is_said_is_understood_and_nothing_else() {
        let typing = Typing { room: RoomId(Uuid::from_u128(1)), user: UserId(Uuid::from_u128(2)) };
        assert_eq!(understood(&format!("{SUBJECT}.{}.{}", typing.room, typing.user)), Some(typing));
        for other in ["live.v1.typing", "live.v1.typing.a.b", "live.v2.typing.1.2", ""] {
            assert_eq!(understood(other), None, "{other}");
        }
    }
}
