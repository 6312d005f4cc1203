//! HLS playlists as a player reads them (RFC 8216).

use anyhow::{Context, Result, bail};
use reqwest::Url;

/// One variant of a master playlist.
#[derive(Debug, PartialEq)]
pub(super) struct Variant {
    /// Its media playlist.
    pub(super) url: Url,
    /// `RESOLUTION` in pixels, if it is stated.
    pub(super) resolution: Option<(u32, u32)>,
}

/// A complete media playlist.
#[derive(Debug, PartialEq)]
pub(super) struct Media {
    /// What comes before the first segment (`EXT-X-MAP`), then the segments.
    pub(super) files: Vec<Url>,
    /// How many of the files are segments.
    pub(super) segments: usize,
    /// Sum of the segments' `EXTINF`, seconds.
    pub(super) seconds: f64,
}

/// Reads a master playlist that was found at `base`.
pub(super) fn variants(base: &Url, text: &str) -> Result<Vec<Variant>> {
    head(text)?;
    let mut variants = Vec::new();
    let mut stated = None;
    for line in text.lines().map(str::trim) {
        if let Some(attributes) = line.strip_prefix("#EXT-X-STREAM-INF:") {
            stated = Some(resolution(attributes));
        } else if !line.is_empty() && !line.starts_with('#') {
            let resolution =
                stated.take().with_context(|| format!("{line} has no EXT-X-STREAM-INF before it"))?;
            variants.push(Variant { url: join(base, line)?, resolution });
        }
    }
    if variants.is_empty() {
        bail!("the master playlist {base} names no variant");
    }
    Ok(variants)
}

/// Reads a media playlist that was found at `base`.
pub(super) fn media(base: &Url, text: &str) -> Result<Media> {
    head(text)?;
    let mut media = Media { files: Vec::new(), segments: 0, seconds: 0.0 };
    let mut ended = false;
    for line in text.lines().map(str::trim) {
        if let Some(seconds) = line.strip_prefix("#EXTINF:") {
            let seconds: f64 =
                seconds.split(',').next().unwrap_or_default().parse().context("EXTINF is no number")?;
            media.seconds += seconds;
        } else if let Some(attributes) = line.strip_prefix("#EXT-X-MAP:") {
            let name = attributes.split("URI=\"").nth(1).and_then(|rest| rest.split('"').next());
            media.files.push(join(base, name.context("EXT-X-MAP has no URI")?)?);
        } else if line == "#EXT-X-ENDLIST" {
            ended = true;
        } else if !line.is_empty() && !line.starts_with('#') {
            media.files.push(join(base, line)?);
            media.segments += 1;
        }
    }
    if !ended || media.segments == 0 {
        bail!(
            "the playlist {base} has {} segments and {} end",
            media.segments,
            if ended { "an" } else { "no" }
        );
    }
    Ok(media)
}

fn head(text: &str) -> Result<()> {
    if text.starts_with("#EXTM3U") {
        return Ok(());
    }
    bail!("this is no playlist: it does not begin with #EXTM3U")
}

fn resolution(attributes: &str) -> Option<(u32, u32)> {
    let text = attributes.split("RESOLUTION=").nth(1)?.split(',').next()?;
    let (width, height) = text.split_once('x')?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

fn join(base: &Url, name: &str) -> Result<Url> {
    base.join(name).with_context(|| format!("{name} is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_playlist_and_an_open_playlist_is_refused() {
        let base = Url::parse("http://h/play/1/2/master.m3u8").unwrap();
        let master = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360,CODECS=\"a,b\"\nv/360.m3u8\n";
        let variants = variants(&base, master).unwrap();
        assert_eq!(variants[0].url.as_str(), "http://h/play/1/2/v/360.m3u8");
        assert_eq!(variants[0].resolution, Some((640, 360)));

        let list = "#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXTINF:4.5,\na.ts\n#EXTINF:1.5,\nb.ts\n";
        assert!(media(&base, list).is_err());
        let media = media(&base, &format!("{list}#EXT-X-ENDLIST\n")).unwrap();
        assert_eq!((media.files.len(), media.segments, media.seconds), (3, 2, 6.0));
        assert_eq!(media.files[2].as_str(), "http://h/play/1/2/b.ts");
    }
}
