//! Reelgate objects.
