//! One instance of a service, asked as a client asks: in this process without a socket in between, or where it listens.

use anyhow::{Context, Result};
use axum::Router;
use command_service::{Config, Service};
use event_log::EventLog;
use http_body_util::{BodyExt, Limited};
use hyper::StatusCode;
use platform::{Shutdown, health::Health};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use crate::client::{Answer, Api, Ask, Outcome};

/// The service answers within 5 s; what takes longer is unknown, as it is to any client.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long a log that is away, or a machine that is busy, may keep a stage from being set.
const CERTAIN_WITHIN: Duration = Duration::from_secs(30);
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Sooner than a client would come back: a race is to be one.
const TAKEN_AGAIN_AFTER: Duration = Duration::from_millis(2);
/// Answers of commands are small, and pages have 50 messages at most.
const ANSWER_BYTES_MAX: usize = 1 << 20;

pub(super) struct Instance {
    way: Way,
}

enum Way {
    Router(Router),
    Origin(Api),
}

impl Instance {
    /// On this log; its tasks end with the shutdown.
    pub(super) async fn start(log: Arc<dyn EventLog>, config: Config, shutdown: &Shutdown) -> Result<Self> {
        let service = Service::on(log, config, shutdown, &Health::new()).await.context("the command service")?;
        Ok(Self::of(service.router))
    }

    /// Whatever answers these routes.
    pub(super) fn of(router: Router) -> Self {
        Self { way: Way::Router(router) }
    }

    /// Whatever listens there.
    pub(super) fn at(listen: SocketAddr) -> Result<Self> {
        Ok(Self { way: Way::Origin(Api::at(&format!("http://{listen}"))?) })
    }

    /// What answers, where it lives in this process.
    pub(super) fn router(&self) -> Option<Router> {
        match &self.way {
            Way::Router(router) => Some(router.clone()),
            Way::Origin(_) => None,
        }
    }

    pub(super) async fn send(&self, ask: Ask) -> Outcome<Answer> {
        Outcome::of(timeout(ANSWER_WITHIN, self.answer(ask)).await.context("no answer").flatten())
    }

    /// Sends, and again while too much waits there to begin with it: then nothing was done.
    pub(super) async fn send_once_taken(&self, ask: Ask) -> Outcome<Answer> {
        let deadline = Instant::now() + CERTAIN_WITHIN;
        loop {
            let answer = timeout(ANSWER_WITHIN, self.answer(ask.clone())).await.context("no answer").flatten();
            if Instant::now() > deadline || !answer.as_ref().is_ok_and(is_shed) {
                return Outcome::of(answer);
            }
            tokio::time::sleep(TAKEN_AGAIN_AFTER).await;
        }
    }

    /// Sends until the answer is certain: for what sets a stage, and may be done twice.
    pub(super) async fn insist(&self, ask: Ask) -> Outcome<Answer> {
        let deadline = Instant::now() + CERTAIN_WITHIN;
        loop {
            match self.send(ask.clone()).await {
                Outcome::Unknown { .. } if Instant::now() < deadline => tokio::time::sleep(AGAIN_AFTER).await,
                answer => return answer,
            }
        }
    }

    async fn answer(&self, ask: Ask) -> Result<Answer> {
        let router = match &self.way {
            Way::Router(router) => router.clone(),
            Way::Origin(api) => return api.send(ask).await,
        };
        let response = router.oneshot(ask.into_request()?).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|why| anyhow::anyhow!(why))?;
        Ok(Answer { status: head.status, headers: head.headers, body: body.to_bytes() })
    }
}

/// Refused at the door, before anything was done.
fn is_shed(answer: &Answer) -> bool {
    answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.value()["code"] == "overloaded"
}
