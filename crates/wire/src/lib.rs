//! Reelgate wire.
