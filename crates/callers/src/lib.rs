//! Who is asking, as far as other systems say it: JWTs and forward auth.
//!
//! A [`Jwt`] checks tokens of one issuer on its own, with a shared secret, a public key, or the keys that the issuer
//! publishes. A [`Forward`] asks the operator's app over HTTP, which may also narrow what is allowed. What follows from
//! a name, a tag or a narrowing is the server's business; nothing here knows of uploads, rows or routes.
//!
//! Cryptography is aws-lc everywhere. `jsonwebtoken` 11 finds its provider through a process-wide default, which panics
//! at the first token when a build has enabled none or two of them. This crate never asks for that default: it calls
//! `jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER` by name, so there is nothing to install and nothing to forget.
//! The feature `use_pem` stays off, because it pulls in `time`, which `deny.toml` bans; rustls-pki-types
//! reads PEM.

mod forward;
mod jwt;
mod object;
mod outbound;
mod settings;

pub use forward::{Answer, Forward, ForwardRefusal, ForwardSettings, Narrowing};
pub use jwt::{Algorithm, ClaimPath, Identity, Jwt, JwtKeys, JwtRefusal, JwtSettings};
pub use settings::SettingsError;
