//! What is in an access token, and how is it signed and verified? An EdDSA JWT of fifteen minutes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use events::{SessionId, UserId, UserKind};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Caller;
use super::keys::{self, install_provider};
use crate::config::{ConfigError, Secret};
use crate::problem::{Code, Problem};

/// How long an access token lives, unless its session ends before.
pub const ACCESS_TOKEN_TTL: TimeDelta = TimeDelta::minutes(15);

/// A token of ours has about 400 bytes; what is much longer is not even looked at.
const TOKEN_BYTES_MAX: usize = 2_048;

/// The token's claims. Times are seconds since 1970, as JWT has them.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    kind: UserKind,
    cred: u32,
    iat: i64,
    exp: i64,
}

/// Signs access tokens. Only the command service has one.
pub struct Signer {
    header: Header,
    key: EncodingKey,
}

impl Signer {
    /// Reads the setting `TOKEN_SIGNING_KEY`.
    ///
    /// # Errors
    /// When it is not `kid:base64url` of 32 bytes. The error does not show the key.
    pub fn parse(setting: &Secret) -> Result<Self, ConfigError> {
        install_provider();
        let (kid, seed) = keys::parse("TOKEN_SIGNING_KEY", setting.expose())?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid);
        Ok(Self { header, key: EncodingKey::from_ed_der(&seed) })
    }

    /// The token for this caller, valid until his `expires_at` (in whole seconds). The one who calls
    /// sees to it that this is at most [`ACCESS_TOKEN_TTL`] away and not after the session's end.
    #[must_use]
    pub fn sign(&self, caller: &Caller, now: DateTime<Utc>) -> String {
        let claims = Claims {
            sub: caller.user,
            sid: caller.session,
            kind: caller.kind,
            cred: caller.credential,
            iat: now.timestamp(),
            exp: caller.expires_at.timestamp(),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.key).expect("a key of 32 bytes signs any claims")
    }
}

/// Verifies access tokens with the public keys it knows, by their `kid`.
pub struct Verifier {
    keys: BTreeMap<String, (DecodingKey, [u8; 32])>,
    validation: Validation,
}

impl Verifier {
    /// Reads the setting `TOKEN_PUBLIC_KEYS`.
    ///
    /// # Errors
    /// When a part of the list is not `kid:base64url` of 32 bytes, or there is none.
    pub fn parse(setting: &str) -> Result<Self, ConfigError> {
        install_provider();
        let name = "TOKEN_PUBLIC_KEYS";
        let mut keys = BTreeMap::new();
        for part in setting.split(',').filter(|part| !part.trim().is_empty()) {
            let (kid, bytes) = keys::parse(name, part)?;
            keys.insert(kid, (DecodingKey::from_ed_der(&bytes), bytes));
        }
        if keys.is_empty() {
            return Err(ConfigError::Missing { name });
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        // The caller's clock decides, and what is over gets another answer than what is forged.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Ok(Self { keys, validation })
    }

    /// Reads a token whose signature is ours. Whether it is over is for the caller to say.
    pub(super) fn verify(&self, token: &str) -> Result<Caller, Problem> {
        self.claims(token)
            .and_then(|claims| {
                Some(Caller {
                    user: claims.sub,
                    session: claims.sid,
                    kind: claims.kind,
                    credential: claims.cred,
                    expires_at: DateTime::from_timestamp_secs(claims.exp)?,
                })
            })
            .ok_or_else(|| Problem::new(Code::Unauthenticated, "The access token is not valid."))
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let kid = jsonwebtoken::decode_header(token).ok()?.kid?;
        let (key, _) = self.keys.get(&kid)?;
        let data = jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok()?;
        Some(data.claims)
    }

    /// The public keys as a key set.
    #[must_use]
    pub fn jwks(&self) -> Jwks {
        let key = |(kid, (_, bytes)): (&String, &(DecodingKey, [u8; 32]))| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            r#use: "sig",
            alg: "EdDSA",
            kid: kid.clone(),
            x: URL_SAFE_NO_PAD.encode(bytes),
        };
        Jwks { keys: self.keys.iter().map(key).collect() }
    }
}

/// The public keys of access tokens: `/.well-known/jwks.json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Jwks {
    pub keys: Vec<Jwk>,
}

/// One public key (RFC 8037).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Jwk {
    pub kty: &'static str,
    pub crv: &'static str,
    pub r#use: &'static str,
    pub alg: &'static str,
    pub kid: String,
    /// The key's 32 bytes in base64url.
    pub x: String,
}
