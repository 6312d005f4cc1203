//! Procedures: named task flows, the two built-in ones and those of the configuration.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A procedure as the configuration writes it, and as the built-in ones are written here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcedureDefinition {
    /// The name that signatures carry, at most 20 characters (vendor document 266/33819).
    pub name: String,
    /// What it is for, shown to people.
    #[serde(default)]
    pub comment: String,
    /// Another procedure that this name stands for; everything else must then be empty.
    #[serde(default)]
    pub alias_of: Option<String>,
    /// Adaptive streaming templates (`AdaptiveDynamicStreamingTaskSet`).
    #[serde(default)]
    pub adaptive: Vec<u32>,
    /// Transcode templates (`TranscodeTaskSet`).
    #[serde(default)]
    pub transcode: Vec<u32>,
    /// Cover by snapshot at 0 s with this template (`CoverBySnapshotTaskSet`).
    #[serde(default)]
    pub cover: Option<u32>,
    /// Sprite template (`ImageSpriteTaskSet`).
    #[serde(default)]
    pub sprite: Option<u32>,
    /// Porn review as an `AiContentReviewTask`.
    #[serde(default)]
    pub review: Option<ReviewMode>,
}

/// How strict the review of a procedure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewMode {
    /// The two-model rule.
    Normal,
    /// Either model alone is enough to ask a person.
    Strict,
}

/// Adaptive template of the vendor: HLS, plain (wire reference 6.2).
pub(crate) const ADAPTIVE_VENDOR: u32 = 10;
/// Our adaptive template: HLS 720p + 360p.
pub(crate) const ADAPTIVE_SHORT: u32 = 900_020;
/// MP4 with a short side of 720 (wire reference 6.2).
pub(crate) const MP4_720: u32 = 100_030;
/// Our content review template: porn only.
pub const REVIEW_PORN: u32 = 900_010;

/// All procedures that this server knows, by name.
#[derive(Debug)]
pub struct Procedures(BTreeMap<String, ProcedureDefinition>);

impl Procedures {
    /// The built-in ones with `own` over them. Errors are sentences for the operator.
    pub fn new(own: Vec<ProcedureDefinition>) -> Result<Self, String> {
        let mut all: BTreeMap<_, _> = built_in().into_iter().map(|one| (one.name.clone(), one)).collect();
        for definition in own {
            check(&definition)?;
            if built_in().iter().any(|preset| preset.name == definition.name) {
                return Err(format!("procedure {:?} is built in and cannot be redefined", definition.name));
            }
            if all.insert(definition.name.clone(), definition.clone()).is_some() {
                return Err(format!("procedure {:?} is defined twice", definition.name));
            }
        }
        let procedures = Self(all);
        for name in procedures.0.keys() {
            procedures.resolve(name).ok_or_else(|| format!("procedure {name:?} is an alias of nothing"))?;
        }
        Ok(procedures)
    }

    /// The definition behind `name`, aliases followed.
    pub fn resolve(&self, name: &str) -> Option<&ProcedureDefinition> {
        let mut found = self.0.get(name)?;
        for _ in 0..self.0.len() {
            match &found.alias_of {
                None => return Some(found),
                Some(next) => found = self.0.get(next)?,
            }
        }
        None
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &ProcedureDefinition> {
        self.0.values()
    }
}

fn check(definition: &ProcedureDefinition) -> Result<(), String> {
    let ProcedureDefinition { name, adaptive, transcode, alias_of, .. } = definition;
    if name.is_empty() || name.chars().count() > 20 {
        return Err(format!("procedure name {name:?} must have 1 to 20 characters"));
    }
    if let Some(unknown) = adaptive.iter().find(|id| ![ADAPTIVE_VENDOR, ADAPTIVE_SHORT].contains(id)) {
        return Err(format!(
            "procedure {name:?}: adaptive template {unknown} is not known; use 10 or 900020"
        ));
    }
    if let Some(unknown) = transcode.iter().find(|id| **id != MP4_720) {
        return Err(format!("procedure {name:?}: transcode template {unknown} is not known; use 100030"));
    }
    let own_work = !adaptive.is_empty()
        || !transcode.is_empty()
        || definition.cover.is_some()
        || definition.sprite.is_some()
        || definition.review.is_some();
    if alias_of.is_some() == own_work {
        return Err(format!("procedure {name:?} must either be an alias or name at least one template"));
    }
    Ok(())
}

fn built_in() -> [ProcedureDefinition; 2] {
    [
        ProcedureDefinition {
            name: "LongVideoPreset".to_owned(),
            comment: "the vendor's preset: HLS at every size up to the source, sprite, cover".to_owned(),
            alias_of: None,
            adaptive: vec![ADAPTIVE_VENDOR],
            transcode: vec![],
            cover: Some(10),
            sprite: Some(10),
            review: None,
        },
        ProcedureDefinition {
            name: "ReelgateShortVideo".to_owned(),
            comment: "short video: HLS 720p + 360p, MP4 720p, cover, sprite, porn review".to_owned(),
            alias_of: None,
            adaptive: vec![ADAPTIVE_SHORT],
            transcode: vec![MP4_720],
            cover: Some(10),
            sprite: Some(10),
            review: Some(ReviewMode::Normal),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(name: &str, of: &str) -> ProcedureDefinition {
        ProcedureDefinition {
            name: name.to_owned(),
            comment: String::new(),
            alias_of: Some(of.to_owned()),
            adaptive: vec![],
            transcode: vec![],
            cover: None,
            sprite: None,
            review: None,
        }
    }

    #[test]
    fn aliases_are_followed_and_broken_or_circular_ones_refused() {
        let procedures = Procedures::new(vec![alias("ours", "LongVideoPreset")]).unwrap();
        assert_eq!(procedures.resolve("ours").unwrap().name, "LongVideoPreset");
        assert!(procedures.resolve("nothing").is_none());
        for bad in [
            vec![alias("a", "b"), alias("b", "a")],
            vec![alias("a", "zzz")],
            vec![alias("LongVideoPreset", "x")],
        ] {
            assert!(Procedures::new(bad).is_err());
        }
    }
}
