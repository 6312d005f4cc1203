//! Step: the application learns that there is a new file.

use std::time::Duration;

use anyhow::{Result, bail};
use reelgate_wire::vod::Event;

use super::Stage;
use super::show::{Show, bytes};

/// How long the event may take from Commit to the receiver.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Waits for the event and compares what it says with the file that was sent.
pub(super) async fn announce(stage: &Stage, show: &mut Show, file_id: &str) -> Result<()> {
    let what = format!("NewFileUpload of {file_id}");
    let pick = |event: &Event| match event {
        Event::NewFileUpload(upload) if upload.file_id == file_id => Some(upload.clone()),
        _ => None,
    };
    let (arrived, upload) = stage.receiver.wait_for(&what, ARRIVAL, pick).await?;
    show.line(&format!(
        "the receiver got Reelgate-Event-Id {}, sequence {}, {}",
        arrived.id,
        arrived.seq,
        bytes(arrived.length as u64)
    ));
    let found = &upload.meta_data;
    show.line(&format!(
        "it says: {} of {}, {}x{}, {:.1} s, FileId {}, task {}",
        bytes(found.size),
        found.container,
        found.width,
        found.height,
        found.duration,
        upload.file_id,
        upload.procedure_task_id
    ));
    let sent = std::fs::metadata(&stage.video)?.len();
    if found.size != sent {
        bail!("the event says {} bytes, the file has {sent}", found.size);
    }
    if upload.procedure_task_id.is_empty() {
        bail!("the event names no task, so no procedure was started");
    }
    Ok(())
}
