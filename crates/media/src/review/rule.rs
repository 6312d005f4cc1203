//! From scores to a verdict.
//!
//! One model alone gives false alarms (the first marks a quarter of a rabbit's cartoon), so the scores are **fused**:
//! `sqrt((porn + hentai) * nsfw)`. Many agreeing frames block, few ask a person. The reasons for the defaults are in
//! `models/README.md`; this is a filter in front of people, not a judge.

use super::Scores;

/// The scores of one frame and what of the video it stands for, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameScores {
    /// Time of the frame.
    pub time_ms: u64,
    /// Time of the next one, or the end.
    pub until_ms: u64,
    /// What the models said.
    pub scores: Scores,
}

/// From which scores on frames matter. Scores are between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Thresholds {
    /// Fused score of a frame that counts towards blocking.
    pub block: f32,
    /// That many such frames next to each other block …
    pub block_adjacent: usize,
    /// … and so do that many in a hundred frames, when they are at least `block_adjacent` frames.
    pub block_percent: usize,
    /// Fused score of a single frame that asks for a review.
    pub review: f32,
    /// Score of an explicit drawing that asks for a review by itself: the second model does not know drawings.
    pub review_hentai: f32,
    /// Suggestive score that asks for a review …
    pub review_sexy: f32,
    /// … on that many frames next to each other.
    pub sexy_adjacent: usize,
    /// When set, either model alone asks for a review from this score on. Needs [`super::Precision::Both`].
    pub strict: Option<f32>,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            block: 0.80,
            block_adjacent: 3,
            block_percent: 5,
            review: 0.60,
            review_hentai: 0.85,
            review_sexy: 0.80,
            sexy_adjacent: 2,
            strict: None,
        }
    }
}

/// What to do with the video, in growing severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suggestion {
    /// Nothing was found.
    Pass,
    /// A person should look.
    Review,
    /// It should not be shown.
    Block,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Explicit, filmed or drawn.
    Porn,
    /// Suggestive.
    Sexy,
}

/// A stretch of frames that were found to be the same.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// Seconds.
    pub start: f64,
    /// Seconds.
    pub end: f64,
    /// 100 times the highest score in it, rounded.
    pub confidence: u8,
    /// What was found.
    pub label: Label,
    /// Block, or review.
    pub suggestion: Suggestion,
    /// Number of the frame with that score: the evidence.
    pub evidence: usize,
}

/// The outcome of a review.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What to do.
    pub suggestion: Suggestion,
    /// What was found; `None` on pass.
    pub label: Option<Label>,
    /// 100 times the score that decided, rounded. On pass that is the highest fused score.
    pub confidence: u8,
    /// In order of time; empty on pass.
    pub segments: Vec<Segment>,
}

/// A frame that matters, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Finding {
    score: f32,
    label: Label,
    suggestion: Suggestion,
}

/// Judges a video by its frames, given in order of time.
pub fn judge(frames: &[FrameScores], thresholds: &Thresholds) -> Verdict {
    let fused: Vec<f32> = frames.iter().map(|frame| fused(&frame.scores)).collect();
    let blocked = blocks(&fused, thresholds);
    let sexy = in_runs(frames, thresholds.sexy_adjacent, |frame| frame.scores.sexy >= thresholds.review_sexy);
    let findings: Vec<Option<Finding>> = (0..frames.len())
        .map(|index| find(&frames[index].scores, fused[index], blocked, sexy[index], thresholds))
        .collect();
    let decisive = findings
        .iter()
        .flatten()
        .copied()
        .reduce(|best, next| if next.outweighs(&best) { next } else { best });
    match decisive {
        None => {
            let peak = fused.iter().copied().fold(0.0, f32::max);
            Verdict {
                suggestion: Suggestion::Pass,
                label: None,
                confidence: percent(peak),
                segments: Vec::new(),
            }
        }
        Some(found) => Verdict {
            suggestion: found.suggestion,
            label: Some(found.label),
            confidence: percent(found.score),
            segments: segments(frames, &findings),
        },
    }
}

/// Both models' agreement. A second model that was not asked could not have lifted it to where it matters.
fn fused(scores: &Scores) -> f32 {
    scores.fused().unwrap_or(0.0)
}

fn blocks(fused: &[f32], thresholds: &Thresholds) -> bool {
    let counts = |score: &f32| *score >= thresholds.block;
    let many = (fused.len() * thresholds.block_percent).div_ceil(100);
    fused.iter().filter(|score| counts(score)).count() >= many.max(thresholds.block_adjacent)
        || in_runs(fused, thresholds.block_adjacent, counts).contains(&true)
}

/// Which items satisfy `holds` together with enough neighbours.
fn in_runs<T>(items: &[T], length: usize, holds: impl Fn(&T) -> bool) -> Vec<bool> {
    let groups = items.chunk_by(|one, next| holds(one) == holds(next));
    groups.flat_map(|group| vec![holds(&group[0]) && group.len() >= length; group.len()]).collect()
}

fn find(scores: &Scores, fused: f32, blocked: bool, sexy: bool, thresholds: &Thresholds) -> Option<Finding> {
    let review = |label, score| Finding { score, label, suggestion: Suggestion::Review };
    let explicit = scores.porn + scores.hentai;
    let alone = explicit.max(scores.nsfw.unwrap_or(0.0));
    if blocked && fused >= thresholds.block {
        Some(Finding { score: fused, label: Label::Porn, suggestion: Suggestion::Block })
    } else if fused >= thresholds.review {
        Some(review(Label::Porn, fused))
    } else if scores.hentai >= thresholds.review_hentai {
        Some(review(Label::Porn, scores.hentai))
    } else if thresholds.strict.is_some_and(|strict| alone >= strict) {
        Some(review(Label::Porn, alone))
    } else if sexy {
        Some(review(Label::Sexy, scores.sexy))
    } else {
        None
    }
}

impl Finding {
    fn outweighs(&self, other: &Self) -> bool {
        (self.suggestion, self.label == Label::Porn, self.score)
            .partial_cmp(&(other.suggestion, other.label == Label::Porn, other.score))
            .is_some_and(std::cmp::Ordering::is_gt)
    }
}

fn segments(frames: &[FrameScores], findings: &[Option<Finding>]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut open: Option<(usize, Finding)> = None;
    for (index, (frame, finding)) in frames.iter().zip(findings).enumerate() {
        let Some(finding) = finding else {
            open = None;
            continue;
        };
        let (start, end) = (frame.time_ms as f64 / 1000.0, frame.until_ms as f64 / 1000.0);
        let Finding { score, label, suggestion } = *finding;
        match (&mut open, segments.last_mut()) {
            (Some((best, strongest)), Some(segment))
                if (label, suggestion) == (strongest.label, strongest.suggestion) =>
            {
                segment.end = end;
                if score > strongest.score {
                    (*best, *strongest) = (index, *finding);
                    (segment.confidence, segment.evidence) = (percent(score), index);
                }
            }
            _ => {
                segments.push(Segment {
                    start,
                    end,
                    confidence: percent(score),
                    label,
                    suggestion,
                    evidence: index,
                });
                open = Some((index, *finding));
            }
        }
    }
    segments
}

fn percent(score: f32) -> u8 {
    (score * 100.0).round().clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame whose fused score is `fused`.
    fn explicit(fused: f32) -> Scores {
        Scores { porn: fused, nsfw: Some(fused), ..Scores::default() }
    }

    fn sexy(score: f32) -> Scores {
        Scores { sexy: score, ..Scores::default() }
    }

    fn film(scores: &[Scores]) -> Vec<FrameScores> {
        let frame = |(index, &scores): (usize, &Scores)| {
            let time_ms = index as u64 * 1000;
            FrameScores { time_ms, until_ms: time_ms + 1000, scores }
        };
        scores.iter().enumerate().map(frame).collect()
    }

    fn check(scores: &[Scores], suggestion: Suggestion, label: Option<Label>, confidence: u8) -> Verdict {
        let verdict = judge(&film(scores), &Thresholds::default());
        assert_eq!((verdict.suggestion, verdict.label, verdict.confidence), (suggestion, label, confidence));
        verdict
    }

    #[test]
    fn nothing_found_passes_with_its_highest_score() {
        let verdict = check(&[explicit(0.18), explicit(0.59), sexy(0.99)], Suggestion::Pass, None, 59);
        assert!(verdict.segments.is_empty());
        check(&[], Suggestion::Pass, None, 0);
    }

    #[test]
    fn three_adjacent_frames_block_and_two_do_not() {
        let (hot, cold) = (explicit(0.9), explicit(0.0));
        let verdict =
            check(&[cold, hot, explicit(0.95), hot, cold], Suggestion::Block, Some(Label::Porn), 95);
        let expected = Segment {
            start: 1.0,
            end: 4.0,
            confidence: 95,
            label: Label::Porn,
            suggestion: Suggestion::Block,
            evidence: 2,
        };
        assert_eq!(verdict.segments, [expected]);
        check(&[cold, hot, hot, cold], Suggestion::Review, Some(Label::Porn), 90);
    }

    #[test]
    fn scattered_frames_block_from_three_or_a_twentieth_on() {
        let scattered = |frames: usize, hot: usize| -> Vec<Scores> {
            let step = frames / hot;
            (0..frames)
                .map(|at| explicit(if at % step == 0 && at / step < hot { 0.85 } else { 0.0 }))
                .collect()
        };
        check(&scattered(20, 3), Suggestion::Block, Some(Label::Porn), 85);
        check(&scattered(20, 2), Suggestion::Review, Some(Label::Porn), 85);
        check(&scattered(200, 10), Suggestion::Block, Some(Label::Porn), 85);
        let verdict = check(&scattered(200, 9), Suggestion::Review, Some(Label::Porn), 85);
        assert_eq!(verdict.segments.len(), 9);
    }

    #[test]
    fn suggestive_frames_need_a_neighbour() {
        check(&[sexy(0.9), sexy(0.1), sexy(0.9)], Suggestion::Pass, None, 0);
        let verdict = check(&[sexy(0.1), sexy(0.82), sexy(0.9)], Suggestion::Review, Some(Label::Sexy), 90);
        assert_eq!(
            (verdict.segments[0].start, verdict.segments[0].end, verdict.segments[0].evidence),
            (1.0, 3.0, 2)
        );
    }

    #[test]
    fn explicit_drawings_ask_by_themselves() {
        let drawing = Scores { hentai: 0.86, nsfw: Some(0.01), ..Scores::default() };
        check(&[drawing], Suggestion::Review, Some(Label::Porn), 86);
    }

    #[test]
    fn explicit_outweighs_suggestive_and_each_has_its_segment() {
        let verdict =
            check(&[sexy(0.99), sexy(0.99), explicit(0.61)], Suggestion::Review, Some(Label::Porn), 61);
        let labels: Vec<Label> = verdict.segments.iter().map(|segment| segment.label).collect();
        assert_eq!(labels, [Label::Sexy, Label::Porn]);
    }

    #[test]
    fn strict_listens_to_either_model_alone() {
        let strict = Thresholds { strict: Some(0.8), ..Thresholds::default() };
        let one_only = film(&[Scores { porn: 0.9, nsfw: Some(0.1), ..Scores::default() }]);
        assert_eq!(judge(&one_only, &Thresholds::default()).suggestion, Suggestion::Pass);
        assert_eq!(judge(&one_only, &strict).suggestion, Suggestion::Review);
        let other_only = film(&[Scores { porn: 0.1, nsfw: Some(0.85), ..Scores::default() }]);
        assert_eq!(judge(&other_only, &strict).confidence, 85);
    }
}
