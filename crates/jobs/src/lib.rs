//! Reelgate jobs.
