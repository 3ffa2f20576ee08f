//! Is this role alive and ready? Named checks, told on the admin listener with metrics and version.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use crate::problem::Problem;
use crate::telemetry::Metrics;

/// How one thing is that a role stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    Ok,
    /// It works, worse than it should. The role stays ready.
    Degraded {
        why: String,
    },
    /// It does not work. The role is not ready; `code` is for alerts, `why` for a person.
    Failing {
        code: &'static str,
        why: String,
    },
}

impl State {
    pub fn degraded(why: impl Into<String>) -> Self {
        Self::Degraded { why: why.into() }
    }

    pub fn failing(code: &'static str, why: impl Into<String>) -> Self {
        Self::Failing { code, why: why.into() }
    }
}

/// The checks of a role. Clones are the same health.
#[derive(Debug, Clone, Default)]
pub struct Health {
    checks: Arc<RwLock<BTreeMap<&'static str, State>>>,
}

impl Health {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how the thing called `name` is from now on. A change is logged.
    pub fn set(&self, name: &'static str, state: State) {
        let mut checks = self.checks.write().unwrap_or_else(PoisonError::into_inner);
        let before = checks.insert(name, state.clone());
        drop(checks);
        if before.as_ref() == Some(&state) {
            return;
        }
        match &state {
            State::Ok => tracing::info!(check = name, "ok"),
            State::Degraded { why } => tracing::warn!(check = name, why, "degraded"),
            State::Failing { code, why } => tracing::error!(check = name, code, why, "failing"),
        }
    }

    /// How the thing called `name` is, if it was ever said.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<State> {
        self.checks.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether nothing fails.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.report().status != "failing"
    }

    fn report(&self) -> Report {
        let checks = self.checks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let failing = checks.values().any(|state| matches!(state, State::Failing { .. }));
        let degraded = checks.values().any(|state| matches!(state, State::Degraded { .. }));
        let status = if failing {
            "failing"
        } else if degraded {
            "degraded"
        } else {
            "ok"
        };
        Report { status, checks }
    }
}

#[derive(Serialize)]
struct Report {
    status: &'static str,
    checks: BTreeMap<&'static str, State>,
}

/// What was built, as `/version` tells it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Build {
    /// The role.
    pub name: &'static str,
    pub version: &'static str,
    pub commit: &'static str,
    pub rustc: &'static str,
}

impl Build {
    /// This build, as the role `name`. The commit is that of `GIT_COMMIT` at build time.
    #[must_use]
    pub fn of(name: &'static str) -> Self {
        Self {
            name,
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("GIT_COMMIT").unwrap_or("unknown"),
            rustc: env!("BUILT_BY_RUSTC"),
        }
    }
}

/// `/livez`, `/readyz`, `/metrics` and `/version`: for the admin listener, never the public one.
pub fn router(health: Health, metrics: Metrics, build: Build) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(move || ready(health.clone())))
        .route("/metrics", get(move || render(metrics.clone())))
        .route("/version", get(move || async move { Json(build) }))
        .fallback(|| async { Problem::not_found() })
}

async fn ready(health: Health) -> impl IntoResponse {
    let report = health.report();
    let status = if report.status == "failing" { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(report))
}

async fn render(metrics: Metrics) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.render())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    async fn asked(app: &Router, path: &str) -> (u16, String) {
        let request = Request::get(path).body(Body::empty()).expect("a valid request");
        let response = app.clone().oneshot(request).await.expect("infallible");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body in memory").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    #[tokio::test]
    async fn one_failing_check_makes_a_role_not_ready() {
        let health = Health::new();
        let metrics = crate::telemetry::metrics().expect("installable");
        let app = router(health.clone(), metrics, Build::of("tea-service"));
        health.set("log", State::Ok);
        health.set("postgres", State::degraded("slow"));
        assert_eq!(asked(&app, "/readyz").await.0, 200);
        health.set("log", State::failing("wrong-epoch", "another log"));
        let (status, body) = asked(&app, "/readyz").await;
        assert_eq!(status, 503);
        assert!(body.contains(r#""log":{"state":"failing","code":"wrong-epoch","why":"another log"}"#), "{body}");
        health.set("log", State::Ok);
        assert_eq!(asked(&app, "/readyz").await.0, 200);
        assert_eq!(asked(&app, "/livez").await.0, 200);
        assert_eq!(asked(&app, "/metrics").await.0, 200);
        assert!(asked(&app, "/version").await.1.contains("tea-service"));
        assert_eq!(asked(&app, "/else").await.0, 404);
    }
}
