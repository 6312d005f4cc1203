//! The shipped models behind ffmpeg's own scaler: known outputs, and real videos that must pass.

use std::path::Path;
use std::sync::Arc;

use reelgate_media::review::{
    Classifier, ClassifyError, ModelIdentity, NsfwModels, Precision, Scores, Suggestion, Thresholds, judge,
    score_all,
};
use reelgate_media::sandbox::Sandbox;
use reelgate_media::stills::{Frame, stills};
use reelgate_media::{Tools, WorkError};
use tokio::sync::mpsc;

use crate::bench::{make, sample, sandbox};
use crate::stills::{FRAMES, planned, taken};

/// A synthetic pattern: the colour of the pixel in column x and row y.
type Pattern = fn(u8, u8) -> [u8; 3];

const PATTERNS: [(&str, Pattern); 4] = [
    ("ramp", |x, y| [x, y, u8::midpoint(x, y)]),
    ("checker", |x, y| if (x / 16 + y / 16) % 2 == 0 { [0; 3] } else { [255; 3] }),
    ("gray128", |_, _| [128; 3]),
    ("black", |_, _| [0; 3]),
];

/// Writes a one-frame lossless video of a pattern with a black border around it.
fn draw(tools: &Tools, directory: &Path, pattern: Pattern, border: usize) {
    let side = 224 + 2 * border;
    let inside =
        |at: usize| at.checked_sub(border).and_then(|at| u8::try_from(at).ok()).filter(|at| *at < 224);
    let pixel = |index: usize| match (inside(index % side), inside(index / side)) {
        (Some(x), Some(y)) => pattern(x, y),
        _ => [0; 3],
    };
    let pixels: Vec<u8> = (0..side * side).flat_map(pixel).collect();
    std::fs::write(directory.join("pattern.raw"), pixels).unwrap();
    let arguments =
        format!("-f rawvideo -pix_fmt rgb24 -s {side}x{side} -i pattern.raw -c:v png pattern.mkv");
    make(tools, directory, &arguments);
}

async fn scores_of(sandbox: &Sandbox, models: &NsfwModels, pattern: Pattern, border: usize) -> Scores {
    let dir = tempfile::tempdir().unwrap();
    draw(sandbox.tools(), dir.path(), pattern, border);
    let (_, frames) = taken(sandbox, &dir.path().join("pattern.mkv"), FRAMES, dir.path()).await.unwrap();
    models.classify(&frames[0]).unwrap()
}

#[tokio::test]
async fn the_shipped_models_give_their_known_scores() {
    let Some(sandbox) = sandbox().await else { return };
    let golden =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/golden.json")).unwrap();
    let golden: serde_json::Value = serde_json::from_slice(&golden).unwrap();
    let models = NsfwModels::new(Precision::Both);
    for (name, pattern) in PATTERNS {
        let expected = |key: &str, place: usize| golden["cases"][name][key][place].as_f64().unwrap();
        let close = |found: f32, key: &str, place: usize| {
            let expected = expected(key, place);
            assert!(
                (f64::from(found) - expected).abs() < 1e-4,
                "{name} {key} {place}: {found} is not {expected}"
            );
        };
        // 224x224 reaches the first model as it is; inside 256x256 the second model's crop gives it back.
        let first = scores_of(&sandbox, &models, pattern, 0).await;
        let found = [first.drawing, first.hentai, first.neutral, first.porn, first.sexy];
        for (place, found) in found.into_iter().enumerate() {
            close(found, "mobilenet[drawing,hentai,neutral,porn,sexy]", place);
        }
        let second = scores_of(&sandbox, &models, pattern, 16).await;
        close(second.nsfw.unwrap(), "open_nsfw[sfw,nsfw]", 1);
    }
}

#[tokio::test]
async fn cartoons_that_fool_one_model_pass() {
    let Some(sandbox) = sandbox().await else { return };
    for (name, precision) in [
        ("bigbuckbunny-5s-720p.mp4", Precision::Both),
        ("bbb-excerpt-44s-720p.mp4", Precision::WhereItMatters),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (plan, work) = planned(&sandbox, &sample(name), FRAMES, dir.path()).await;
        let (sender, receiver) = mpsc::channel(2);
        let mut report = |_| ();
        let scored = score_all(Arc::new(NsfwModels::new(precision)), receiver);
        let (made, frames) = tokio::join!(stills(&work, &plan, sender, &mut report), scored);
        let (made, frames) = (made.unwrap(), frames.unwrap());
        assert_eq!(made.evidence.len(), frames.len());
        let verdict = judge(&frames, &Thresholds::default());
        assert_eq!((verdict.suggestion, verdict.label), (Suggestion::Pass, None), "{name}: {frames:?}");
        assert!(verdict.confidence < 40, "{name}: {}", verdict.confidence);
        if precision == Precision::WhereItMatters {
            let asked = frames.iter().filter(|frame| frame.scores.nsfw.is_some()).count();
            assert!(0 < asked && asked < frames.len() / 2, "the second model was asked {asked} times");
        }
    }
}

/// A classifier whose model does not work.
struct Broken;

impl Classifier for Broken {
    fn classify(&self, _frame: &Frame) -> Result<Scores, ClassifyError> {
        Err(ClassifyError { doing: "load", model: "broken", reason: "no such model".to_owned() })
    }

    fn models(&self) -> Vec<ModelIdentity> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_model_that_fails_ends_the_decoding_too() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let (plan, work) = planned(&sandbox, &sample("bbb-excerpt-44s-720p.mp4"), FRAMES, dir.path()).await;
    let (sender, receiver) = mpsc::channel(2);
    let mut report = |_| ();
    let (made, frames) =
        tokio::join!(stills(&work, &plan, sender, &mut report), score_all(Arc::new(Broken), receiver));
    assert_eq!(frames.unwrap_err().to_string(), "cannot load the model broken: no such model");
    assert!(matches!(made, Err(WorkError::Cancelled)), "{made:?}");
}

#[test]
fn the_models_are_the_published_files() {
    let listed =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/README.md"))
            .unwrap();
    for model in NsfwModels::new(Precision::Both).models() {
        assert!(listed.contains(&format!("{}  {}.onnx", model.sha256, model.name)), "{model:?}");
    }
}
