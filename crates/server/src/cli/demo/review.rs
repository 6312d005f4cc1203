//! Step: what the machine found in the pictures, model by model and frame by frame.

use anyhow::{Context, Result, bail};
use reelgate_wire::vod::{AiContentReviewResult, ProcedureTask};
use serde::Deserialize;

use super::Stage;
use super::show::Show;

/// Frames beside each other in the table.
const COLUMNS: usize = 3;

#[derive(Deserialize)]
struct Media {
    review: Option<Review>,
}

#[derive(Deserialize)]
struct Review {
    suggestion: String,
    label: Option<String>,
    confidence: f64,
    models: Vec<Model>,
    frames: Vec<Frame>,
}

#[derive(Deserialize)]
struct Model {
    name: String,
    sha256: String,
}

/// Scores between 0 and 1. The second model is asked only where the first one is not sure.
#[derive(Deserialize)]
struct Frame {
    at_ms: u64,
    hentai: f64,
    porn: f64,
    nsfw: Option<f64>,
    fused: Option<f64>,
}

/// Compares the verdict of the event with the record of the API, and shows the record.
pub(super) async fn review(stage: &Stage, show: &Show, file_id: &str, task: &ProcedureTask) -> Result<()> {
    let told = task.ai_content_review_result_set.iter().find_map(|result| match result {
        AiContentReviewResult::Porn(task) => task.output.as_ref(),
        AiContentReviewResult::Terrorism(_) | AiContentReviewResult::Political(_) => None,
    });
    let told = told.context("the event holds no verdict on pornography")?;
    show.line(&format!("the event says: {}, confidence {}", told.suggestion, told.confidence));

    let media: Media = stage.doors.media(file_id).await?;
    let review = media.review.context("the server keeps no review of this file")?;
    if review.suggestion != told.suggestion || (review.confidence - told.confidence).abs() > 0.5 {
        bail!(
            "the server's record says {} with confidence {}, not what the event says",
            review.suggestion,
            review.confidence
        );
    }
    if review.models.is_empty() || review.frames.is_empty() {
        bail!("the record names {} models and {} frames", review.models.len(), review.frames.len());
    }
    let label = review.label.filter(|label| !label.is_empty()).map(|label| format!(" ({label})"));
    show.line(&format!(
        "the record says: {}{}, {} frames",
        review.suggestion,
        label.unwrap_or_default(),
        review.frames.len()
    ));
    for model in &review.models {
        show.line(&format!("model {} sha256 {}", model.name, model.sha256));
    }
    for row in table(&review.frames) {
        show.line(&row);
    }
    Ok(())
}

/// Rows of `COLUMNS` frames each, read downwards, with a head.
fn table(frames: &[Frame]) -> Vec<String> {
    let height = frames.len().div_ceil(COLUMNS);
    let head = format!("{:>8} {:>11} {:>6} {:>6}", "frame", "porn+hentai", "nsfw", "fused");
    let columns = frames.len().div_ceil(height.max(1));
    let mut rows = vec![vec![head; columns].join("  |")];
    for row in 0..height {
        let cells = frames.iter().skip(row).step_by(height).map(Frame::cell);
        rows.push(cells.collect::<Vec<_>>().join("  |"));
    }
    rows
}

impl Frame {
    fn cell(&self) -> String {
        let score = |score: Option<f64>| score.map_or_else(|| "-".to_owned(), |score| format!("{score:.4}"));
        let seconds = self.at_ms as f64 / 1e3;
        let first = self.porn + self.hentai;
        format!("{seconds:>6.1} s {first:>11.4} {:>6} {:>6}", score(self.nsfw), score(self.fused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_in_the_table_once() {
        let frame = |second: u64| Frame {
            at_ms: second * 1000,
            hentai: 0.25,
            porn: 0.25,
            nsfw: None,
            fused: Some(0.5),
        };
        let frames: Vec<Frame> = (0..7_u64).map(frame).collect();
        let rows = table(&frames);
        assert_eq!(rows.len(), 4);
        assert_eq!(
            rows[1],
            "   0.0 s      0.5000      - 0.5000  |   3.0 s      0.5000      - 0.5000  |   6.0 s      0.5000      - 0.5000"
        );
        assert_eq!(rows.iter().skip(1).map(|row| row.matches(" s ").count()).sum::<usize>(), 7);
    }
}
