//! Requests, and the mode of an Apply.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::upload_signature::shown;

/// A body that is refused with [`Code::InvalidRequest`](super::Code::InvalidRequest); the text says which field and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidRequest(pub String);

/// `PrepareUploadUGC`.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrepareRequest {
    /// The upload signature.
    pub signature: String,
    /// Version of a mobile SDK; empty when not sent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_version: String,
}

/// `ApplyUploadUGC`. Empty strings stand for fields that were not sent.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyRequest {
    /// The upload signature.
    pub signature: String,
    /// Session to resume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub vod_session_key: String,
    /// File name without extension; may be empty even for a new upload.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub video_name: String,
    /// Extension without a dot; the whole name when the file has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub video_type: String,
    /// Bytes. Mobile SDKs often leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_size: Option<u64>,
    /// Name of the cover.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cover_name: String,
    /// Extension of the cover.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cover_type: String,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cover_size: Option<u64>,
    /// The media whose cover is to be replaced.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file_id: String,
    /// Set by the web SDK.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub upload_from_web: bool,
    /// When the media is to vanish, ISO 8601. `ExpireTime`, with a capital, on the wire.
    #[serde(rename = "ExpireTime", skip_serializing_if = "String::is_empty")]
    pub expire_time: String,
    /// Region that won the client's race.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub storage_region: String,
    /// A mobile SDK's user id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_report_id: String,
    /// Version of a mobile SDK.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client_version: String,
}

/// `CommitUploadUGC`.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CommitRequest {
    /// The upload signature.
    pub signature: String,
    /// The session to finish.
    pub vod_session_key: String,
}

/// A file as the client announces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnnouncedFile<'a> {
    /// Name without extension; may be empty.
    pub name: &'a str,
    /// Extension without a dot, as sent: any case, any script, but no separators or control characters.
    pub kind: &'a str,
    /// Bytes, when the client said.
    pub size: Option<u64>,
}

/// What an Apply asks for, by the fields present (wire reference 2.2).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ApplyMode<'a> {
    /// Go on with a session. Mobile SDKs send the file fields too; they do not count.
    Resume {
        /// `vodSessionKey`.
        session_key: &'a str,
    },
    /// A new video, perhaps with a cover.
    New {
        /// The video.
        video: AnnouncedFile<'a>,
        /// The cover.
        cover: Option<AnnouncedFile<'a>>,
    },
    /// A new cover for a media that exists.
    CoverOnly {
        /// The media.
        file_id: &'a str,
        /// The cover.
        cover: AnnouncedFile<'a>,
    },
}

impl PrepareRequest {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let fields = Fields::of(body)?;
        Ok(Self { signature: fields.signature()?, client_version: fields.informational("clientVersion") })
    }
}

impl ApplyRequest {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let fields = Fields::of(body)?;
        Ok(Self {
            signature: fields.signature()?,
            vod_session_key: fields.text("vodSessionKey")?,
            video_name: fields.text("videoName")?,
            video_type: fields.text("videoType")?,
            video_size: fields.size("videoSize")?,
            cover_name: fields.text("coverName")?,
            cover_type: fields.text("coverType")?,
            cover_size: fields.size("coverSize")?,
            file_id: fields.text("fileId")?,
            upload_from_web: fields.0.get("uploadFromWeb").and_then(Value::as_bool).unwrap_or(false),
            expire_time: fields.text("ExpireTime")?,
            storage_region: fields.text("storageRegion")?,
            client_report_id: fields.informational("clientReportId"),
            client_version: fields.informational("clientVersion"),
        })
    }

    /// Which of the modes this is.
    pub fn mode(&self) -> Result<ApplyMode<'_>, InvalidRequest> {
        if !self.vod_session_key.is_empty() {
            return Ok(ApplyMode::Resume { session_key: &self.vod_session_key });
        }
        let cover = self.cover()?;
        if !self.video_type.is_empty() {
            let video = announced("video", &self.video_name, &self.video_type, self.video_size)?;
            return Ok(ApplyMode::New { video, cover });
        }
        match cover {
            Some(cover) if !self.file_id.is_empty() => Ok(ApplyMode::CoverOnly { file_id: &self.file_id, cover }),
            _ => Err(InvalidRequest(
                "none of vodSessionKey (resume), videoType (new video), fileId with coverType (new cover) is given"
                    .to_owned(),
            )),
        }
    }

    fn cover(&self) -> Result<Option<AnnouncedFile<'_>>, InvalidRequest> {
        if self.cover_type.is_empty() {
            return Ok(None);
        }
        announced("cover", &self.cover_name, &self.cover_type, self.cover_size).map(Some)
    }
}

impl CommitRequest {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let fields = Fields::of(body)?;
        let request = Self { signature: fields.signature()?, vod_session_key: fields.text("vodSessionKey")? };
        if request.vod_session_key.is_empty() {
            return Err(InvalidRequest("vodSessionKey is missing".to_owned()));
        }
        Ok(request)
    }
}

/// Longest name, characters: what file systems allow, and more than any SDK sends.
const MAX_NAME: usize = 255;
/// Longest type, characters. A file without a dot has its whole name here.
const MAX_KIND: usize = 255;

fn announced<'a>(
    which: &str,
    name: &'a str,
    kind: &'a str,
    size: Option<u64>,
) -> Result<AnnouncedFile<'a>, InvalidRequest> {
    let refuse = |sentence: String| Err(InvalidRequest(sentence));
    for (field, value, most) in [("Name", name, MAX_NAME), ("Type", kind, MAX_KIND)] {
        let length = value.chars().count();
        if length > most {
            return refuse(format!("{which}{field} has {length} characters, more than the {most} allowed"));
        }
        if value.chars().any(char::is_control) {
            return refuse(format!("{which}{field} {} has a control character", shown(value)));
        }
    }
    if kind.contains(['/', '\\']) {
        return refuse(format!("{which}Type {} has a path separator", shown(kind)));
    }
    Ok(AnnouncedFile { name, kind, size })
}

/// The members of a body, read with sentences.
struct Fields(Map<String, Value>);

impl Fields {
    fn of(body: &[u8]) -> Result<Self, InvalidRequest> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(other) => {
                Err(InvalidRequest(format!("the body is JSON but {}, not an object", kind_of(&other))))
            }
            Err(error) => Err(InvalidRequest(format!("the body is not JSON: {error}"))),
        }
    }

    fn signature(&self) -> Result<String, InvalidRequest> {
        let signature = self.text("signature")?;
        if signature.is_empty() {
            return Err(InvalidRequest("signature is missing".to_owned()));
        }
        Ok(signature)
    }

    fn text(&self, name: &str) -> Result<String, InvalidRequest> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.clone()),
            Some(other) => Err(InvalidRequest(format!("{name} must be a string, not {}", kind_of(other)))),
        }
    }

    /// A number of bytes: a number, or its decimal text as some mobile builds send it.
    fn size(&self, name: &str) -> Result<Option<u64>, InvalidRequest> {
        let size = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.is_empty() => return Ok(None),
            Some(Value::Number(number)) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
            Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            Some(_) => None,
        };
        match size {
            Some(size) if size <= MAX_SIZE => Ok(Some(size)),
            _ => {
                let value = &self.0[name];
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Err(InvalidRequest(format!("{name} must be a number of bytes, not {}", shown(&text))))
            }
        }
    }

    /// A field that nothing depends on: whatever is not a string counts as not sent.
    fn informational(&self, name: &str) -> String {
        self.0
            .get(name)
            .and_then(Value::as_str)
            .map(|text| text.chars().take(256).collect())
            .unwrap_or_default()
    }
}

/// Largest size that a row can hold.
const MAX_SIZE: u64 = i64::MAX as u64;

/// A double that is a whole number within the exact range of doubles.
fn whole(number: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole, positive and exact"
    )]
    ((0.0..=EXACT).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// Signatures and session keys are secrets: `Debug` leaves them out.
impl fmt::Debug for PrepareRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrepareRequest").field("client_version", &self.client_version).finish_non_exhaustive()
    }
}

impl fmt::Debug for ApplyRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApplyRequest")
            .field("resume", &!self.vod_session_key.is_empty())
            .field("video_name", &self.video_name)
            .field("video_type", &self.video_type)
            .field("video_size", &self.video_size)
            .field("cover_type", &self.cover_type)
            .field("file_id", &self.file_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ApplyMode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resume { .. } => f.debug_struct("Resume").finish_non_exhaustive(),
            Self::New { video, cover } => {
                f.debug_struct("New").field("video", video).field("cover", cover).finish()
            }
            Self::CoverOnly { file_id, cover } => {
                f.debug_struct("CoverOnly").field("file_id", file_id).field("cover", cover).finish()
            }
        }
    }
}

impl fmt::Debug for CommitRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitRequest").finish_non_exhaustive()
    }
}
