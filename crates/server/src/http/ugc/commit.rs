//! `CommitUploadUGC`: the bytes are there.

use std::time::Duration;

use reelgate_wire::ugc::{CommitData, CommitRequest, StoredFile, verify_content};

use super::Failed;
use crate::app::App;
use crate::uploads::Permit;
use crate::uploads::commit::commit as finish;

/// How long a `verify_content` is good (vendor document 266/7904 leaves it to the account).
const VERIFY_FOR: Duration = Duration::from_secs(86_400);

pub(super) async fn commit(app: &App, body: &[u8]) -> Result<CommitData, Failed> {
    let request = CommitRequest::parse(body)?;
    let permit = Permit::verify_even_expired(app, &request.signature).await?;
    let done = finish(app, &permit, &request.vod_session_key).await?;
    let key = app.vault.derive("verify content", &permit.scope.app().to_string());
    let expires = (app.clock.now() + VERIFY_FOR).seconds();
    let proof = verify_content(hex::encode(key).as_bytes(), &done.file_id, expires);
    let file = |url| StoredFile { url, verify_content: proof.clone() };
    Ok(CommitData {
        video: done.video_url.map(file),
        cover: done.cover_url.map(file),
        file_id: done.file_id.clone(),
    })
}
