//! What will be encoded, once each, and into which packages it goes.

use crate::probe::{FrameRate, Probe, VideoStream};

use super::{Output, Quality};

/// Distance of key frames, and so the length of a segment, in seconds.
pub(super) const SEGMENT_SECONDS: u32 = 6;

/// Why an output cannot be made of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is a video output and the source only sounds.
    NoVideo,
    /// The source is a picture.
    Still,
}

impl Refusal {
    /// A sentence for the task's result.
    pub fn message(self) -> &'static str {
        match self {
            Self::NoVideo => "the source has no video track",
            Self::Still => "the source is a picture, which cannot be transcoded as a video",
        }
    }
}

/// An output that will not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Template id of the output.
    pub definition: u32,
    /// Why.
    pub reason: Refusal,
}

/// How a set of outputs is made of one source.
#[derive(Debug, Clone, PartialEq)]
pub struct TranscodePlan {
    /// Tracks of the source that are used.
    pub(super) video_track: Option<u32>,
    pub(super) audio_track: Option<u32>,
    /// Seconds, 0.0 when unknown.
    pub(super) duration: f64,
    pub(super) renditions: Vec<Rendition>,
    refused: Vec<Refused>,
}

/// One encode and the packages it goes into.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rendition {
    pub encode: Encode,
    pub sinks: Vec<Sink>,
}

/// What decides whether two outputs can share an encode.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Encode {
    pub video: Option<VideoEncode>,
    /// Kilobits in a second.
    pub audio_kbps: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct VideoEncode {
    pub width: u32,
    pub height: u32,
    pub rate: FrameRate,
    pub kbps: u32,
}

impl VideoEncode {
    /// Frames between key frames: whole segments, whatever the rate.
    pub(super) fn group(&self) -> u32 {
        ((self.rate.per_second() * f64::from(SEGMENT_SECONDS)).round() as u32).max(1)
    }
}

/// A package: files below the scratch directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sink {
    Mp4 {
        definition: u32,
    },
    /// `{definition}/{name}.m3u8` and `{definition}/{name}_00000.ts`, …
    Hls {
        definition: u32,
        name: String,
    },
}

impl Sink {
    /// The file a player opens.
    pub(super) fn path(&self) -> String {
        match self {
            Self::Mp4 { definition } => format!("v.f{definition}.mp4"),
            Self::Hls { definition, name } => format!("{definition}/{name}.m3u8"),
        }
    }
}

impl TranscodePlan {
    /// Plans `wanted` for a source. What cannot be made of it is in [`Self::refused`].
    pub fn new(source: &Probe, wanted: &[Output]) -> Self {
        let video = source.video.first().filter(|_| source.has_moving_video());
        let mut plan = Self {
            video_track: video.map(|stream| stream.index),
            audio_track: source.audio.first().map(|stream| stream.index),
            duration: source.duration,
            renditions: Vec::new(),
            refused: Vec::new(),
        };
        for output in wanted {
            let definition = output.definition();
            match (output, video) {
                _ if source.is_still() => plan.refuse(definition, Refusal::Still),
                (Output::Adaptive { rungs, .. }, _) => plan.add_ladder(definition, video, rungs),
                (Output::Mp4 { quality, .. }, Some(video)) => {
                    let encode = plan.encode(Some(video), quality);
                    plan.add(encode, Sink::Mp4 { definition });
                }
                (Output::Mp4 { .. }, None) => plan.refuse(definition, Refusal::NoVideo),
            }
        }
        plan
    }

    /// The outputs that cannot be made of this source.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// Nothing is left to run.
    pub fn is_empty(&self) -> bool {
        self.renditions.is_empty()
    }

    /// Bytes that no file can pass while the source is as long as it says, with room for one that says half.
    pub(super) fn largest_file(&self) -> u64 {
        const UNKNOWN: f64 = 12.0 * 3600.0;
        let seconds = if self.duration > 0.0 { 2.0 * self.duration + 60.0 } else { UNKNOWN };
        let kbps = |encode: &Encode| {
            encode.video.as_ref().map_or(0, |video| video.kbps) + encode.audio_kbps.unwrap_or(0)
        };
        let kbps = self.renditions.iter().map(|rendition| kbps(&rendition.encode)).max().unwrap_or(0);
        // A quarter for packets, tables and a rate control that is not exact.
        (seconds * f64::from(kbps) * 125.0 * 1.25) as u64 + 16 * 1024 * 1024
    }

    fn refuse(&mut self, definition: u32, reason: Refusal) {
        self.refused.push(Refused { definition, reason });
    }

    fn add_ladder(&mut self, definition: u32, video: Option<&VideoStream>, rungs: &[Quality]) {
        let Some(video) = video else {
            let Some(lowest) = rungs.first().filter(|_| self.audio_track.is_some()) else { return };
            let encode = self.encode(None, lowest);
            return self.add(encode, Sink::Hls { definition, name: "audio".to_owned() });
        };
        let source = short_side(video);
        for (position, quality) in rungs.iter().enumerate() {
            if position == 0 || quality.short_side <= source {
                let name = format!("v{}", quality.short_side.min(source));
                let encode = self.encode(Some(video), quality);
                self.add(encode, Sink::Hls { definition, name });
            }
        }
    }

    fn encode(&self, video: Option<&VideoStream>, quality: &Quality) -> Encode {
        Encode {
            video: video.map(|stream| {
                let (width, height) = fitted(stream.displayed(), quality.short_side);
                VideoEncode {
                    width,
                    height,
                    rate: at_most(stream.frame_rate, quality.fps),
                    kbps: quality.video_kbps,
                }
            }),
            audio_kbps: self.audio_track.map(|_| quality.audio_kbps),
        }
    }

    fn add(&mut self, encode: Encode, sink: Sink) {
        match self.renditions.iter_mut().find(|rendition| rendition.encode == encode) {
            Some(same) => same.sinks.push(sink),
            None => self.renditions.push(Rendition { encode, sinks: vec![sink] }),
        }
    }
}

fn short_side(stream: &VideoStream) -> u32 {
    let (width, height) = stream.displayed();
    width.min(height)
}

/// Scales down to a short side, keeping the shape; both sides even, as 4:2:0 demands, and none above the source's.
fn fitted((width, height): (u32, u32), short_side: u32) -> (u32, u32) {
    let factor = (f64::from(short_side) / f64::from(width.min(height))).min(1.0);
    let even = |side: u32| ((f64::from(side) * factor / 2.0).round() as u32 * 2).min(side & !1).max(2);
    (even(width), even(height))
}

fn at_most(source: Option<FrameRate>, most: u32) -> FrameRate {
    source.filter(|rate| rate.per_second() < f64::from(most)).unwrap_or(FrameRate { num: most, den: 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_keep_their_shape_stay_even_and_are_never_raised() {
        assert_eq!(fitted((1280, 720), 360), (640, 360));
        assert_eq!(fitted((720, 1280), 360), (360, 640));
        assert_eq!(fitted((1281, 721), 720), (1280, 720));
        assert_eq!(fitted((641, 359), 720), (640, 358));
        assert_eq!(fitted((1, 1), 720), (2, 2));
        assert_eq!(fitted((854, 480), 240), (428, 240));
    }

    #[test]
    fn frame_rates_are_never_raised() {
        let film = FrameRate { num: 24_000, den: 1001 };
        assert_eq!(at_most(Some(film), 24), film);
        assert_eq!(at_most(Some(FrameRate { num: 60, den: 1 }), 24), FrameRate { num: 24, den: 1 });
        assert_eq!(at_most(None, 25), FrameRate { num: 25, den: 1 });
    }

    #[test]
    fn key_frames_stand_at_segment_borders() {
        let group =
            |num, den| VideoEncode { width: 2, height: 2, rate: FrameRate { num, den }, kbps: 1 }.group();
        assert_eq!([group(24, 1), group(24_000, 1001), group(25, 1), group(1, 10)], [144, 144, 150, 1]);
    }
}
