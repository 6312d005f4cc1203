//! What `x-amz-content-sha256` says about the body.

use super::Refusal;
use crate::upload_signature::shown;

/// How the body is covered by the signature, and how it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayloadHash {
    /// `UNSIGNED-PAYLOAD`: as it is, not covered.
    Unsigned,
    /// As it is, with this SHA-256.
    Sha256([u8; 32]),
    /// In chunks that are signed one by one, each with the signature of the one before.
    SignedChunks {
        /// Whether signed trailers follow.
        trailer: bool,
    },
    /// In chunks that are not signed, with trailers.
    UnsignedChunks,
}

impl PayloadHash {
    /// Reads the header; without it a presigned body is unsigned.
    pub fn parse(text: Option<&str>, presigned: bool) -> Result<Self, Refusal> {
        let Some(text) = text else {
            return if presigned {
                Ok(Self::Unsigned)
            } else {
                Err(Refusal::PayloadHash("x-amz-content-sha256 is missing; send it and sign it".to_owned()))
            };
        };
        match text {
            "UNSIGNED-PAYLOAD" => Ok(Self::Unsigned),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Ok(Self::SignedChunks { trailer: false }),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Ok(Self::SignedChunks { trailer: true }),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Ok(Self::UnsignedChunks),
            _ if text.starts_with("STREAMING-") => Err(Refusal::NotOffered(shown(text))),
            _ => {
                let mut sum = [0; 32];
                let lower = text.bytes().all(|byte| !byte.is_ascii_uppercase());
                match hex::decode_to_slice(text, &mut sum) {
                    Ok(()) if lower => Ok(Self::Sha256(sum)),
                    _ => Err(Refusal::PayloadHash(format!(
                        "x-amz-content-sha256 {} is neither a SHA-256 in lower-case hex nor a known word",
                        shown(text)
                    ))),
                }
            }
        }
    }

    /// Whether the body is framed as `aws-chunked`.
    pub fn is_chunked(&self) -> bool {
        matches!(self, Self::SignedChunks { .. } | Self::UnsignedChunks)
    }
}
