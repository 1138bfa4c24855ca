//! Content fingerprints: the keys of artifacts. Equal input gives equal keys on every machine.

use serde::{Deserialize, Serialize};

/// A 128-bit BLAKE3 fingerprint, written as 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Of raw bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).to_hex()[..32].to_string())
    }

    /// Of any serialisable value, through its compact binary form.
    pub fn of<T: Serialize>(value: &T) -> Result<Self, postcard::Error> {
        Ok(Self::of_bytes(&postcard::to_allocvec(value)?))
    }

    /// The hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
