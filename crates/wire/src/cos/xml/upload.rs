//! Answer of Initiate Multipart Upload.

use super::tree::{Element, XmlError, malformed};
use super::write::Document;

/// `InitiateMultipartUploadResult`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InitiateMultipartUploadResult {
    /// Full bucket name.
    pub bucket: String,
    /// Object key without leading `/`.
    pub key: String,
    /// Names the upload from now on.
    pub upload_id: String,
}

impl InitiateMultipartUploadResult {
    /// The body.
    pub fn to_xml(&self) -> String {
        Document::build("InitiateMultipartUploadResult", |root| {
            root.leaf("Bucket", &self.bucket).leaf("Key", &self.key).leaf("UploadId", &self.upload_id);
        })
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(body, "InitiateMultipartUploadResult")?;
        let text = |name: &str| root.child_text(name).to_owned();
        let result = Self { bucket: text("Bucket"), key: text("Key"), upload_id: text("UploadId") };
        if result.upload_id.is_empty() {
            return malformed("InitiateMultipartUploadResult has no UploadId".to_owned());
        }
        Ok(result)
    }
}
