//! The server as its users meet it: real rows, real bytes, real HTTP.

mod events;
