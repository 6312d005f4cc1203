//! HLS playlists (RFC 8216): what ffmpeg wrote for a variant, and the master that names the variants.

use std::fmt::Write;

/// One segment of a media playlist.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    /// As written: a name in the playlist's own directory.
    pub name: String,
    /// Its `EXTINF`.
    pub seconds: f64,
}

/// Reads the segments of a media playlist; `None` when it is not complete.
pub(super) fn segments(text: &str) -> Option<Vec<Segment>> {
    let mut segments = Vec::new();
    let mut seconds = None;
    let mut ended = false;
    for line in text.lines().map(str::trim) {
        if let Some(value) = line.strip_prefix("#EXTINF:") {
            seconds = value.split(',').next()?.parse().ok();
        } else if line == "#EXT-X-ENDLIST" {
            ended = true;
        } else if !line.is_empty() && !line.starts_with('#') {
            segments.push(Segment { name: line.to_owned(), seconds: seconds.take()? });
        }
    }
    (ended && !segments.is_empty()).then_some(segments)
}

/// One line of a master playlist.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Relative to the master playlist.
    pub uri: String,
    /// Largest bit rate of any segment.
    pub peak_bandwidth: u64,
    /// Bits of all segments by seconds of all segments.
    pub average_bandwidth: u64,
    /// Width and height; `None` for sound alone.
    pub resolution: Option<(u32, u32)>,
    /// Frames in a second; `None` for sound alone.
    pub frame_rate: Option<f64>,
    /// RFC 6381 names; empty when one is not known, since a wrong list is worse than none.
    pub codecs: String,
}

/// Writes the master playlist.
pub(super) fn master(entries: &[Entry]) -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n".to_owned();
    for entry in entries {
        let (peak, average) = (entry.peak_bandwidth, entry.average_bandwidth);
        // Writing to a String cannot fail.
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={peak},AVERAGE-BANDWIDTH={average}");
        if let Some((width, height)) = entry.resolution {
            let _ = write!(text, ",RESOLUTION={width}x{height}");
        }
        if let Some(rate) = entry.frame_rate {
            let _ = write!(text, ",FRAME-RATE={rate:.3}");
        }
        if !entry.codecs.is_empty() {
            let _ = write!(text, ",CODECS=\"{}\"", entry.codecs);
        }
        let _ = write!(text, "\n{}\n", entry.uri);
    }
    text
}

/// The RFC 6381 name of an H.264 stream by ffprobe's words for its profile; `None` for profiles we do not make.
pub(super) fn h264_name(profile: &str, level: u32) -> Option<String> {
    let profile = match profile {
        "Constrained Baseline" => "42c0",
        "Main" => "4d40",
        "High" => "6400",
        _ => return None,
    };
    Some(format!("avc1.{profile}{level:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_without_its_end_is_not_complete() {
        let text = "#EXTM3U\n#EXTINF:6.000000,\nv_00000.ts\n#EXTINF:1.5,\nv_00001.ts\n";
        assert_eq!(segments(text), None);
        let found = segments(&format!("{text}#EXT-X-ENDLIST\n")).unwrap();
        assert_eq!(found[1], Segment { name: "v_00001.ts".into(), seconds: 1.5 });
        assert_eq!(segments("#EXT-X-ENDLIST"), None);
    }

    #[test]
    fn the_master_names_each_variant_with_what_a_player_chooses_by() {
        let video = Entry {
            uri: "10/v240.m3u8".into(),
            peak_bandwidth: 400_000,
            average_bandwidth: 300_000,
            resolution: Some((426, 240)),
            frame_rate: Some(23.976),
            codecs: format!("{},mp4a.40.2", h264_name("High", 13).unwrap()),
        };
        let sound = Entry {
            uri: "10/audio.m3u8".into(),
            resolution: None,
            frame_rate: None,
            codecs: String::new(),
            ..video.clone()
        };
        let expected = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n\
            #EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000,RESOLUTION=426x240,FRAME-RATE=23.976,CODECS=\"avc1.64000d,mp4a.40.2\"\n\
            10/v240.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=400000,AVERAGE-BANDWIDTH=300000\n10/audio.m3u8\n";
        assert_eq!(master(&[video, sound]), expected);
    }
}
