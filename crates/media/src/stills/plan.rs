//! Which pictures, at which times, and the command that makes them.

use crate::arguments::Arguments;
use crate::probe::{Probe, add_input_options};
use crate::sandbox::SOURCE;

use super::MODEL_SIDE;

/// Evidence pictures are at most this wide.
const EVIDENCE_WIDTH: u32 = 640;

/// The cover's file.
pub(super) const COVER: &str = "cover.jpg";
/// The directory of evidence pictures, `00000.jpg` and on, in the order of the frames.
pub(super) const EVIDENCE: &str = "evidence";

/// Which pictures are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The first frame in full size.
    pub cover: bool,
    /// Small pictures in sheets.
    pub sprite: Option<Sprite>,
    /// Frames for review, with an evidence picture of each.
    pub frames: bool,
}

/// A sprite template. Cells keep the video's shape, with black beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sprite {
    /// Pixels.
    pub cell_width: u32,
    /// Pixels.
    pub cell_height: u32,
    /// Cells beside each other.
    pub columns: u32,
    /// Cells above each other.
    pub rows: u32,
    /// Seconds from one cell to the next.
    pub interval: u32,
}

impl Sprite {
    /// Sprite template 10 (wire reference 6.2).
    pub const TEMPLATE_10: Self =
        Self { cell_width: 142, cell_height: 80, columns: 10, rows: 10, interval: 10 };
}

/// Evenly spaced times in a video: 0, `interval_ms`, twice that, …
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Milliseconds from one to the next.
    pub interval_ms: u64,
    /// How many, at least one.
    pub count: u64,
    /// Where the video ends, in milliseconds.
    pub end_ms: u64,
}

impl Sampling {
    /// Frames for review: one in a second up to 500 s, then one in each hundredth, but at least one in 10 s (design
    /// section 8).
    pub fn for_review(duration: f64) -> Self {
        let end_ms = milliseconds(duration);
        let interval_ms = if end_ms <= 500_000 { 1000 } else { (end_ms / 100).min(10_000) };
        Self::every(interval_ms, end_ms)
    }

    fn every(interval_ms: u64, end_ms: u64) -> Self {
        Self { interval_ms, count: end_ms.div_ceil(interval_ms).max(1), end_ms }
    }

    /// Time of a sample, in milliseconds.
    pub fn time_ms(&self, index: u64) -> u64 {
        index * self.interval_ms
    }

    /// How long a sample stands for what is seen: until the next one or the end.
    pub fn until_ms(&self, index: u64) -> u64 {
        self.time_ms(index + 1).min(self.end_ms.max(self.time_ms(index)))
    }

    /// Filters that give exactly the frames shown at these times (the last one at or before each).
    fn filters(&self) -> String {
        // Rounding up puts a frame into the slot that begins with or after it, so a slot holds what was on screen
        // when it began; the first slot holds the first frame even when it comes a little late.
        format!("fps=fps=1000/{}:start_time=0:round=up,trim=end_frame={}", self.interval_ms, self.count)
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0).round().max(0.0) as u64
}

/// The source has no picture at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the source has no video track to take pictures from")]
pub struct NoPicture;

/// How the wanted pictures are taken from one source.
#[derive(Debug, Clone, PartialEq)]
pub struct StillsPlan {
    pub(super) wanted: Wanted,
    pub(super) frames: Sampling,
    track: u32,
    /// As a viewer sees it.
    size: (u32, u32),
    pub(super) end_ms: u64,
}

impl StillsPlan {
    /// Plans `wanted` for a source.
    pub fn new(source: &Probe, wanted: Wanted) -> Result<Self, NoPicture> {
        let video = source.video.first().ok_or(NoPicture)?;
        Ok(Self {
            wanted,
            frames: Sampling::for_review(source.duration),
            track: video.index,
            size: video.displayed(),
            end_ms: milliseconds(source.duration),
        })
    }

    /// When review frames are taken.
    pub fn sampling(&self) -> Sampling {
        self.frames
    }

    /// When sprite cells are taken.
    pub(super) fn cells(&self, sprite: &Sprite) -> Sampling {
        Sampling::every(u64::from(sprite.interval.max(1)) * 1000, self.end_ms)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wanted == Wanted::default()
    }

    /// The one command. Standard output carries the models' pictures, frame by frame, when frames are wanted, and
    /// progress otherwise.
    pub(super) fn command(&self) -> Arguments {
        let mut arguments = Arguments::default();
        arguments.words("-nostdin -y -hide_banner -v error -nostats");
        if !self.wanted.frames {
            arguments.words("-progress pipe:1");
        }
        add_input_options(&mut arguments);
        arguments.words("-i").one(SOURCE).option("-filter_complex", self.filters());
        if self.wanted.cover {
            arguments.words("-map [cover] -frames:v 1 -q:v 2 -f image2 -update 1").one(COVER);
        }
        if self.wanted.sprite.is_some() {
            arguments.words("-map [sprite] -q:v 4 -f image2 -start_number 0 sprite_%d.jpg");
        }
        if self.wanted.frames {
            arguments
                .words("-map [evidence] -q:v 5 -f image2 -start_number 0")
                .one(format!("{EVIDENCE}/%05d.jpg"));
            arguments.words("-map [models] -f rawvideo -pix_fmt rgb24 pipe:1");
        }
        arguments
    }

    fn filters(&self) -> String {
        let wanted = &self.wanted;
        let mut branches = Vec::new();
        if wanted.cover {
            let (width, height) = self.size;
            branches.push(format!("trim=end_frame=1,scale={width}:{height},setsar=1,format=yuvj420p[cover]"));
        }
        if let Some(sprite) = &wanted.sprite {
            branches.push(self.sprite_filters(sprite));
        }
        if wanted.frames {
            branches.push(self.frame_filters());
        }
        let inputs: String = (0..branches.len()).map(|branch| format!("[in{branch}]")).collect();
        let mut graph = format!("[0:{}]split={}{inputs}", self.track, branches.len());
        for (position, branch) in branches.iter().enumerate() {
            graph.push_str(&format!(";[in{position}]{branch}"));
        }
        graph
    }

    fn sprite_filters(&self, sprite: &Sprite) -> String {
        let Sprite { cell_width, cell_height, columns, rows, .. } = sprite;
        let (width, height) = inside(self.size, (*cell_width, *cell_height));
        let times = self.cells(sprite).filters();
        format!(
            "{times},scale={width}:{height},setsar=1,pad={cell_width}:{cell_height}:-1:-1,format=yuvj420p,\
             tile={columns}x{rows}[sprite]"
        )
    }

    /// What each model sees, one above the other, and what a person sees.
    fn frame_filters(&self) -> String {
        let (width, height) = inside(self.size, (EVIDENCE_WIDTH.min(self.size.0), u32::MAX));
        format!(
            "{times},split=3[a][b][c];[c]scale={width}:{height},setsar=1,format=yuvj420p[evidence];{models}",
            times = self.frames.filters(),
            models = model_filters(),
        )
    }
}

/// From `[a]` and `[b]` to `[models]`: the picture of the first model above the picture of the second, each squashed
/// the way it was trained.
pub(super) fn model_filters() -> String {
    let side = MODEL_SIDE;
    format!(
        "[a]scale={side}:{side}:flags=bilinear,setsar=1,format=rgb24[first];\
         [b]scale=256:256:flags=bilinear,crop={side}:{side},setsar=1,format=rgb24[second];\
         [first][second]vstack[models]"
    )
}

/// The largest size of the same shape inside a box, never above its own.
fn inside((width, height): (u32, u32), (most_width, most_height): (u32, u32)) -> (u32, u32) {
    let factor =
        (f64::from(most_width) / f64::from(width)).min(f64::from(most_height) / f64::from(height)).min(1.0);
    let side = |side: u32, most: u32| ((f64::from(side) * factor).round() as u32).clamp(1, most);
    (side(width, most_width), side(height, most_height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_follows_the_rule() {
        let check = |seconds: f64, interval_ms, count| {
            let sampling = Sampling::for_review(seconds);
            assert_eq!((sampling.interval_ms, sampling.count), (interval_ms, count), "{seconds}");
        };
        check(0.0, 1000, 1);
        check(0.4, 1000, 1);
        check(43.752, 1000, 44);
        check(500.0, 1000, 500);
        check(600.0, 6000, 100);
        check(1000.0, 10_000, 100);
        check(7200.0, 10_000, 720);
    }

    #[test]
    fn a_sample_stands_until_the_next_or_the_end() {
        let sampling = Sampling::for_review(2.5);
        assert_eq!([sampling.until_ms(0), sampling.until_ms(1), sampling.until_ms(2)], [1000, 2000, 2500]);
        assert_eq!(Sampling::for_review(0.0).until_ms(0), 0);
    }

    #[test]
    fn sizes_fit_into_their_box() {
        assert_eq!(inside((1280, 720), (142, 80)), (142, 80));
        assert_eq!(inside((720, 1280), (142, 80)), (45, 80));
        assert_eq!(inside((64, 48), (142, 80)), (64, 48));
        assert_eq!(inside((10_000, 1), (640, u32::MAX)), (640, 1));
    }
}
