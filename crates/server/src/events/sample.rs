//! A made-up event, for people who try out what they have built: correctly shaped, about a file that does not exist.

use reelgate_model::{FileId, Scope};
use reelgate_store::{Readers, Recorded, StoreError};

use super::append_for;
use super::fact::{AudioStreamFact, Fact, MediaFact, NewFileUpload, ProbeFact, VideoStreamFact};
use crate::app::App;

/// What the media of a made-up event is called, and its context: a receiver can tell it from a real one by these too.
const NAME: &str = "reelgate-test";

/// Records a made-up NewFileUpload for every reader of the application. Returns what it was given and its file.
pub async fn trigger(app: &App, scope: &Scope) -> Result<(Recorded, FileId), StoreError> {
    let file = app.file_ids.next(app.clock.now());
    let (fact, scope) = (new_file_upload(app, file), scope.clone());
    let recorded = app.store.write(move |tx| {
        Box::pin(async move { append_for(tx, &scope, Some(file), &fact, Readers::TestAll).await })
    });
    Ok((recorded.await?, file))
}

/// NewFileUpload of a file that does not exist.
pub(super) fn new_file_upload(app: &App, file: FileId) -> Fact {
    let now = app.clock.now().0;
    Fact::NewFileUpload(Box::new(NewFileUpload {
        media: MediaFact {
            file_id: file.to_string(),
            name: NAME.to_owned(),
            r#type: "mp4".to_owned(),
            created_at: now,
            updated_at: now,
            expires_at: None,
            class_id: 0,
            media_url: format!("{}/play/test/{file}/{NAME}.mp4", app.play_origin),
            cover_url: String::new(),
            region: app.config.upload.region.clone(),
            source_context: NAME.to_owned(),
            category: "Video".to_owned(),
        },
        probe: ProbeFact {
            size: 1_048_576,
            container: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
            bitrate: 838_861,
            width: 1280,
            height: 720,
            duration: 10.0,
            rotate: 0,
            video_duration: 10.0,
            audio_duration: 10.0,
            video: vec![VideoStreamFact {
                bitrate: 710_861,
                width: 1280,
                height: 720,
                codec: "h264".to_owned(),
                fps: 25.0,
            }],
            audio: vec![AudioStreamFact { bitrate: 128_000, sample_rate: 44_100, codec: "aac".to_owned() }],
        },
        probe_error: String::new(),
        procedure_task_id: String::new(),
    }))
}
