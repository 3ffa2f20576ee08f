//! How do Ed25519 keys come in and reach the JWT library? As `kid:base64url` settings and through our own provider.

use std::path::PathBuf;
use std::sync::Once;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use ed25519_dalek::{Signature, SignatureError, SigningKey, VerifyingKey};
use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result as JwtResult};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use super::token::Signer;
use crate::config::{ConfigError, Secret};

/// With which key tokens are signed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Access tokens")]
pub struct SigningArgs {
    /// Private key of access tokens: `kid:base64url` of the 32 bytes of an Ed25519 seed.
    #[arg(long, env = "TOKEN_SIGNING_KEY", value_name = "KEY", hide_env_values = true)]
    token_signing_key: Option<Secret>,

    /// File with the private key of access tokens.
    #[arg(long, env = "TOKEN_SIGNING_KEY_FILE", value_name = "FILE")]
    token_signing_key_file: Option<PathBuf>,
}

impl SigningArgs {
    /// Settings made in code: for what runs several roles in one process, and for tests.
    #[must_use]
    pub fn new(key: Secret) -> Self {
        Self { token_signing_key: Some(key), token_signing_key_file: None }
    }

    /// The signer.
    ///
    /// # Errors
    /// When the key is given nowhere or twice, or cannot be read.
    pub fn signer(&self) -> Result<Signer, ConfigError> {
        let name = "TOKEN_SIGNING_KEY";
        let key = Secret::of(name, self.token_signing_key.as_ref(), self.token_signing_key_file.as_deref())?;
        Signer::parse(&key.ok_or(ConfigError::Missing { name })?)
    }
}

/// Makes a new pair of keys: the settings `TOKEN_SIGNING_KEY` and `TOKEN_PUBLIC_KEYS`.
#[must_use]
pub fn generate(kid: &str) -> (Secret, String) {
    let key = SigningKey::from_bytes(&rand::random());
    let setting = |bytes: &[u8]| format!("{kid}:{}", URL_SAFE_NO_PAD.encode(bytes));
    (Secret::from(setting(key.as_bytes()).as_str()), setting(key.verifying_key().as_bytes()))
}

/// Reads `kid:base64url` of 32 bytes.
pub(super) fn parse(name: &'static str, text: &str) -> Result<(String, [u8; 32]), ConfigError> {
    let wrong = |reason: &str| ConfigError::Invalid { name, reason: reason.to_owned() };
    let (kid, bytes) = text.trim().split_once(':').ok_or_else(|| wrong("expected kid:base64url"))?;
    if kid.is_empty() {
        return Err(wrong("the kid before the colon is empty"));
    }
    let bytes = URL_SAFE_NO_PAD
        .decode(bytes.trim_end_matches('='))
        .map_err(|_| wrong("what follows the kid is no base64url"))?;
    let bytes = bytes.try_into().map_err(|_| wrong("the key has to be 32 bytes"))?;
    Ok((kid.to_owned(), bytes))
}

/// Gives the JWT library its one algorithm, EdDSA over Ed25519. The library is built without its own
/// cryptography, which would bring RSA and two more elliptic curves.
pub(super) fn install_provider() {
    static ONCE: Once = Once::new();
    static PROVIDER: CryptoProvider =
        CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };
    // An error says that one is installed already, which then is this one: nobody else uses the library.
    ONCE.call_once(|| {
        let _installed = PROVIDER.install_default();
    });
}

struct Ed25519Signer(SigningKey);
struct Ed25519Verifier(VerifyingKey);

/// `EncodingKey` holds the raw seed, not PKCS #8: only this provider reads it.
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> JwtResult<Box<dyn JwtSigner>> {
    let seed: &[u8; 32] = key.as_bytes().try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    match algorithm {
        Algorithm::EdDSA => Ok(Box::new(Ed25519Signer(SigningKey::from_bytes(seed)))),
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

/// `DecodingKey` holds the 32 bytes of the public key.
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> JwtResult<Box<dyn JwtVerifier>> {
    let bytes: &[u8; 32] = key.try_get_as_bytes()?.try_into().map_err(|_| ErrorKind::InvalidEddsaKey)?;
    match algorithm {
        Algorithm::EdDSA => {
            let key = VerifyingKey::from_bytes(bytes).map_err(|_| ErrorKind::InvalidEddsaKey)?;
            Ok(Box::new(Ed25519Verifier(key)))
        }
        _ => Err(ErrorKind::UnsupportedAlgorithm.into()),
    }
}

impl ed25519_dalek::Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature: Signature = ed25519_dalek::Signer::try_sign(&self.0, message)?;
        Ok(signature.to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl ed25519_dalek::Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        // Strict: a key of small order would verify anything.
        self.0.verify_strict(message, &Signature::from_slice(signature)?)
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}
