//! Is an answer as far as its reader needs it? Each statement's position is compared here, whoever said what before it ran.

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use events::Position;
use platform::Problem;
use std::cell::Cell;
use std::time::Duration;
use tokio::time::Instant;

use super::{behind, wish};

/// A read whose answer is too old is done again, so many times in all: the watch looks through one connection and the
/// statement runs on another, which may be on its way from one read model to the next.
const READINGS_MAX: u32 = 3;

tokio::task_local! {
    /// What the reader of the request under way needs; `None` inside a read that is not for him alone.
    static NEED: Option<Need>;
}

struct Need {
    at_least: Position,
    /// A statement of this request was not there.
    missed: Cell<bool>,
}

/// How a reading of a request may wait, as the first of them came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    until: Instant,
    /// It was counted already.
    pub(crate) is_again: bool,
}

impl Patience {
    /// What is left of the time that the reader would wait.
    pub(crate) fn left(self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Around every read: one whose answer was too old is done again, and at last refused by 503.
pub(crate) async fn verified(request: Request, next: Next) -> Response {
    // A position that is none is refused by `Reader`, in its turn.
    let Ok(Some((at_least, within))) = wish(request.headers()) else { return next.run(request).await };
    let until = Instant::now() + within;
    // Reads have no body.
    let (parts, _) = request.into_parts();
    for reading in 0..READINGS_MAX {
        let mut request = Request::from_parts(parts.clone(), Body::empty());
        request.extensions_mut().insert(Patience { until, is_again: reading > 0 });
        let need = Need { at_least, missed: Cell::new(false) };
        let next = next.clone();
        let (response, missed) = NEED
            .scope(Some(need), async move {
                let response = next.run(request).await;
                (response, NEED.with(|need| need.as_ref().is_some_and(|need| need.missed.get())))
            })
            .await;
        if !missed {
            return response;
        }
        metrics::counter!("reads_too_old_total").increment(1);
    }
    behind().into_response()
}

/// Compares the position of what is about to be answered with what the reader needs.
///
/// # Errors
/// 503 `read-model-behind`, after which the request is read again while it may.
pub(crate) fn enough(at: Position) -> Result<(), Problem> {
    let compare = |need: &Option<Need>| {
        let Some(need) = need else { return Ok(()) };
        if at.epoch == need.at_least.epoch && at.seq >= need.at_least.seq {
            return Ok(());
        }
        need.missed.set(true);
        Err(behind())
    };
    // Outside of a request nobody needs anything.
    NEED.try_with(compare).unwrap_or(Ok(()))
}

/// Runs a read that is for several readers: what each of them needs is compared when he is given its answer.
pub(crate) async fn for_all<F: Future>(read: F) -> F::Output {
    NEED.scope(None, read).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read, wait::MIN_POSITION};
    use axum::{Router, middleware, routing::get};
    use events::Epoch;
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };
    use tower::ServiceExt;

    /// A read whose statements find these sequences, one after the other; gives the status and how many ran.
    async fn reads(found: &'static [i64], at_least: Option<u64>) -> (u16, i64) {
        let ran = Arc::new(AtomicI64::new(0));
        let counted = Arc::clone(&ran);
        let statement = move || {
            let nth = counted.fetch_add(1, Ordering::Relaxed);
            let seq = found[usize::try_from(nth).expect("few")];
            async move { read::position(7, seq).map(|at| at.to_string()) }
        };
        let router = Router::new().route("/", get(statement)).route_layer(middleware::from_fn(verified));
        let mut request = Request::get("/");
        if let Some(seq) = at_least {
            request = request.header(MIN_POSITION, Position { epoch: Epoch(7), seq }.to_string());
        }
        let response = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        (response.status().as_u16(), ran.load(Ordering::Relaxed))
    }

    // Red without the comparison in `read::position`, and with `READINGS_MAX` of one.
    #[tokio::test]
    async fn an_answer_that_is_too_old_is_read_again_and_never_given_out() {
        assert_eq!(reads(&[9], None).await, (200, 1));
        assert_eq!(reads(&[10, 9], Some(10)).await, (200, 1));
        assert_eq!(reads(&[9, 8, 10], Some(10)).await, (200, 3));
        assert_eq!(reads(&[9, 9, 9, 10], Some(10)).await, (503, 3));
    }

    #[tokio::test]
    async fn what_is_read_for_all_is_compared_when_it_is_given_out() {
        let need = Need { at_least: Position { epoch: Epoch(7), seq: 10 }, missed: Cell::new(false) };
        NEED.scope(Some(need), async {
            let at = for_all(async { read::position(7, 9) }).await.expect("read for others, too");
            assert!(enough(at).is_err());
            assert!(enough(Position { epoch: Epoch(8), seq: 10 }).is_err(), "of another history");
        })
        .await;
    }
}
