//! tus 1.0, the resumable upload protocol (tus.io/protocols/resumable-upload), as far as it is text: the headers.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::s3::checksum::{Algorithm, Checksum};
use crate::upload_signature::shown;

/// The only version.
pub const VERSION: &str = "1.0.0";
/// What is offered beside the core.
pub const EXTENSIONS: &str = "creation,creation-with-upload,expiration,checksum,termination";
/// Ways of summing, for `Tus-Checksum-Algorithm`.
pub const CHECKSUMS: &str = "sha1,sha256,crc32";

/// Longest `Upload-Metadata`, bytes.
const MAX_METADATA: usize = 8192;
/// Most keys of it.
const MAX_KEYS: usize = 64;

/// A header that cannot be read; `Display` says which and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

fn malformed<T>(sentence: String) -> Result<T, Malformed> {
    Err(Malformed(sentence))
}

/// `Upload-Metadata`: what the client says about the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Keys with their values as sent (base64; `None`: a key alone), in the order sent.
    entries: Vec<(String, Option<String>)>,
}

impl Metadata {
    /// Reads the header.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_METADATA {
            return malformed(format!("Upload-Metadata has more than {MAX_METADATA} bytes"));
        }
        let mut entries: Vec<(String, Option<String>)> = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (key, value) =
                entry.split_once(' ').map_or((entry, None), |(key, value)| (key, Some(value.trim())));
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return malformed(format!("the key {} of Upload-Metadata is not ASCII", shown(key)));
            }
            if entries.len() == MAX_KEYS || entries.iter().any(|(found, _)| found == key) {
                return malformed(format!(
                    "Upload-Metadata has {} twice, or more than {MAX_KEYS} keys",
                    shown(key)
                ));
            }
            if value.is_some_and(|value| BASE64.decode(value).is_err()) {
                return malformed(format!("the value of {} in Upload-Metadata is not base64", shown(key)));
            }
            entries.push((key.to_owned(), value.filter(|value| !value.is_empty()).map(str::to_owned)));
        }
        Ok(Self { entries })
    }

    /// The value of `key` as text; `None` if it is missing, empty or not UTF-8.
    pub fn text(&self, key: &str) -> Option<String> {
        let (_, value) = self.entries.iter().find(|(found, _)| found == key)?;
        String::from_utf8(BASE64.decode(value.as_deref()?).ok()?).ok()
    }

    /// Without `key`, which is not to be kept.
    pub fn without(mut self, key: &str) -> Self {
        self.entries.retain(|(found, _)| found != key);
        self
    }

    /// The header again.
    pub fn to_header(&self) -> String {
        let entry = |(key, value): &(String, Option<String>)| match value {
            Some(value) => format!("{key} {value}"),
            None => key.clone(),
        };
        self.entries.iter().map(entry).collect::<Vec<_>>().join(",")
    }
}

/// `Upload-Checksum`: what the body of a PATCH must sum up to.
#[derive(Debug)]
pub struct Expected {
    sum: Checksum,
    announced: String,
}

impl Expected {
    /// Reads the header.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let (name, value) = text.trim().split_once(' ').unwrap_or((text, ""));
        let (algorithm, length) = match name {
            "sha1" => (Algorithm::Sha1, 20),
            "sha256" => (Algorithm::Sha256, 32),
            "crc32" => (Algorithm::Crc32, 4),
            _ => return malformed(format!("Upload-Checksum {} is none of {CHECKSUMS}", shown(name))),
        };
        match BASE64.decode(value.trim()) {
            Ok(bytes) if bytes.len() == length => {
                Ok(Self { sum: Checksum::new(algorithm), announced: BASE64.encode(bytes) })
            }
            _ => malformed(format!("Upload-Checksum is not the base64 of {length} bytes, as {name} has")),
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sum.update(bytes);
    }

    /// Whether the bytes are what was announced.
    pub fn matches(self) -> bool {
        self.sum.finish() == self.announced
    }
}

/// A header that is a number of bytes: `Upload-Length`, `Upload-Offset`.
pub fn bytes(name: &str, text: Option<&str>) -> Result<u64, Malformed> {
    let Some(text) = text else { return malformed(format!("{name} is missing")) };
    let digits = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => malformed(format!("{name} {} is not a number of bytes", shown(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_clients_send_is_read() {
        // Uppy, with its own keys beside the application's.
        let text = "name c21hbGwubXA0,type dmlkZW8vbXA0,filename 5o6l5Y+jLm1wNA==,filetype dmlkZW8vbXA0,relativePath,empty ";
        let metadata = Metadata::parse(text).unwrap();
        assert_eq!(metadata.text("name").as_deref(), Some("small.mp4"));
        assert_eq!(metadata.text("filename").as_deref(), Some("接口.mp4"));
        assert_eq!(
            (metadata.text("relativePath"), metadata.text("empty"), metadata.text("x")),
            (None, None, None)
        );
        let kept = metadata.without("filename").without("name").without("type");
        assert_eq!(kept.to_header(), "filetype dmlkZW8vbXA0,relativePath,empty");
        assert_eq!(Metadata::parse("").unwrap(), Metadata::default());
        for odd in ["a !", "a YQ==,a YQ==", "é YQ==", &"a".repeat(9000)] {
            assert!(Metadata::parse(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn checksums_and_numbers() {
        for text in [
            "sha1 98O8HYCOBHMq32eZZczDTKeuNEE=",
            "crc32 y/Q5Jg==",
            "sha256 FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
        ] {
            let mut expected = Expected::parse(text).unwrap();
            expected.update(b"12345");
            expected.update(b"6789");
            assert!(expected.matches(), "{text}");
            let mut other = Expected::parse(text).unwrap();
            other.update(b"1234567890");
            assert!(!other.matches(), "{text}");
        }
        for odd in ["", "sha1", "md5 AAAA", "sha1 AAAA", "crc32 !"] {
            assert!(Expected::parse(odd).is_err(), "{odd}");
        }
        assert_eq!(bytes("Upload-Length", Some("0")).unwrap(), 0);
        for odd in [None, Some(""), Some("-1"), Some("+1"), Some("1.0"), Some("9999999999999999999")] {
            assert!(bytes("Upload-Length", odd).is_err(), "{odd:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "\\PC{0,100}") {
            if let Ok(metadata) = Metadata::parse(&text) {
                let again = Metadata::parse(&metadata.to_header()).unwrap();
                prop_assert_eq!(again, metadata);
            }
            let _ = Expected::parse(&text);
            let _ = bytes("Upload-Offset", Some(&text));
        }
    }
}
