//! Answer of List Parts.

use super::tree::{Element, XmlError};
use super::write::Document;
use super::{bare_etag, listing};

/// `ListPartsResult`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPartsResult {
    /// Full bucket name.
    pub bucket: String,
    /// Whether the client asked for `encoding-type=url`: the key then travels percent-encoded.
    pub url_encoded: bool,
    /// Object key without leading `/`, not encoded.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// Parts after this number were asked for.
    pub part_number_marker: u32,
    /// Set when truncated: go on after this number.
    pub next_part_number_marker: Option<u32>,
    /// Most parts in one answer.
    pub max_parts: u32,
    /// In ascending order.
    pub parts: Vec<ListedPart>,
}

/// A part that is completely there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPart {
    /// 1 to 10000.
    pub number: u32,
    /// ISO 8601.
    pub last_modified: String,
    /// Without quotes: lower-case hex MD5 of the bytes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

impl ListPartsResult {
    /// The body.
    pub fn to_xml(&self) -> String {
        Document::build("ListPartsResult", |root| {
            root.leaf("Bucket", &self.bucket)
                .leaf("Encoding-type", listing::encoding_type(self.url_encoded))
                .leaf("Key", &listing::encoded(self.url_encoded, &self.key))
                .leaf("UploadId", &self.upload_id)
                .owner("Initiator")
                .owner("Owner")
                .leaf("PartNumberMarker", &self.part_number_marker.to_string());
            if let Some(next) = self.next_part_number_marker {
                root.leaf("NextPartNumberMarker", &next.to_string());
            }
            for part in &self.parts {
                root.parent("Part", |element| {
                    element
                        .leaf("PartNumber", &part.number.to_string())
                        .leaf("LastModified", &part.last_modified)
                        .leaf("ETag", &format!("\"{}\"", part.etag))
                        .leaf("Size", &part.size.to_string());
                });
            }
            root.leaf("StorageClass", "Standard")
                .leaf("MaxParts", &self.max_parts.to_string())
                .leaf("IsTruncated", if self.next_part_number_marker.is_some() { "true" } else { "false" });
        })
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(body, "ListPartsResult")?;
        let url_encoded = root.child_text("Encoding-type") == "url";
        let parts = root.all("Part").map(|part| {
            Ok(ListedPart {
                number: narrow(part.number("PartNumber")?)?,
                last_modified: part.child_text("LastModified").to_owned(),
                etag: bare_etag(part.child_text("ETag")).to_owned(),
                size: part.number("Size")?,
            })
        });
        let truncated = root.child_text("IsTruncated") == "true";
        Ok(Self {
            bucket: root.child_text("Bucket").to_owned(),
            url_encoded,
            key: listing::decoded(url_encoded, root.child_text("Key")),
            upload_id: root.child_text("UploadId").to_owned(),
            part_number_marker: narrow(root.number("PartNumberMarker").unwrap_or(0))?,
            next_part_number_marker: truncated
                .then(|| root.number("NextPartNumberMarker").and_then(narrow))
                .transpose()?,
            max_parts: narrow(root.number("MaxParts").unwrap_or(1000))?,
            parts: parts.collect::<Result<_, XmlError>>()?,
        })
    }
}

pub(super) fn narrow(number: u64) -> Result<u32, XmlError> {
    u32::try_from(number).map_err(|_| XmlError::Malformed(format!("{number} is too large for a part number")))
}
