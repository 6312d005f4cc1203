//! Public URLs of a media's files: absolute, under the play origin, well below the 255 characters that vendor
//! consumers keep.

use reelgate_model::{AppId, FileId};
use reelgate_store::Media;

use crate::app::App;

/// URL of the source, or an empty text when it was deleted.
pub fn source(app: &App, media: &Media) -> String {
    if media.source.blob.is_empty() {
        return String::new();
    }
    file(app, media.app, media.file_id, &media.source.name)
}

/// URL of the cover, or an empty text when there is none.
pub fn cover(app: &App, media: &Media) -> String {
    if media.cover.name.is_empty() || media.cover.blob.is_empty() {
        return String::new();
    }
    file(app, media.app, media.file_id, &media.cover.name)
}

/// What [`file()`] made `url` of, whatever the play origin was then.
pub fn path_of(url: &str, owner: AppId, file: FileId) -> Option<&str> {
    url.split_once(&format!("/play/{owner}/{file}/")).map(|(_, path)| path)
}

/// URL of the file at `path` below the media, such as `v1/adp.10.m3u8`.
pub fn file(app: &App, owner: AppId, file: FileId, path: &str) -> String {
    format!("{}/play/{owner}/{file}/{path}", app.play_origin)
}
