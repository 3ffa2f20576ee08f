//! Which secrets does a system of its own sign and hash with? Made once, kept in its directory for the next start.

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use crate::settings::Settings;

/// Keys of the command service, and the public half for whoever checks tokens.
#[derive(Clone, Serialize, Deserialize)]
pub struct Keys {
    token_signing_key: String,
    token_public_keys: String,
    pepper: String,
    phone_key: String,
    refresh_keys: String,
}

impl Keys {
    /// New ones.
    #[must_use]
    pub fn generate() -> Self {
        let (private, public) = platform::auth::generate("dev");
        Self {
            token_signing_key: private.expose().to_owned(),
            token_public_keys: public,
            pepper: random_key(),
            phone_key: random_key(),
            refresh_keys: format!("1:{}", random_key()),
        }
    }

    /// Those of the directory; without them nobody who has an account there could sign in again.
    pub(super) fn load_or_make(dir: &Path) -> Result<Self> {
        let path = dir.join("keys.json");
        if let Ok(text) = std::fs::read(&path) {
            return serde_json::from_slice(&text).with_context(|| format!("reading {}", path.display()));
        }
        let keys = Self::generate();
        write_private(&path, &serde_json::to_vec_pretty(&keys)?)?;
        Ok(keys)
    }

    /// What the command service is told.
    pub fn signing(&self) -> Settings {
        self.verifying()
            .with("TOKEN_SIGNING_KEY", &self.token_signing_key)
            .with("PEPPER", &self.pepper)
            .with("PHONE_KEY", &self.phone_key)
            .with("REFRESH_KEYS", &self.refresh_keys)
    }

    /// What everybody who checks tokens is told.
    pub fn verifying(&self) -> Settings {
        Settings::default().with("TOKEN_PUBLIC_KEYS", &self.token_public_keys)
    }
}

fn random_key() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// Writes a file that only we may read, whole or not at all.
pub(super) fn write_private(path: &Path, text: &[u8]) -> Result<()> {
    let draft = path.with_extension("new");
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}
