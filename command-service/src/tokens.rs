//! What does a client hold of a session? An access token for a quarter of an hour, and a refresh token that works once.

use crate::domain::identity::session::Presented;
use anyhow::{Context, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::identity::Session;
use events::{PhoneTag, SessionId, Time, UserKind};
use hmac::{Hmac, KeyInit, Mac};
use platform::Caller;
use platform::auth::{ACCESS_TOKEN_TTL, Signer};
use platform::config::Secret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A refresh token of ours has 37 + 11 + 43 characters at most; what is longer is none.
const REFRESH_TOKEN_CHARS_MAX: usize = 100;

/// Makes and recognises tokens, and the tags of phone numbers.
pub(crate) struct Tokens {
    signer: Signer,
    phone_key: Secret,
    refresh_keys: BTreeMap<u16, Vec<u8>>,
    current_key: u16,
}

/// A refresh token as it was presented: `sid.rotation.secret`.
pub(crate) struct RefreshToken {
    pub(crate) session: SessionId,
    rotation: u32,
    secret: String,
}

/// What a client gets at sign-in and at each refresh.
#[derive(Debug, serde::Serialize, ToSchema)]
pub(crate) struct Pair {
    /// An EdDSA JWT.
    pub(crate) access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub(crate) token_type: &'static str,
    /// Seconds until the access token is over.
    #[schema(example = 900)]
    pub(crate) expires_in: i64,
    /// Works once; exchange it for the next.
    pub(crate) refresh_token: String,
}

impl Tokens {
    /// `refresh_keys` is a comma-separated list of `version:base64url`; the highest version signs.
    ///
    /// # Errors
    /// When a key cannot be read or is shorter than 32 bytes.
    pub(crate) fn new(signer: Signer, phone_key: Secret, refresh_keys: &Secret) -> anyhow::Result<Self> {
        ensure!(phone_key.expose().len() >= 32, "PHONE_KEY has to be at least 32 characters");
        let mut keys = BTreeMap::new();
        for part in refresh_keys.expose().split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (version, key) = part.split_once(':').context("REFRESH_KEYS: expected version:base64url")?;
            let version: u16 = version.parse().ok().context("REFRESH_KEYS: a version is a number up to 65535")?;
            let key = URL_SAFE_NO_PAD.decode(key.trim_end_matches('=')).ok();
            let key =
                key.filter(|key| key.len() >= 32).context("REFRESH_KEYS: a key is 32 bytes or more in base64url")?;
            if keys.insert(version, key).is_some() {
                bail!("REFRESH_KEYS: version {version} is there twice");
            }
        }
        let current_key = *keys.keys().next_back().context("REFRESH_KEYS is empty")?;
        Ok(Self { signer, phone_key, refresh_keys: keys, current_key })
    }

    /// The version of the key that refresh tokens are made with now.
    pub(crate) fn key(&self) -> u16 {
        self.current_key
    }

    /// What the log knows of a number.
    pub(crate) fn phone_tag(&self, phone: &crate::domain::phone::Phone) -> PhoneTag {
        phone_tag(&self.phone_key, phone)
    }

    /// Both tokens of a session as it is now; `None` when its key is no longer in the settings.
    pub(crate) fn pair(&self, id: SessionId, session: &Session, kind: UserKind, now: Time) -> Option<Pair> {
        let secret = self.secret(id, session.rotation, session.key)?;
        // No access token outlives its session.
        let expires_at = (now + ACCESS_TOKEN_TTL).min(session.ends_at());
        let caller = Caller { user: session.user, session: id, kind, credential: session.credential, expires_at };
        Some(Pair {
            access_token: self.signer.sign(&caller, now),
            token_type: "Bearer",
            expires_in: (expires_at - now).num_seconds(),
            refresh_token: format!("{id}.{}.{secret}", session.rotation),
        })
    }

    /// Whether a server with our keys made this token, for whatever session: known without asking the log.
    pub(crate) fn made(&self, token: &RefreshToken) -> bool {
        self.refresh_keys.keys().any(|key| self.is_made_with(*key, token))
    }

    /// What this token is to the session.
    pub(crate) fn judge(&self, session: &Session, token: &RefreshToken) -> Presented {
        let genuine = |key| self.is_made_with(key, token);
        match session.rotation.checked_sub(token.rotation) {
            Some(0) if genuine(session.key) => Presented::Current,
            Some(1) if genuine(session.previous_key) => Presented::Previous,
            // Which key it was made with is long forgotten.
            Some(2..) if self.made(token) => Presented::Older,
            Some(_) | None => Presented::Forged,
        }
    }

    fn is_made_with(&self, key: u16, token: &RefreshToken) -> bool {
        self.secret(token.session, token.rotation, key).is_some_and(|good| same(&good, &token.secret))
    }

    fn secret(&self, session: SessionId, rotation: u32, key: u16) -> Option<String> {
        let key = self.refresh_keys.get(&key)?;
        Some(URL_SAFE_NO_PAD.encode(mac(key, &[session.0.as_bytes(), &rotation.to_be_bytes()])))
    }
}

impl RefreshToken {
    /// Reads a token; `None` for what no server of ours wrote.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.len() > REFRESH_TOKEN_CHARS_MAX {
            return None;
        }
        let mut parts = text.split('.');
        let (session, rotation, secret) = (parts.next()?, parts.next()?, parts.next()?);
        let token =
            Self { session: session.parse().ok()?, rotation: rotation.parse().ok()?, secret: secret.to_owned() };
        parts.next().is_none().then_some(token)
    }
}

/// What the log knows of a number, under this key.
pub(crate) fn phone_tag(key: &Secret, phone: &crate::domain::phone::Phone) -> PhoneTag {
    PhoneTag(mac(key.expose().as_bytes(), &[phone.expose().as_bytes()]))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes any key");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Compared by hash: how long it takes says nothing about the secret.
fn same(good: &str, given: &str) -> bool {
    Sha256::digest(good) == Sha256::digest(given)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use events::identity::{SessionEvent, SessionRefreshed, SessionStarted};
    use events::{Evolve, UserId};
    use uuid::Uuid;

    const ID: SessionId = SessionId(Uuid::from_u128(7));
    const NOW: Time = Time::UNIX_EPOCH;

    fn key(byte: u8) -> String {
        URL_SAFE_NO_PAD.encode([byte; 32])
    }

    fn tokens(refresh_keys: &str) -> Tokens {
        let (private, _) = platform::auth::generate("k1");
        let signer = Signer::parse(&private).expect("a key we made");
        Tokens::new(signer, Secret::from(key(1).as_str()), &Secret::from(refresh_keys)).expect("keys")
    }

    fn session(key: u16) -> Session {
        let started = SessionStarted {
            session: ID,
            user: UserId(Uuid::from_u128(8)),
            credential: 1,
            key,
            device: None,
            idle_until: NOW + TimeDelta::days(14),
            expires_at: NOW + TimeDelta::minutes(10),
            at: NOW,
        };
        Session::after(None, &SessionEvent::from(started)).expect("a session")
    }

    fn refreshed(session: Session, key: u16) -> Session {
        let next = SessionRefreshed {
            session: ID,
            rotation: session.rotation + 1,
            credential: 1,
            key,
            idle_until: session.idle_until,
            expires_at: session.expires_at,
            at: NOW,
        };
        Session::after(Some(session), &SessionEvent::from(next)).expect("a session")
    }

    fn token(tokens: &Tokens, session: &Session) -> RefreshToken {
        let pair = tokens.pair(ID, session, UserKind::Registered, NOW).expect("its key is known");
        RefreshToken::parse(&pair.refresh_token).expect("our own")
    }

    #[test]
    fn each_rotation_has_its_token_also_across_keys() {
        let tokens = tokens(&format!("1:{}, 2:{}", key(1), key(2)));
        assert_eq!(tokens.key(), 2);
        let first = session(1);
        let second = refreshed(first.clone(), 2);
        let third = refreshed(second.clone(), 2);
        let token = token(&tokens, &first);
        assert_eq!(tokens.judge(&first, &token), Presented::Current);
        assert_eq!(tokens.judge(&second, &token), Presented::Previous);
        assert_eq!(tokens.judge(&third, &token), Presented::Older);
    }

    #[test]
    fn a_guessed_secret_is_forged_whatever_its_rotation() {
        let tokens = tokens(&format!("1:{}", key(1)));
        let third = refreshed(refreshed(session(1), 1), 1);
        for rotation in [0, 1, 2, 3, u32::MAX] {
            let guess = RefreshToken::parse(&format!("{ID}.{rotation}.{}", key(9))).expect("of the right form");
            assert_eq!(tokens.judge(&third, &guess), Presented::Forged);
            assert!(!tokens.made(&guess));
        }
        for text in ["", "a.b.c", &format!("{ID}.0"), &format!("{ID}.0.x.y"), &"x".repeat(101)] {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn no_access_token_outlives_its_session() {
        let tokens = tokens(&format!("1:{}", key(1)));
        let pair = tokens.pair(ID, &session(1), UserKind::Registered, NOW).expect("its key is known");
        assert_eq!(pair.expires_in, 600);
    }

    #[test]
    fn a_number_has_one_tag() {
        let tokens = tokens(&format!("1:{}", key(1)));
        let tag = |text| tokens.phone_tag(&crate::domain::phone::Phone::parse(text).expect("a number"));
        assert_eq!(tag("+4915112345678"), tag("+4915112345678"));
        assert_ne!(tag("+4915112345678"), tag("+4915112345679"));
    }
}
