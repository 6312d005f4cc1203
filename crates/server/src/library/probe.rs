//! Looking at a source once: what rows, events and the API say about it.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use reelgate_media::probe::{Probe, ProbeError, probe};
use reelgate_objects::BlobName;
use reelgate_store::Probed;

use crate::app::App;
use crate::events::fact::{AudioStreamFact, ProbeFact, VideoStreamFact};

/// What was found in a blob.
#[derive(Debug, Clone)]
pub struct Findings {
    /// For events and the API; empty for unreadable bytes.
    pub fact: ProbeFact,
    /// Reason code for unreadable bytes; empty otherwise.
    pub error: &'static str,
    /// The type to serve the bytes under.
    pub content_type: &'static str,
}

/// Looks at `blob`, in the sandbox, for at most `deadline`. `None`: it takes longer.
pub async fn look(app: &App, blob: &str, deadline: Duration) -> Result<Option<Findings>> {
    let name = BlobName::new(blob)?;
    let path =
        app.objects().local_path(&name).ok_or_else(|| anyhow!("the storage has no local file for {blob}"))?;
    match probe(app.sandbox(), &path, deadline).await {
        Ok(found) => Ok(Some(Findings { content_type: found.content_type(), fact: fact(&found), error: "" })),
        Err(ProbeError::Unreadable { reason, detail }) => {
            tracing::info!(
                media.blob = blob,
                reason = reason.code(),
                detail,
                "the bytes are not readable media"
            );
            let fact = ProbeFact { size: size(app.objects().head(&name).await?), ..ProbeFact::default() };
            Ok(Some(Findings { fact, error: reason.code(), content_type: "application/octet-stream" }))
        }
        Err(ProbeError::TimedOut { .. }) => Ok(None),
        Err(error @ ProbeError::Infrastructure { .. }) => {
            Err(error).with_context(|| format!("{blob} cannot be probed"))
        }
    }
}

impl Findings {
    /// As the media's row has it.
    pub fn row(&self) -> Result<Probed> {
        Ok(Probed {
            probe: serde_json::to_string(&self.fact).context("the probe cannot be written as JSON")?,
            probe_error: self.error.to_owned(),
            content_type: self.content_type.to_owned(),
        })
    }

    /// The vendor's `Category`.
    pub fn category(&self) -> &'static str {
        match self.content_type.split_once('/').map(|(group, _)| group) {
            Some("image") => "Image",
            Some("audio") => "Audio",
            _ => "Video",
        }
    }
}

/// The probe in a media's row, if it has one.
pub fn of_row(probe: &str) -> Option<ProbeFact> {
    serde_json::from_str(probe).ok()
}

/// What `found` is in facts, rows and answers.
pub fn fact(found: &Probe) -> ProbeFact {
    ProbeFact {
        size: size(found.size),
        container: found.container.clone(),
        bitrate: size(found.bitrate),
        width: found.width().into(),
        height: found.height().into(),
        duration: found.duration,
        rotate: found.rotate().into(),
        video_duration: found.video_duration,
        audio_duration: found.audio_duration,
        video: found
            .video
            .iter()
            .map(|stream| VideoStreamFact {
                bitrate: size(stream.bitrate),
                width: stream.width.into(),
                height: stream.height.into(),
                codec: stream.codec.clone(),
                fps: (stream.fps() * 1000.0).round() / 1000.0,
            })
            .collect(),
        audio: found
            .audio
            .iter()
            .map(|stream| AudioStreamFact {
                bitrate: size(stream.bitrate),
                sample_rate: stream.sample_rate.into(),
                codec: stream.codec.clone(),
            })
            .collect(),
    }
}

fn size(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
