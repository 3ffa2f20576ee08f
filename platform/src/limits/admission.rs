//! How many commands run at once? As many as there are permits; who waits too long is sent away.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use clap::Args;
use tokio::sync::Semaphore;

use crate::problem::Problem;

/// How many commands run at once, and how long others wait for their turn.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Admission")]
pub struct AdmissionArgs {
    /// Commands in flight at once.
    #[arg(long, env = "COMMANDS_IN_FLIGHT", value_name = "N", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub commands_in_flight: u32,

    /// Milliseconds a command waits for its turn before it is answered 503 `overloaded`.
    #[arg(long, env = "COMMAND_WAIT_MS", value_name = "MS", default_value_t = 100)]
    pub command_wait_ms: u64,
}

/// The gate. Shed early: a command that would wait longer than a client does costs for nothing.
#[derive(Debug, Clone)]
pub struct Admission {
    permits: Arc<Semaphore>,
    wait: Duration,
}

impl Admission {
    #[must_use]
    pub fn new(args: AdmissionArgs) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(args.commands_in_flight as usize)),
            wait: Duration::from_millis(args.command_wait_ms),
        }
    }
}

/// Middleware for the routes of commands:
/// `route_layer(middleware::from_fn_with_state(admission, limits::admit))`.
/// Answers 503 `overloaded` with `Retry-After` when no permit comes free in time; nothing was done then.
pub async fn admit(State(admission): State<Admission>, request: Request, next: Next) -> Response {
    let permit = match admission.permits.try_acquire() {
        Ok(permit) => Some(permit),
        Err(_) => match tokio::time::timeout(admission.wait, admission.permits.acquire()).await {
            Ok(Ok(permit)) => Some(permit),
            Ok(Err(_)) | Err(_) => None,
        },
    };
    let Some(_permit) = permit else {
        metrics::counter!("commands_shed_total").increment(1);
        return Problem::overloaded("Too many commands are being carried out. Nothing was done.").into_response();
    };
    let in_flight = metrics::gauge!("commands_in_flight");
    in_flight.increment(1.0);
    let _done = OnDrop(|| in_flight.decrement(1.0));
    next.run(request).await
}

/// Runs when the command ends, also when its client goes away in the middle.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::post;
    use axum::{Router, middleware};
    use clap::Parser;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    #[derive(Parser)]
    struct Args {
        #[command(flatten)]
        admission: AdmissionArgs,
    }

    fn wish() -> Request {
        Request::post("/").body(Body::empty()).expect("a valid request")
    }

    /// An app with one permit whose handler says that it was entered and waits to be let go.
    fn app(wait_ms: u64) -> (Router, Arc<Notify>, Arc<Notify>) {
        let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (says, waits) = (Arc::clone(&entered), Arc::clone(&leave));
        let handler = move || {
            let (says, waits) = (Arc::clone(&says), Arc::clone(&waits));
            async move {
                says.notify_one();
                waits.notified().await;
            }
        };
        let admission = Admission::new(AdmissionArgs { commands_in_flight: 1, command_wait_ms: wait_ms });
        let app = Router::new().route("/", post(handler)).route_layer(middleware::from_fn_with_state(admission, admit));
        (app, entered, leave)
    }

    #[tokio::test]
    async fn who_finds_no_permit_in_time_is_sent_away() {
        let (app, entered, leave) = app(20);
        let first = tokio::spawn(app.clone().oneshot(wish()));
        entered.notified().await;
        let refused = app.oneshot(wish()).await.expect("infallible");
        assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (503, b"1".as_slice()));
        leave.notify_one();
        assert_eq!(first.await.expect("it ran").expect("infallible").status(), 200);
    }

    // Red with a `command_wait_ms` of 200.
    #[tokio::test(start_paused = true)]
    async fn overload_is_shed_within_150_ms_and_what_is_in_flight_is_answered() {
        let defaults = Args::parse_from(["chatroom"]).admission;
        let (app, entered, leave) = app(defaults.command_wait_ms);
        let first = tokio::spawn(app.clone().oneshot(wish()));
        entered.notified().await;
        let began = tokio::time::Instant::now();
        let shed = futures::future::join_all((0..500).map(|_| app.clone().oneshot(wish()))).await;
        assert!(began.elapsed() < Duration::from_millis(150), "{:?}", began.elapsed());
        assert!(shed.into_iter().all(|answer| answer.expect("infallible").status() == 503));
        leave.notify_one();
        assert_eq!(first.await.expect("it ran").expect("infallible").status(), 200);
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_permit() {
        let (app, entered, leave) = app(60_000);
        let first = tokio::spawn(app.clone().oneshot(wish()));
        entered.notified().await;
        let second = tokio::spawn(app.oneshot(wish()));
        leave.notify_one();
        assert_eq!(first.await.expect("it ran").expect("infallible").status(), 200);
        leave.notify_one();
        assert_eq!(second.await.expect("it ran").expect("infallible").status(), 200);
    }
}
