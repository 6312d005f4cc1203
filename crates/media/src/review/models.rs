//! The two models that are shipped inside the program, and the runtime that runs them.

use std::sync::OnceLock;

use rten::Model;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use sha2::{Digest, Sha256};

use crate::stills::{Frame, MODEL_SIDE};

use super::{Classifier, ClassifyError, ModelIdentity, Scores};

const FIRST: &str = "nsfw-mobilenetv2-140-u8w";
const SECOND: &str = "open-nsfw-f16w";
static FIRST_FILE: &[u8] = include_bytes!("../../../../models/nsfw-mobilenetv2-140-u8w.onnx");
static SECOND_FILE: &[u8] = include_bytes!("../../../../models/open-nsfw-f16w.onnx");

/// Below this sum of porn and hentai the fused score cannot reach 0.60 whatever the second model says
/// (`sqrt(0.36 * 1)`), so it need not be asked.
const SUSPICIOUS: f32 = 0.36;

/// What the second model subtracts from blue, green and red.
const MEANS: [f32; 3] = [104.0, 117.0, 123.0];

/// What a black frame scores, from `models/golden.json`.
const BLACK_HENTAI: f32 = 0.022_523;
const BLACK_NEUTRAL: f32 = 0.950_719;
const BLACK_NSFW: f32 = 0.066_635;

/// When the second model is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Only about frames where its answer can matter. Gives the same verdict for less work.
    WhereItMatters,
    /// About every frame, as [`super::Thresholds::strict`] needs it.
    Both,
}

/// MobileNetV2 (GantMan/nsfw_model) and Yahoo's open_nsfw, loaded at the first frame.
#[derive(Debug)]
pub struct NsfwModels {
    precision: Precision,
    first: Loaded,
    second: Loaded,
}

#[derive(Debug)]
struct Loaded {
    name: &'static str,
    file: &'static [u8],
    model: OnceLock<Result<Model, String>>,
    sha256: OnceLock<String>,
}

impl NsfwModels {
    /// Loads nothing yet.
    pub fn new(precision: Precision) -> Self {
        Self { precision, first: Loaded::new(FIRST, FIRST_FILE), second: Loaded::new(SECOND, SECOND_FILE) }
    }

    /// Scores a black frame with both models and compares with what they are known to give: whether this machine's
    /// processor and this build compute what was reviewed.
    pub fn self_test(&self) -> Result<Vec<ModelIdentity>, ClassifyError> {
        let black = vec![0; MODEL_SIDE * MODEL_SIDE * 3];
        let [_, hentai, neutral, ..] = self.first.run::<5>(first_input(&black))?;
        let [_, nsfw] = self.second.run::<2>(second_input(&black))?;
        self.first.expect(hentai, BLACK_HENTAI)?;
        self.first.expect(neutral, BLACK_NEUTRAL)?;
        self.second.expect(nsfw, BLACK_NSFW)?;
        Ok(self.models())
    }
}

impl Classifier for NsfwModels {
    fn classify(&self, frame: &Frame) -> Result<Scores, ClassifyError> {
        let [drawing, hentai, neutral, porn, sexy] = self.first.run(first_input(frame.squashed()))?;
        let ask = self.precision == Precision::Both || porn + hentai >= SUSPICIOUS;
        let nsfw = if ask {
            let [_safe, nsfw] = self.second.run(second_input(frame.centre()))?;
            Some(nsfw)
        } else {
            None
        };
        Ok(Scores { drawing, hentai, neutral, porn, sexy, nsfw })
    }

    fn models(&self) -> Vec<ModelIdentity> {
        [&self.first, &self.second].map(Loaded::identity).to_vec()
    }
}

impl Loaded {
    fn new(name: &'static str, file: &'static [u8]) -> Self {
        Self { name, file, model: OnceLock::new(), sha256: OnceLock::new() }
    }

    fn expect(&self, found: f32, expected: f32) -> Result<(), ClassifyError> {
        if (found - expected).abs() < 1e-3 {
            return Ok(());
        }
        let reason = format!("a black frame scores {found} instead of {expected}");
        Err(ClassifyError { doing: "trust", model: self.name, reason })
    }

    fn identity(&self) -> ModelIdentity {
        let sha256 = self.sha256.get_or_init(|| hex::encode(Sha256::digest(self.file))).clone();
        ModelIdentity { name: self.name, sha256 }
    }

    fn run<const N: usize>(&self, input: NdTensor<f32, 4>) -> Result<[f32; N], ClassifyError> {
        let error = |doing, reason: String| ClassifyError { doing, model: self.name, reason };
        let load = || Model::load_static_slice(self.file).map_err(|error| error.to_string());
        let model = self.model.get_or_init(load).as_ref().map_err(|reason| error("load", reason.clone()))?;
        let output = model.run_one(input.into(), None).map_err(|failed| error("run", failed.to_string()))?;
        let output: NdTensor<f32, 2> =
            output.try_into().map_err(|_| error("run", "unexpected output".to_owned()))?;
        let scores = output.to_vec();
        let scores: [f32; N] =
            scores.try_into().map_err(|_| error("run", "unexpected number of scores".to_owned()))?;
        if scores.iter().all(|score| score.is_finite()) {
            Ok(scores)
        } else {
            Err(error("run", "scores are not numbers".to_owned()))
        }
    }
}

const SHAPE: [usize; 4] = [1, MODEL_SIDE, MODEL_SIDE, 3];

/// RGB from 0 to 1.
fn first_input(rgb: &[u8]) -> NdTensor<f32, 4> {
    NdTensor::from_data(SHAPE, rgb.iter().map(|&value| f32::from(value) / 255.0).collect::<Vec<f32>>())
}

/// BGR less the means.
fn second_input(rgb: &[u8]) -> NdTensor<f32, 4> {
    let pixel = |rgb: &[u8]| [rgb[2], rgb[1], rgb[0]];
    let values = rgb.chunks_exact(3).flat_map(pixel).zip(MEANS.iter().cycle());
    NdTensor::from_data(SHAPE, values.map(|(value, mean)| f32::from(value) - mean).collect::<Vec<f32>>())
}
