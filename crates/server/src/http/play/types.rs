//! Types of our own outputs, by the ending of names that we gave ourselves.

/// What a file whose kind is not known is served as: something that no browser shows.
pub(super) const UNKNOWN: &str = "application/octet-stream";

/// The type of an output; `None` for endings that no step makes.
pub(super) fn of_output(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "m3u8" => "application/vnd.apple.mpegurl",
        "ts" => "video/mp2t",
        "mp4" => "video/mp4",
        "jpg" => "image/jpeg",
        "vtt" => "text/vtt; charset=utf-8",
        "json" => "application/json",
        _ => return None,
    })
}
