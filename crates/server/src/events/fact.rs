//! Facts: our own record of what happened, one for each event. The log stores a fact once; every shape that
//! somebody reads (vendor 3.0, the timeline) is rendered from it, so a fact carries everything its shapes need
//! and is never changed after it has been written. Fields may be added with a default, never renamed.

use serde::{Deserialize, Serialize};

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A media exists: Commit has succeeded and its bytes have been looked at.
    NewFileUpload(Box<NewFileUpload>),
    /// A task changed in a way its notify mode wants to be told.
    ProcedureStateChanged(Box<TaskSnapshot>),
    /// A media, or some of its files, were deleted. Of a deleted media nothing more is told.
    FileDeleted {
        /// FileId, decimal.
        file_id: String,
        /// Name without extension.
        name: String,
        /// What was deleted; empty: everything.
        parts: Vec<DeletedPart>,
    },
    /// An event of the real cloud; the row's raw body is what counts.
    Received(Box<ReceivedFact>),
    /// The real cloud had uploads whose events had not come. Own log only.
    Reconciled {
        /// Of uploads from then on, epoch milliseconds.
        from: i64,
        /// Until then, epoch milliseconds.
        to: i64,
        /// Media that the cloud has of that time.
        media: usize,
        /// Files whose event was missing and has been recorded.
        repaired: Vec<String>,
    },
    /// Nobody committed an upload session in time. Own log only.
    UploadExpired {
        /// The session that ended.
        session_id: String,
        /// Who had the permission, as the app named them.
        user: String,
        /// Why, as a stable word.
        reason: String,
    },
    /// A file is there although its permission allows less; only looking at it after Commit could show. Own log only.
    PermissionExceeded {
        /// The permission.
        permission_id: String,
        /// Who had it, as the app named them.
        user: String,
        /// Which limit, such as `max_duration`.
        limit: String,
        /// What it allows.
        allowed: f64,
        /// What was found.
        found: f64,
    },
    /// An endpoint did not take an event; it stays as a dead letter. Own log only.
    DeliveryDead {
        /// The delivery given up.
        delivery_id: String,
        /// The event it carried.
        event_id: String,
        /// Where it should have gone.
        endpoint_id: String,
        /// What the last attempt met.
        reason: String,
    },
    /// An endpoint gets no events any more. Own log only.
    EndpointDisabled {
        /// The endpoint.
        endpoint_id: String,
        /// Its address without the query.
        url: String,
        /// Why.
        reason: String,
        /// How many events it had been handed and did not take.
        given_up: u64,
    },
    /// Events grew older than they are kept before an endpoint had taken them. Own log only.
    EventsDropped {
        /// The endpoint.
        endpoint_id: String,
        /// How many, of whatever type.
        events: i64,
    },
}

impl Fact {
    /// The type word of the log's row: the vendor's name, or our own with the prefix `reelgate.`.
    pub fn event_type(&self) -> &str {
        match self {
            Self::NewFileUpload(_) => "NewFileUpload",
            Self::ProcedureStateChanged(_) => "ProcedureStateChanged",
            Self::FileDeleted { .. } => "FileDeleted",
            Self::Received(received) => &received.event_type,
            Self::Reconciled { .. } => "reelgate.Reconciled",
            Self::UploadExpired { .. } => "reelgate.UploadExpired",
            Self::PermissionExceeded { .. } => "reelgate.PermissionExceeded",
            Self::DeliveryDead { .. } => "reelgate.DeliveryDead",
            Self::EndpointDisabled { .. } => "reelgate.EndpointDisabled",
            Self::EventsDropped { .. } => "reelgate.EventsDropped",
        }
    }
}

/// What is known of an event of the real cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceivedFact {
    /// The vendor's type, also one that this version does not know.
    pub event_type: String,
    /// Format of the raw body: 3 or 2.
    pub format: u8,
    /// FileId, decimal, or empty.
    pub file_id: String,
    /// The task, or empty.
    pub task_id: String,
    /// The permission that its upload was made with, or empty.
    pub permission_id: String,
    /// Who had the permission, as the app named them.
    pub user: String,
    /// Whether it did not come and was put together from what the API says.
    pub repaired: bool,
}

/// One kind of files of a media.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedPart {
    /// The vendor's word, such as `TranscodeFiles`.
    pub r#type: String,
    /// Template; 0: all of them.
    pub definition: i64,
}

/// What a new media is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewFileUpload {
    /// The media.
    pub media: MediaFact,
    /// What ffprobe found; empty for unreadable bytes.
    pub probe: ProbeFact,
    /// Reason code when the bytes are not readable media, else empty.
    pub probe_error: String,
    /// The task that its procedure started, or empty.
    pub procedure_task_id: String,
}

/// A media as events tell of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaFact {
    /// FileId, decimal.
    pub file_id: String,
    /// Name without extension.
    pub name: String,
    /// Extension as announced.
    pub r#type: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
    /// Epoch milliseconds; `None`: never.
    pub expires_at: Option<i64>,
    /// Media category.
    pub class_id: i64,
    /// Absolute URL of the source.
    pub media_url: String,
    /// Absolute URL of the cover, or empty.
    pub cover_url: String,
    /// Storage region.
    pub region: String,
    /// As in the signature, byte for byte.
    pub source_context: String,
    /// `Video`, `Audio` or `Image`, from what ffprobe found.
    pub category: String,
}

/// What ffprobe found. Also what `media.probe` and the API hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeFact {
    /// Bytes.
    pub size: i64,
    /// ffprobe's format name.
    pub container: String,
    /// Bits per second over all streams.
    pub bitrate: i64,
    /// Pixels as shown, rotation applied.
    pub width: i64,
    /// Pixels as shown, rotation applied.
    pub height: i64,
    /// Seconds.
    pub duration: f64,
    /// Degrees.
    pub rotate: i64,
    /// Seconds of the longest video stream.
    pub video_duration: f64,
    /// Seconds of the longest audio stream.
    pub audio_duration: f64,
    /// Video streams.
    pub video: Vec<VideoStreamFact>,
    /// Audio streams.
    pub audio: Vec<AudioStreamFact>,
}

/// One video stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoStreamFact {
    /// Bits per second.
    pub bitrate: i64,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// ffprobe's codec name.
    pub codec: String,
    /// Frames per second.
    pub fps: f64,
}

/// One audio stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AudioStreamFact {
    /// Bits per second.
    pub bitrate: i64,
    /// Samples per second.
    pub sample_rate: i64,
    /// ffprobe's codec name.
    pub codec: String,
}

/// A task at the moment of the event, with all its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskSnapshot {
    /// Task id.
    pub task_id: String,
    /// Whether every sub-task is terminal.
    pub finished: bool,
    /// FileId, decimal.
    pub file_id: String,
    /// Name without extension.
    pub file_name: String,
    /// Absolute URL of the source.
    pub file_url: String,
    /// What ffprobe found.
    pub probe: ProbeFact,
    /// Sub-tasks in their order.
    pub results: Vec<SubtaskFact>,
    /// As in the signature.
    pub priority: i64,
    /// As in the signature.
    pub notify_mode: String,
    /// As in the signature, byte for byte.
    pub session_context: String,
    /// The caller's de-duplication id, or empty.
    pub session_id: String,
}

/// One sub-task. `input` and `output` are our own JSON records, those of [`super::outcome`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SubtaskFact {
    /// `Transcode`, `AdaptiveDynamicStreaming`, `CoverBySnapshot`, `ImageSprites` or `Review.Porn`.
    pub kind: String,
    /// Template.
    pub definition: i64,
    /// `waiting`, `processing`, `success` or `fail`.
    pub state: String,
    /// Percent.
    pub progress: i64,
    /// Vendor's integer code: 0, 40000, 60000, 70000.
    pub err_code: i64,
    /// Vendor's text code, or empty.
    pub err_code_ext: String,
    /// Sentence.
    pub message: String,
    /// What was asked.
    pub input: serde_json::Value,
    /// What came out; null unless the state is `success`.
    pub output: serde_json::Value,
    /// Epoch milliseconds.
    pub begun_at: Option<i64>,
    /// Epoch milliseconds.
    pub finished_at: Option<i64>,
}
