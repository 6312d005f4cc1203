//! Bodies framed as `aws-chunked`: current AWS SDKs send them over TLS, with a checksum of the whole behind the last chunk.
//!
//! ```text
//! {size in hex}[;chunk-signature={hex}]\r\n{bytes}\r\n … 0[;chunk-signature={hex}]\r\n[{trailer}:{value}\r\n …]\r\n
//! ```
//!
//! The bytes of a chunk are handed out before its signature can be known to be right. Whoever receives them must be able to
//! take them back, and may rely on nothing before [`Decoder::finish`].

use std::mem;

use bytes::{Buf, Bytes};
use sha2::{Digest, Sha256};

use super::sigv4::ChunkKey;
use crate::cos::ErrorCode;
use crate::hmac_sha1::equal;
use crate::upload_signature::shown;

/// Longest line: a chunk's head or one trailer, bytes.
const MAX_LINE: usize = 1024;
/// Most trailers.
const MAX_TRAILERS: usize = 16;
/// Carries the signature over the other trailers.
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its framing is broken.
    #[error("{0}")]
    Malformed(String),
    /// Its trailers are broken.
    #[error("{0}")]
    Trailer(String),
    /// A chunk or the trailers were signed with another key, or changed on the way.
    #[error("the signature of {0} does not match")]
    Mismatch(String),
    /// Another number of bytes than announced.
    #[error(
        "the body has {received} bytes or more, and {announced} were announced in x-amz-decoded-content-length"
    )]
    Length {
        /// Bytes that came.
        received: u64,
        /// Bytes that were to come.
        announced: u64,
    },
}

impl Refusal {
    /// The code of the error answer.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Malformed(_) | Self::Length { .. } => ErrorCode::IncompleteBody,
            Self::Trailer(_) => ErrorCode::MalformedTrailerError,
            Self::Mismatch(_) => ErrorCode::SignatureDoesNotMatch,
        }
    }
}

/// Takes the framing off, piece by piece.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    signing: Option<Signing>,
    trailer_expected: bool,
    trailers: Vec<(String, String)>,
    announced: u64,
    received: u64,
    line: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Data {
        left: u64,
    },
    /// The line end behind a chunk's bytes.
    Gap,
    Trailers,
    Done,
}

#[derive(Debug)]
struct Signing {
    key: ChunkKey,
    /// Signature that the current chunk came with.
    claimed: String,
    digest: Sha256,
}

impl Decoder {
    /// For a body of `announced` bytes without the framing. With `key` its chunks are signed; `trailer` says that trailers
    /// may follow.
    pub fn new(key: Option<ChunkKey>, trailer: bool, announced: u64) -> Self {
        let signing = key.map(|key| Signing { key, claimed: String::new(), digest: Sha256::new() });
        Self {
            state: State::Head,
            signing,
            trailer_expected: trailer,
            trailers: Vec::new(),
            announced,
            received: 0,
            line: Vec::new(),
        }
    }

    /// Takes the next bytes off the wire and adds what they hold of the body to `out`.
    pub fn push(&mut self, mut input: Bytes, out: &mut Vec<Bytes>) -> Result<(), Refusal> {
        while !input.is_empty() {
            if let State::Data { left } = self.state {
                let now = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                let piece = input.split_to(now);
                if let Some(signing) = &mut self.signing {
                    signing.digest.update(&piece);
                }
                out.push(piece);
                let left = left - now as u64;
                self.state = if left == 0 { State::Gap } else { State::Data { left } };
            } else if self.state == State::Done {
                return Err(Refusal::Malformed("the body goes on behind its last chunk".to_owned()));
            } else if self.gather_line(&mut input)? {
                let line = mem::take(&mut self.line);
                self.take_line(&line)?;
            }
        }
        Ok(())
    }

    /// The trailers, once the body is over. Fails if it is not.
    pub fn finish(&self) -> Result<&[(String, String)], Refusal> {
        if self.state != State::Done {
            return Err(Refusal::Malformed("the body ends before its last chunk".to_owned()));
        }
        if self.received != self.announced {
            return Err(Refusal::Length { received: self.received, announced: self.announced });
        }
        Ok(&self.trailers)
    }

    /// Adds to the current line; whether it is whole now.
    fn gather_line(&mut self, input: &mut Bytes) -> Result<bool, Refusal> {
        let end = input.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(input.len(), |end| end + 1);
        if self.line.len() + taken > MAX_LINE {
            return Err(Refusal::Malformed(format!(
                "a chunk's head or trailer is longer than {MAX_LINE} bytes"
            )));
        }
        self.line.extend_from_slice(&input[..taken]);
        input.advance(taken);
        Ok(end.is_some())
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let text = std::str::from_utf8(line)
            .map_err(|_| Refusal::Malformed("a chunk's head or trailer is not ASCII".to_owned()))?;
        let text = text.trim_end_matches(['\r', '\n']);
        match self.state {
            State::Head => self.take_head(text),
            State::Gap if text.is_empty() => {
                self.state = State::Head;
                self.check_chunk()
            }
            State::Gap => Err(Refusal::Malformed("a chunk is longer than its head says".to_owned())),
            State::Trailers if text.is_empty() => {
                self.state = State::Done;
                self.check_trailers()
            }
            State::Trailers => self.take_trailer(text),
            State::Data { .. } | State::Done => Ok(()),
        }
    }

    fn take_head(&mut self, text: &str) -> Result<(), Refusal> {
        let (size, extension) = text.split_once(';').unwrap_or((text, ""));
        let hex = (1..=16).contains(&size.len()) && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = hex.then(|| u64::from_str_radix(size, 16).ok()).flatten().ok_or_else(|| {
            Refusal::Malformed(format!(
                "{} is not the head of a chunk: SIZE[;chunk-signature=HEX]",
                shown(text)
            ))
        })?;
        if let Some(signing) = &mut self.signing {
            let claimed = extension.trim().strip_prefix("chunk-signature=").unwrap_or_default();
            claimed.clone_into(&mut signing.claimed);
        }
        self.received = self.received.saturating_add(size);
        if self.received > self.announced {
            return Err(Refusal::Length { received: self.received, announced: self.announced });
        }
        if size > 0 {
            self.state = State::Data { left: size };
            return Ok(());
        }
        self.state = State::Trailers;
        self.check_chunk()
    }

    fn check_chunk(&mut self) -> Result<(), Refusal> {
        let Some(signing) = &mut self.signing else { return Ok(()) };
        let digest = hex::encode(mem::take(&mut signing.digest).finalize());
        let expected = signing.key.next_chunk(&digest);
        if equal(expected.as_bytes(), signing.claimed.as_bytes()) {
            Ok(())
        } else {
            Err(Refusal::Mismatch("a chunk".to_owned()))
        }
    }

    fn take_trailer(&mut self, text: &str) -> Result<(), Refusal> {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| Refusal::Trailer(format!("{} is not a trailer: NAME:VALUE", shown(text))))?;
        let name = name.trim().to_ascii_lowercase();
        if !self.trailer_expected || self.trailers.len() == MAX_TRAILERS {
            return Err(Refusal::Trailer(format!("the trailer {} was not announced", shown(&name))));
        }
        if self.trailers.iter().any(|(found, _)| *found == name) {
            return Err(Refusal::Trailer(format!("the trailer {} comes twice", shown(&name))));
        }
        self.trailers.push((name, value.trim().to_owned()));
        Ok(())
    }

    fn check_trailers(&mut self) -> Result<(), Refusal> {
        let Some(signing) = self.signing.as_mut().filter(|_| self.trailer_expected) else { return Ok(()) };
        let at = self.trailers.iter().position(|(name, _)| name == TRAILER_SIGNATURE);
        let claimed = at.map(|at| self.trailers.remove(at).1).unwrap_or_default();
        let lines: String = self.trailers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        if equal(signing.key.trailer(&lines).as_bytes(), claimed.as_bytes()) {
            Ok(())
        } else {
            Err(Refusal::Mismatch("the trailers".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::sigv4::{Request, Signer, Stamp};
    use crate::sha256::sha256_hex;
    use proptest::prelude::*;

    fn key() -> ChunkKey {
        let headers = [("host".to_owned(), "h".to_owned())];
        let request = Request { method: "PUT", path: "/k", query: &[], headers: &headers, payload_hash: "x" };
        Signer::new("A", "S", "r").authorization(&request, &Stamp::of(1_700_000_000)).1
    }

    /// A signed body in chunks of `size`, with a trailer if wanted.
    fn signed(bytes: &[u8], size: usize, trailer: Option<&str>) -> Vec<u8> {
        let mut key = key();
        let mut body = Vec::new();
        for chunk in bytes.chunks(size).chain([&[][..]]) {
            let signature = key.next_chunk(&sha256_hex(chunk));
            body.extend_from_slice(format!("{:x};chunk-signature={signature}\r\n", chunk.len()).as_bytes());
            body.extend_from_slice(chunk);
            if !chunk.is_empty() {
                body.extend_from_slice(b"\r\n");
            }
        }
        if let Some(trailer) = trailer {
            let signature = key.trailer(&format!("{trailer}\n"));
            body.extend_from_slice(format!("{trailer}\r\n{TRAILER_SIGNATURE}:{signature}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body
    }

    /// The bytes and the trailers.
    type Decoded = (Vec<u8>, Vec<(String, String)>);

    fn decode(mut decoder: Decoder, pieces: &[&[u8]]) -> Result<Decoded, Refusal> {
        let mut out = Vec::new();
        for piece in pieces {
            decoder.push(Bytes::copy_from_slice(piece), &mut out)?;
        }
        Ok((out.concat(), decoder.finish()?.to_vec()))
    }

    #[test]
    fn unsigned_chunks_with_a_checksum_behind_them() {
        let body = b"3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32:hYkrAw==\r\n\r\n";
        let (bytes, trailers) = decode(Decoder::new(None, true, 5), &[body]).unwrap();
        assert_eq!(bytes, b"abcde");
        assert_eq!(trailers, [("x-amz-checksum-crc32".to_owned(), "hYkrAw==".to_owned())]);
        for (body, announced) in [
            (&b"3\r\nabc\r\n0\r\n\r\n"[..], 4),
            (b"3\r\nabc\r\n0\r\n\r\n", 2),
            (b"3\r\nabc\r\n0\r\n", 3),
            (b"3\r\nabc\r\n0\r\n\r\nx", 3),
            (b"3\r\nabcd\r\n0\r\n\r\n", 3),
            (b"3\r\nab", 3),
            (b"-3\r\nabc\r\n0\r\n\r\n", 3),
            (b"ffffffffffffffff\r\nabc", 3),
            (b"", 0),
            (b"0\r\nno trailer\r\n\r\n", 0),
            (b"0\r\na:1\r\nA:2\r\n\r\n", 0),
        ] {
            assert!(decode(Decoder::new(None, true, announced), &[body]).is_err(), "{body:?}");
        }
        let endless = vec![b'1'; 4096];
        assert!(decode(Decoder::new(None, true, 5), &[&endless]).is_err());
        let unannounced = decode(Decoder::new(None, false, 0), &[b"0\r\na:1\r\n\r\n"]).unwrap_err();
        assert_eq!(unannounced.code(), ErrorCode::MalformedTrailerError);
    }

    #[test]
    fn every_byte_of_a_signed_body_counts() {
        let bytes = b"0123456789";
        let trailer = Some("x-amz-checksum-crc32:ppgF3A==");
        let body = signed(bytes, 4, trailer);
        let decoder = || Decoder::new(Some(key()), true, 10);
        assert_eq!(decode(decoder(), &[&body]).unwrap().0, bytes);
        for at in 0..body.len() {
            let mut changed = body.clone();
            changed[at] ^= 1;
            let outcome = decode(decoder(), &[&changed]);
            // Line ends are not signed, and `\r` is not looked at.
            assert!(
                outcome.is_err() || body[at] == b'\r',
                "byte {at} of {:?}",
                String::from_utf8_lossy(&body)
            );
        }
        let unsigned = decode(decoder(), &[b"a\r\n0123456789\r\n0\r\n\r\n"]).unwrap_err();
        assert_eq!(unsigned.code(), ErrorCode::SignatureDoesNotMatch);
        let without_trailer = signed(bytes, 4, None);
        assert!(decode(decoder(), &[&without_trailer]).is_err(), "the trailers of a trailer form are signed");
        assert!(decode(Decoder::new(Some(key()), false, 10), &[&without_trailer]).is_ok());
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..80, cut in 1_usize..50) {
            let body = signed(&bytes, size, Some("x-amz-checksum-crc32:AAAAAA=="));
            let pieces: Vec<&[u8]> = body.chunks(cut).collect();
            let decoded = decode(Decoder::new(Some(key()), true, bytes.len() as u64), &pieces).unwrap();
            prop_assert_eq!(decoded.0, bytes);
        }

        #[test]
        fn any_input_gives_an_answer(body in prop::collection::vec(any::<u8>(), 0..400), announced: u64) {
            let _ = decode(Decoder::new(None, true, announced), &[&body]);
        }
    }
}
