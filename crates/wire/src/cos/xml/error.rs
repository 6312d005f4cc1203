//! The error answer. The Python SDK needs all five elements to fill its exception.

use super::tree::{Element, XmlError};
use super::write::Document;
use crate::cos::ErrorCode;

/// `Error`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Error {
    /// See [`ErrorCode`].
    pub code: String,
    /// For people.
    pub message: String,
    /// The path of the request.
    pub resource: String,
    /// The same as in the header `x-cos-request-id`.
    pub request_id: String,
    /// For support.
    pub trace_id: String,
}

impl Error {
    /// An error about `resource` in the answer to `request_id`.
    pub fn new(code: ErrorCode, message: impl Into<String>, resource: &str, request_id: &str) -> Self {
        Self {
            code: code.as_str().to_owned(),
            message: message.into(),
            resource: resource.to_owned(),
            request_id: request_id.to_owned(),
            trace_id: request_id.to_owned(),
        }
    }

    /// The body.
    pub fn to_xml(&self) -> String {
        Document::build("Error", |root| {
            root.leaf("Code", &self.code)
                .leaf("Message", &self.message)
                .leaf("Resource", &self.resource)
                .leaf("RequestId", &self.request_id)
                .leaf("TraceId", &self.trace_id);
        })
    }

    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, XmlError> {
        let root = Element::parse(body, "Error")?;
        let text = |name: &str| root.child_text(name).to_owned();
        Ok(Self {
            code: text("Code"),
            message: text("Message"),
            resource: text("Resource"),
            request_id: text("RequestId"),
            trace_id: text("TraceId"),
        })
    }
}
