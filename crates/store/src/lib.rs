//! Reelgate store.
