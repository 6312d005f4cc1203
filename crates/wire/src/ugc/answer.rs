//! Answers, with the JSON types that iOS and Android insist on (wire reference section 2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::Code;
use crate::hmac_sha1;

/// `{"code":…,"message":…,"data":…}`; HTTP status 200 always.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer<T> {
    /// 0, or the reason ([`Code::number`]).
    pub code: i32,
    /// For people.
    pub message: String,
    /// Present on success only.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

impl<T> Answer<T> {
    /// Success.
    pub fn success(data: T) -> Self {
        Self { code: Code::Success.number(), message: Code::Success.phrase().to_owned(), data: Some(data) }
    }

    /// A refusal: the vendor's words and `sentence`.
    pub fn refusal(code: Code, sentence: impl fmt::Display) -> Self {
        Self { code: code.number(), message: code.message(sentence), data: None }
    }
}

/// Data of `PrepareUploadUGC`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PrepareData {
    /// The account's AppId.
    pub app_id: i64,
    /// Regions to race. With one or none, clients do not race.
    #[serde(default)]
    pub cos_region_list: Vec<CosRegion>,
}

/// One region to race.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CosRegion {
    /// Short name such as `ap-guangzhou`.
    pub region: String,
    /// Host that clients send `HEAD /` to.
    pub domain: String,
    /// 1 for an accelerated domain; nobody acts upon it.
    #[serde(default)]
    pub is_acc: i32,
    /// Addresses separated by `;`, or empty.
    #[serde(default)]
    pub ip: String,
}

/// Data of `ApplyUploadUGC`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyData {
    /// Where the video goes; absent in cover-only mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<StorageObject>,
    /// Where the cover goes; present when one was announced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<StorageObject>,
    /// The number that ends the bucket's name.
    pub storage_app_id: i64,
    /// The bucket's name without `-{storageAppId}`.
    pub storage_bucket: String,
    /// Legacy short region; nobody reads it.
    #[serde(default)]
    pub storage_region: String,
    /// COS region, for COS mode and mobile.
    pub storage_region_v5: String,
    /// The same, with the capital S that the web SDK's S3 mode reads.
    #[serde(rename = "StorageRegionV5", default)]
    pub storage_region_v5_for_s3: String,
    /// Host for the Commit of Android.
    #[serde(default)]
    pub domain: String,
    /// Opaque; resumes and commits.
    pub vod_session_key: String,
    /// The account's AppId.
    pub app_id: i64,
    /// The server's now, Unix seconds, 10 digits.
    pub timestamp: i64,
    /// Credentials for exactly these objects.
    pub temp_certificate: TemporaryCertificate,
    /// Another storage host for mobile clients.
    #[serde(default)]
    pub cos_acc: CosAcceleration,
    /// Read by the mini program SDK; empty.
    #[serde(rename = "MiniProgramAccelerateHost", default)]
    pub mini_program_accelerate_host: String,
}

/// An object to write.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageObject {
    /// Legacy; a string that nobody reads.
    #[serde(default)]
    pub storage_signature: String,
    /// The object's key with a leading `/`.
    pub storage_path: String,
}

/// Temporary credentials of the object leg.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemporaryCertificate {
    /// Access key.
    pub secret_id: String,
    /// Secret key.
    pub secret_key: String,
    /// To be sent as `x-cos-security-token`.
    pub token: String,
    /// End of life, Unix seconds; must have exactly 10 digits.
    pub expired_time: i64,
}

/// Acceleration domain of the mobile SDKs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CosAcceleration {
    /// 1: use `domain` instead of the bucket's host.
    pub is_open: i32,
    /// Literal host.
    pub domain: String,
}

/// Data of `CommitUploadUGC`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitData {
    /// The video's address; absent in cover-only mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video: Option<StoredFile>,
    /// The cover's address, when one was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<StoredFile>,
    /// The media; a string, for it exceeds 2^53.
    pub file_id: String,
}

/// A file that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Absolute.
    pub url: String,
    /// See [`verify_content`]; empty when not offered.
    #[serde(default)]
    pub verify_content: String,
}

/// Lets an application's backend check a FileId that a client reports (vendor document 266/7904):
/// `base64(HMAC-SHA1(key, plain) || plain)` with plain `ExpTime={unix seconds}&FileId={id}`.
pub fn verify_content(verify_key: &[u8], file_id: &str, expires: i64) -> String {
    let plain = format!("ExpTime={expires}&FileId={file_id}");
    let mut bytes = hmac_sha1::mac(verify_key, plain.as_bytes()).to_vec();
    bytes.extend_from_slice(plain.as_bytes());
    STANDARD.encode(bytes)
}

/// Session keys and credentials are secrets: `Debug` leaves them out.
impl fmt::Debug for ApplyData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyData")
            .field("video", &self.video)
            .field("cover", &self.cover)
            .field("storage_bucket", &self.storage_bucket)
            .field("storage_app_id", &self.storage_app_id)
            .field("storage_region_v5", &self.storage_region_v5)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TemporaryCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemporaryCertificate")
            .field("secret_id", &self.secret_id)
            .field("expired_time", &self.expired_time)
            .finish_non_exhaustive()
    }
}
