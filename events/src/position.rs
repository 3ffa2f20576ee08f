//! A place in `CHAT` that a client may keep: opaque outside, (epoch, sequence) inside.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Which history a sequence belongs to. A restore begins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Epoch(pub u32);

/// A place in the log. Only servers compare positions, and only within one epoch.
/// As text: 16 characters of base64url.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    pub epoch: Epoch,
    pub seq: u64,
}

/// A text that no server of ours wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a position")]
pub struct NotAPosition;

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[4..].copy_from_slice(&self.seq.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Position {
    type Err = NotAPosition;
    fn from_str(text: &str) -> Result<Self, NotAPosition> {
        let bytes: [u8; 12] = URL_SAFE_NO_PAD.decode(text).ok().and_then(|b| b.try_into().ok()).ok_or(NotAPosition)?;
        let (epoch, seq) = bytes.split_at(4);
        Ok(Self {
            epoch: Epoch(u32::from_be_bytes(epoch.try_into().expect("four of twelve bytes"))),
            seq: u64::from_be_bytes(seq.try_into().expect("eight of twelve bytes")),
        })
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text() {
        for seq in [0, 1, 135_298, u64::MAX] {
            let position = Position { epoch: Epoch(0xdead_beef), seq };
            assert_eq!(position.to_string().len(), 16);
            assert_eq!(position.to_string().parse(), Ok(position));
        }
        for bad in ["", "1", "AAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAA", "****************"] {
            assert_eq!(bad.parse::<Position>(), Err(NotAPosition));
        }
    }
}
