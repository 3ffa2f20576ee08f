//! Who is calling? The holder of an access token that is signed by us, not over, and not revoked.

mod keys;
mod revocations;
mod token;
mod verified;

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum::http::header;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use clap::Args;
use events::{SessionId, UserId, UserKind};

use crate::config::ConfigError;
use crate::problem::{Code, Problem};

pub use keys::{SigningArgs, generate};
pub use revocations::Revocations;
pub use token::{ACCESS_TOKEN_TTL, Jwk, Jwks, Signer, Verifier};
use verified::Verified;
/// Who is calling, as an extractor: 401 `unauthenticated` or `token-expired` for anybody else.
/// As `Option<Caller>` a request without an `Authorization` header is `None`; a bad one is still 401.
///
/// The router's state gives the authenticator: `Arc<Authenticator>: FromRef<State>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    pub user: UserId,
    pub session: SessionId,
    pub kind: UserKind,
    /// Number of the credential the session began with; a change of the password raises the lowest valid one.
    pub credential: u32,
    /// When the access token is over, to the second.
    pub expires_at: DateTime<Utc>,
}

/// With which keys tokens are verified.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access tokens")]
pub struct VerifyingArgs {
    /// Public keys of access tokens: comma-separated `kid:base64url`. Several while keys rotate.
    #[arg(long, env = "TOKEN_PUBLIC_KEYS", value_name = "KEYS")]
    pub token_public_keys: Option<String>,
}

/// Verifies tokens and remembers which it has verified and which are revoked. One a role.
pub struct Authenticator {
    verifier: Verifier,
    verified: Verified,
    revocations: Arc<Revocations>,
}

impl Authenticator {
    /// `revocations` are fed by the role's follower of the log.
    #[must_use]
    pub fn new(verifier: Verifier, revocations: Arc<Revocations>) -> Self {
        Self { verifier, verified: Verified::default(), revocations }
    }

    /// An authenticator with the public keys of the settings.
    ///
    /// # Errors
    /// Without keys, or with one that cannot be read.
    pub fn from_args(args: &VerifyingArgs, revocations: Arc<Revocations>) -> Result<Self, ConfigError> {
        let name = "TOKEN_PUBLIC_KEYS";
        let keys = args.token_public_keys.as_deref().ok_or(ConfigError::Missing { name })?;
        Ok(Self::new(Verifier::parse(keys)?, revocations))
    }

    /// Says who holds this token at `now`. For requests the [`Caller`] extractor asks this, sockets ask it themselves.
    ///
    /// # Errors
    /// 401 `token-expired` for what was valid, 401 `unauthenticated` for everything else.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Caller, Problem> {
        let caller = self.verified.get_or_verify(token, now, || self.verifier.verify(token))?;
        if caller.expires_at <= now {
            return Err(Problem::new(Code::TokenExpired, "The access token is over: refresh it."));
        }
        if self.revocations.revoked(&caller) {
            return Err(Problem::new(Code::Unauthenticated, "The session of this access token has ended."));
        }
        Ok(caller)
    }

    /// The public keys, as `/.well-known/jwks.json` shows them.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        self.verifier.jwks()
    }

    /// What has been revoked lately.
    #[must_use]
    pub fn revocations(&self) -> &Arc<Revocations> {
        &self.revocations
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<Authenticator>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        caller.ok_or_else(|| {
            Problem::new(Code::Unauthenticated, "This needs an access token: `Authorization: Bearer …`.")
        })
    }
}

impl<S> OptionalFromRequestParts<S> for Caller
where
    S: Send + Sync,
    Arc<Authenticator>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
        let Some(first) = given.next() else { return Ok(None) };
        let token = first.to_str().ok().and_then(bearer).filter(|_| given.next().is_none());
        let unreadable = || Problem::new(Code::Unauthenticated, "`Authorization` is `Bearer` and one access token.");
        let token = token.ok_or_else(unreadable)?;
        Arc::<Authenticator>::from_ref(state).verify(token, Utc::now()).map(Some)
    }
}

/// The token in `Bearer <token>`; the scheme's case does not matter.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use chrono::{SubsecRound, TimeDelta};
    use tower::ServiceExt;
    use uuid::Uuid;

    fn caller(lives: TimeDelta) -> Caller {
        Caller {
            user: UserId(Uuid::now_v7()),
            session: SessionId(Uuid::now_v7()),
            kind: UserKind::Registered,
            credential: 1,
            expires_at: (Utc::now() + lives).trunc_subsecs(0),
        }
    }

    fn authority() -> (Signer, Arc<Authenticator>) {
        let (private, public) = generate("k1");
        let signer = Signer::parse(&private).expect("a key we made");
        let verifier = Verifier::parse(&public).expect("a key we made");
        (signer, Arc::new(Authenticator::new(verifier, Arc::new(Revocations::default()))))
    }

    #[tokio::test]
    async fn a_caller_is_who_the_token_says() {
        let (signer, authenticator) = authority();
        let ada = caller(ACCESS_TOKEN_TTL);
        let token = signer.sign(&ada, Utc::now());
        for _ in 0..2 {
            assert_eq!(authenticator.verify(&token, Utc::now()).expect("valid"), ada);
        }

        let app = Router::new()
            .route("/me", get(|caller: Caller| async move { caller.user.to_string() }))
            .route("/anybody", get(|caller: Option<Caller>| async move { caller.is_some().to_string() }))
            .with_state(Arc::clone(&authenticator));
        let asked = |path: &'static str, authorization: Option<String>| {
            let mut request = Request::get(path);
            if let Some(value) = authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            app.clone().oneshot(request.body(Body::empty()).expect("a valid request"))
        };
        let status =
            async |path, authorization| asked(path, authorization).await.expect("infallible").status().as_u16();
        assert_eq!(status("/me", Some(format!("bearer {token}"))).await, 200);
        assert_eq!(status("/me", None).await, 401);
        assert_eq!(status("/me", Some(format!("Basic {token}"))).await, 401);
        assert_eq!(status("/me", Some("Bearer".to_owned())).await, 401);
        assert_eq!(status("/anybody", None).await, 200);
        assert_eq!(status("/anybody", Some("Bearer x".to_owned())).await, 401);
    }

    #[test]
    fn a_token_that_is_over_is_not_just_unauthenticated() {
        let (signer, authenticator) = authority();
        let token = signer.sign(&caller(TimeDelta::seconds(30)), Utc::now());
        assert!(authenticator.verify(&token, Utc::now()).is_ok());
        let later = Utc::now() + TimeDelta::seconds(31);
        assert_eq!(authenticator.verify(&token, later).expect_err("over").code, Code::TokenExpired);
    }

    #[test]
    fn what_is_revoked_ends_at_once_though_it_was_verified() {
        let (signer, authenticator) = authority();
        let (ada, bob, eve) = (caller(ACCESS_TOKEN_TTL), caller(ACCESS_TOKEN_TTL), caller(ACCESS_TOKEN_TTL));
        let now = Utc::now();
        let tokens = [&ada, &bob, &eve].map(|caller| signer.sign(caller, now));
        let valid = || tokens.clone().map(|token| authenticator.verify(&token, now).is_ok());
        assert_eq!(valid(), [true; 3]);
        authenticator.revocations().close_session(ada.session);
        authenticator.revocations().suspend_user(bob.user);
        authenticator.revocations().credential_number(eve.user, 2);
        assert_eq!(valid(), [false; 3]);
        authenticator.revocations().reinstate_user(bob.user);
        assert_eq!(valid(), [false, true, false]);
    }

    #[test]
    fn a_forged_token_is_refused() {
        let (signer, authenticator) = authority();
        let (forger, _) = authority();
        let ada = caller(ACCESS_TOKEN_TTL);
        let good = signer.sign(&ada, Utc::now());
        let mut cut = good.clone();
        cut.truncate(good.len() - 1);
        let (head, _) = good.rsplit_once('.').expect("three parts");
        let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiazEifQ.{}.", good.split('.').nth(1).expect("claims"));
        let huge = "a".repeat(100_000);
        for token in
            [forger.sign(&ada, Utc::now()), cut, format!("{head}."), unsigned, huge, String::new(), "a.b.c".to_owned()]
        {
            let refused = authenticator.verify(&token, Utc::now()).expect_err("forged");
            assert_eq!(refused.code, Code::Unauthenticated);
        }
    }

    #[test]
    fn the_signer_reads_its_key_from_a_secret() {
        let (private, public) = generate("2026-11");
        assert!(public.starts_with("2026-11:") && private.expose().starts_with("2026-11:"));
        assert!(Signer::parse(&Secret::from("no-colon")).is_err());
        assert!(Verifier::parse("a:tooshort").is_err());
        let jwks = serde_json::to_value(Verifier::parse(&public).expect("a key").jwks()).expect("plain data");
        assert_eq!((&jwks["keys"][0]["kid"], &jwks["keys"][0]["crv"]), (&"2026-11".into(), &"Ed25519".into()));
    }
}
