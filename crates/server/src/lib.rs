//! Reelgate server.
