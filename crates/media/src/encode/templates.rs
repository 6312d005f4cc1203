//! Templates by their definition: the vendor's presets (wire reference 6.2) and our own, which start at 900000.

use super::{Output, Quality};

/// Adaptive template of `ReelgateShortVideo`: HLS in 720p and 360p.
pub const SHORT_VIDEO_ADAPTIVE: u32 = 900_020;

/// The sub-streams of adaptive templates 10 and 12: short side and video kilobits in a second, at 24 frames in a
/// second with audio at 48.
const LADDER: [(u32, u32); 6] =
    [(240, 256), (480, 512), (720, 512), (1080, 1024), (1440, 3072), (2160, 6144)];

/// H.264 + AAC in MP4 at 25 frames in a second: definition, short side, video and audio kilobits in a second.
const MP4: [(u32, u32, u32, u32); 6] = [
    (100_010, 360, 400, 64),
    (100_020, 540, 1000, 64),
    (100_030, 720, 1800, 128),
    (100_040, 1080, 2500, 128),
    (100_070, 1440, 3000, 160),
    (100_080, 2160, 6000, 160),
];

/// The adaptive template with this id, if there is one.
pub fn adaptive(definition: u32) -> Option<Output> {
    let rungs = match definition {
        10 => LADDER
            .map(|(short_side, video_kbps)| Quality { short_side, fps: 24, video_kbps, audio_kbps: 48 })
            .to_vec(),
        // The qualities of MP4 templates 100010 and 100030, so that an MP4 beside it costs no second encode.
        SHORT_VIDEO_ADAPTIVE => [100_010, 100_030].into_iter().filter_map(mp4_quality).collect(),
        _ => return None,
    };
    Some(Output::Adaptive { definition, rungs })
}

/// The MP4 transcoding template with this id, if there is one.
pub fn transcode(definition: u32) -> Option<Output> {
    Some(Output::Mp4 { definition, quality: mp4_quality(definition)? })
}

fn mp4_quality(wanted: u32) -> Option<Quality> {
    let found = MP4.into_iter().find(|(definition, ..)| *definition == wanted);
    found.map(|(_, short_side, video_kbps, audio_kbps)| Quality {
        short_side,
        fps: 25,
        video_kbps,
        audio_kbps,
    })
}
