//! Checksums that a client announces for a body: in a header before it, or in a trailer behind it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::upload_signature::shown;

/// A way of summing bytes, by the header that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `x-amz-checksum-crc32`.
    Crc32,
    /// `x-amz-checksum-crc32c`.
    Crc32c,
    /// `x-amz-checksum-crc64nvme`.
    Crc64Nvme,
    /// `x-amz-checksum-sha1`.
    Sha1,
    /// `x-amz-checksum-sha256`.
    Sha256,
    /// `x-cos-hash-crc64ecma`, in decimal.
    Crc64Ecma,
}

impl Algorithm {
    const ALL: [Self; 6] =
        [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256, Self::Crc64Ecma];

    /// Name of its header and trailer.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
            Self::Crc64Ecma => "x-cos-hash-crc64ecma",
        }
    }

    /// The one whose header is called `name` (any case).
    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| name.eq_ignore_ascii_case(one.header()))
    }

    /// The one that a request's headers announce, with its value; without one, those that its `x-amz-trailer` does.
    /// `get` gives a header's value by its lower-case name.
    pub fn announced<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<(Self, Option<&'a str>)> {
        let in_header = Self::ALL.into_iter().find_map(|one| Some((one, Some(get(one.header())?))));
        in_header.or_else(|| {
            let names = get("x-amz-trailer")?;
            names.split(',').find_map(|name| Some((Self::of_header(name.trim())?, None)))
        })
    }
}

/// A sum under way.
pub struct Checksum {
    algorithm: Algorithm,
    state: State,
}

enum State {
    Crc(Crc),
    Sha1(Sha1),
    Sha256(Sha256),
}

impl Checksum {
    /// Of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Crc32 => State::Crc(Crc::new(CrcAlgorithm::Crc32IsoHdlc)),
            Algorithm::Crc32c => State::Crc(Crc::new(CrcAlgorithm::Crc32Iscsi)),
            Algorithm::Crc64Nvme => State::Crc(Crc::new(CrcAlgorithm::Crc64Nvme)),
            Algorithm::Crc64Ecma => State::Crc(Crc::new(CrcAlgorithm::Crc64Xz)),
            Algorithm::Sha1 => State::Sha1(Sha1::new()),
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
        };
        Self { algorithm, state }
    }

    /// How it sums.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc(crc) => crc.update(bytes),
            State::Sha1(sha1) => sha1.update(bytes),
            State::Sha256(sha256) => sha256.update(bytes),
        }
    }

    /// The sum as its header has it.
    pub fn finish(self) -> String {
        match (self.algorithm, self.state) {
            (Algorithm::Crc64Ecma, State::Crc(crc)) => crc.finalize().to_string(),
            (Algorithm::Crc64Nvme, State::Crc(crc)) => BASE64.encode(crc.finalize().to_be_bytes()),
            // The 32-bit ones are the lower half.
            (_, State::Crc(crc)) => BASE64.encode(&crc.finalize().to_be_bytes()[4..]),
            (_, State::Sha1(sha1)) => BASE64.encode(sha1.finalize()),
            (_, State::Sha256(sha256)) => BASE64.encode(sha256.finalize()),
        }
    }
}

impl std::fmt::Debug for Checksum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checksum").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The bytes have another sum than the client announced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the bytes have the {header} {received}, not the {} that was announced; send them again",
    shown(announced)
)]
pub struct Differs {
    /// The header.
    pub header: &'static str,
    /// What the client says.
    pub announced: String,
    /// What came.
    pub received: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_catalogues() {
        for (algorithm, expected) in [
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Crc64Ecma, "11051210869376104954"),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (Algorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            let mut sum = Checksum::new(algorithm);
            sum.update(b"1234");
            sum.update(b"56789");
            assert_eq!(sum.finish(), expected, "{algorithm:?}");
            assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
        }
    }

    #[test]
    fn headers_come_before_trailers() {
        let of = |pairs: &'static [(&str, &str)]| {
            Algorithm::announced(move |name| {
                pairs.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
            })
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("x-amz-trailer", "x-amz-checksum-crc32")]), Some((Algorithm::Crc32, None)));
        assert_eq!(
            of(&[("x-amz-trailer", "x-other, X-Amz-Checksum-SHA256")]),
            Some((Algorithm::Sha256, None))
        );
        let both = of(&[("x-amz-trailer", "x-amz-checksum-crc32"), ("x-amz-checksum-sha1", "abc")]);
        assert_eq!(both, Some((Algorithm::Sha1, Some("abc"))));
    }
}
