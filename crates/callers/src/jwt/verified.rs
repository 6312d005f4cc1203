//! Tokens whose public-key signature was checked before, so that it is checked once and not at every request.

use std::sync::Arc;

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::claims::{Identity, Validity};

/// So many tokens are remembered; the ones asked for least give way.
const CAPACITY: u64 = 10_000;

/// The digest of a token: the token itself is not kept.
pub(super) type Print = [u8; 32];

/// What was verified, by the digest of the token.
pub(super) struct Verified(Cache<Print, Entry>);

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) identity: Arc<Identity>,
    pub(super) validity: Validity,
    /// Of the key set that verified it.
    pub(super) generation: u64,
}

impl Verified {
    pub(super) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    pub(super) fn print(token: &str) -> Print {
        Sha256::digest(token).into()
    }

    /// What is remembered of a token, if the keys have not changed since.
    pub(super) fn get(&self, print: &Print, generation: u64) -> Option<Entry> {
        self.0.get(print).filter(|entry| entry.generation == generation)
    }

    pub(super) fn remember(&self, print: Print, entry: Entry) {
        self.0.insert(print, entry);
    }
}
