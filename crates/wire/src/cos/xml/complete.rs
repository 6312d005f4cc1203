//! Complete Multipart Upload: request and answer.

use super::bare_etag;
use super::tree::{Element, XmlError, malformed};
use super::write::Document;

/// Most parts of an upload.
pub const MAX_PARTS: u32 = 10_000;

/// The request: which parts, in which order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompleteMultipartUpload {
    /// In ascending order, each once.
    pub parts: Vec<CompletedPart>,
}

/// One part of a Complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletedPart {
    /// 1 to 10000.
    pub number: u32,
    /// Without quotes, as sent otherwise.
    pub etag: String,
}

/// `CompleteMultipartUploadResult`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompleteMultipartUploadResult {
    /// Absolute URL of the object.
    pub location: String,
    /// Full bucket name.
    pub bucket: String,
    /// Object key without leading `/`.
    pub key: String,
    /// Without quotes: `{hex}-{parts}`.
    pub etag: String,
}

impl CompleteMultipartUpload {
    /// The body as the Node SDK sends it.
    pub fn to_xml(&self) -> String {
        Document::build("CompleteMultipartUpload", |root| {
            for part in &self.parts {
                root.parent("Part", |element| {
                    element
                        .leaf("PartNumber", &part.number.to_string())
                        .leaf("ETag", &format!("\"{}\"", part.etag));
                });
            }
        })
    }

    /// Reads a body, with or without declaration and namespace, children in any order, other children ignored.
    /// Refuses what no upload can have: no parts, numbers outside 1 to 10000, a missing ETag, a wrong order.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(body, "CompleteMultipartUpload")?;
        let mut parts: Vec<CompletedPart> = Vec::new();
        for element in root.all("Part") {
            let part = completed_part(element)?;
            if let Some(previous) = parts.last().map(|previous| previous.number)
                && part.number <= previous
            {
                return Err(XmlError::PartOrder { number: part.number, previous });
            }
            parts.push(part);
        }
        if parts.is_empty() {
            return malformed("CompleteMultipartUpload names no Part".to_owned());
        }
        Ok(Self { parts })
    }
}

fn completed_part(element: &Element) -> Result<CompletedPart, XmlError> {
    let number = element.number("PartNumber")?;
    let Some(number) = u32::try_from(number).ok().filter(|number| (1..=MAX_PARTS).contains(number)) else {
        return malformed(format!("PartNumber {number} is outside 1 to {MAX_PARTS}"));
    };
    let etag = bare_etag(element.child_text("ETag"));
    if etag.is_empty() {
        return malformed(format!("part {number} has no ETag"));
    }
    Ok(CompletedPart { number, etag: etag.to_owned() })
}

impl CompleteMultipartUploadResult {
    /// The body.
    pub fn to_xml(&self) -> String {
        Document::build("CompleteMultipartUploadResult", |root| {
            root.leaf("Location", &self.location)
                .leaf("Bucket", &self.bucket)
                .leaf("Key", &self.key)
                .leaf("ETag", &format!("\"{}\"", self.etag));
        })
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(body, "CompleteMultipartUploadResult")?;
        let text = |name: &str| root.child_text(name).to_owned();
        Ok(Self {
            location: text("Location"),
            bucket: text("Bucket"),
            key: text("Key"),
            etag: bare_etag(root.child_text("ETag")).to_owned(),
        })
    }
}
