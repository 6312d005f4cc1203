//! Reelgate client.
