//! The object door: the COS XML API as far as official upload clients use it (wire reference 3).

mod address;

pub use address::Address;
