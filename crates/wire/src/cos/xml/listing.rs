//! Answer of List Multipart Uploads.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, percent_decode_str, utf8_percent_encode};

use super::parts::narrow;
use super::tree::{Element, XmlError};
use super::write::Document;
use crate::upload_signature::RESERVED;

/// `ListMultipartUploadsResult`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListMultipartUploadsResult {
    /// Full bucket name.
    pub bucket: String,
    /// Whether the client asked for `encoding-type=url`: keys then travel percent-encoded.
    pub url_encoded: bool,
    /// Uploads after this key were asked for; not encoded, like all keys here.
    pub key_marker: String,
    /// And, within that key, after this upload.
    pub upload_id_marker: String,
    /// Set when truncated: key and upload to go on after.
    pub next: Option<(String, String)>,
    /// Most uploads in one answer.
    pub max_uploads: u32,
    /// Keys begin with this.
    pub prefix: String,
    /// As asked; nothing is grouped.
    pub delimiter: String,
    /// By key, then in the order of initiation: the Python SDK takes the last one of its key.
    pub uploads: Vec<ListedUpload>,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUpload {
    /// Object key without leading `/`.
    pub key: String,
    /// The upload.
    pub upload_id: String,
    /// ISO 8601.
    pub initiated: String,
}

impl ListMultipartUploadsResult {
    /// The body.
    pub fn to_xml(&self) -> String {
        let key = |key: &str| encoded(self.url_encoded, key).into_owned();
        Document::build("ListMultipartUploadsResult", |root| {
            root.leaf("Bucket", &self.bucket)
                .leaf("Encoding-type", encoding_type(self.url_encoded))
                .leaf("KeyMarker", &key(&self.key_marker))
                .leaf("UploadIdMarker", &self.upload_id_marker);
            if let Some((next_key, next_upload)) = &self.next {
                root.leaf("NextKeyMarker", &key(next_key)).leaf("NextUploadIdMarker", next_upload);
            }
            root.leaf("MaxUploads", &self.max_uploads.to_string())
                .leaf("Prefix", &key(&self.prefix))
                .leaf("Delimiter", &key(&self.delimiter))
                .leaf("IsTruncated", if self.next.is_some() { "true" } else { "false" });
            for upload in &self.uploads {
                root.parent("Upload", |element| {
                    element
                        .leaf("Key", &key(&upload.key))
                        .leaf("UploadId", &upload.upload_id)
                        .owner("Initiator")
                        .owner("Owner")
                        .leaf("StorageClass", "STANDARD")
                        .leaf("Initiated", &upload.initiated);
                });
            }
        })
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(body, "ListMultipartUploadsResult")?;
        let url_encoded = root.child_text("Encoding-type") == "url";
        let key = |element: &Element, name: &str| decoded(url_encoded, element.child_text(name));
        let truncated = root.child_text("IsTruncated") == "true";
        Ok(Self {
            bucket: root.child_text("Bucket").to_owned(),
            url_encoded,
            key_marker: key(&root, "KeyMarker"),
            upload_id_marker: root.child_text("UploadIdMarker").to_owned(),
            next: truncated
                .then(|| (key(&root, "NextKeyMarker"), root.child_text("NextUploadIdMarker").to_owned())),
            max_uploads: narrow(root.number("MaxUploads").unwrap_or(1000))?,
            prefix: key(&root, "Prefix"),
            delimiter: key(&root, "Delimiter"),
            uploads: root
                .all("Upload")
                .map(|upload| ListedUpload {
                    key: key(upload, "Key"),
                    upload_id: upload.child_text("UploadId").to_owned(),
                    initiated: upload.child_text("Initiated").to_owned(),
                })
                .collect(),
        })
    }
}

/// Slashes stay, for readability; everything else that is reserved is encoded, `+` and space included.
const IN_KEYS: &AsciiSet = &RESERVED.remove(b'/');

pub(super) fn encoding_type(url_encoded: bool) -> &'static str {
    if url_encoded { "url" } else { "" }
}

pub(super) fn encoded(url_encoded: bool, key: &str) -> Cow<'_, str> {
    if url_encoded { utf8_percent_encode(key, IN_KEYS).into() } else { Cow::Borrowed(key) }
}

pub(super) fn decoded(url_encoded: bool, key: &str) -> String {
    if url_encoded { percent_decode_str(key).decode_utf8_lossy().into_owned() } else { key.to_owned() }
}
