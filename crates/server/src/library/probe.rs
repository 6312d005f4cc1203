//! Looking at a source once: what rows, events and the API say about it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use reelgate_media::probe::{Probe, ProbeError, probe};
use reelgate_objects::BlobName;
use reelgate_store::Probed;
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::events::fact::{AudioStreamFact, ProbeFact, VideoStreamFact};

/// A blob where a child process can read it.
enum LocalFile {
    /// In its place.
    InPlace(PathBuf),
    /// Brought here; gone when this is dropped.
    Fetched(PathBuf),
}

impl LocalFile {
    /// `None`: bringing it here takes longer than `deadline`.
    async fn of(app: &App, blob: &BlobName, deadline: Duration) -> Result<Option<Self>> {
        if let Some(path) = app.objects().local_path(blob) {
            return Ok(Some(Self::InPlace(path)));
        }
        let dir = &app.config.media.scratch_dir;
        tokio::fs::create_dir_all(dir)
            .await
            .with_context(|| format!("scratch directory {} cannot be made", dir.display()))?;
        let file = Self::Fetched(dir.join(format!("probe-{}", uuid::Uuid::new_v4().simple())));
        match tokio::time::timeout(deadline, fetch(app, blob, file.path())).await {
            Ok(fetched) => fetched.map(|()| Some(file)),
            Err(_) => Ok(None),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::InPlace(path) | Self::Fetched(path) => path,
        }
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if let Self::Fetched(path) = self
            && let Err(error) = std::fs::remove_file(&*path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %path.display(), "a fetched file could not be removed");
        }
    }
}

async fn fetch(app: &App, blob: &BlobName, path: &Path) -> Result<()> {
    let failed = || format!("{blob} cannot be brought to {}", path.display());
    let mut stream = app.objects().read(blob, None).await?.stream;
    let mut file = tokio::fs::File::create(path).await.with_context(failed)?;
    while let Some(bytes) = stream.try_next().await? {
        file.write_all(&bytes).await.with_context(failed)?;
    }
    file.flush().await.with_context(failed)
}

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
    let since = Instant::now();
    let Some(file) = LocalFile::of(app, &name, deadline).await? else { return Ok(None) };
    match probe(app.sandbox(), file.path(), deadline.saturating_sub(since.elapsed())).await {
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
        category(self.content_type)
    }
}

/// The vendor's `Category` of what is served as `content_type`.
pub fn category(content_type: &str) -> &'static str {
    match content_type.split_once('/').map(|(group, _)| group) {
        Some("image") => "Image",
        Some("audio") => "Audio",
        _ => "Video",
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
