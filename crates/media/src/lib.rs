//! Reelgate media.
