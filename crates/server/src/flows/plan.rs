//! From the name of a procedure to the results it is to produce. Pure.

use reelgate_media::encode::templates;
use serde_json::{Value, json};

use super::legacy;
use super::reason::{Reason, Refusal};
use super::{CONCLUDE, STILLS, TRANSCODE};
use crate::config::{ProcedureDefinition, Procedures, REVIEW_PORN, ReviewMode};

/// The cover and the sprite template that exist (wire reference 6.2).
const SNAPSHOT_TEMPLATE: u32 = 10;
/// More results than any procedure of the vendor has; an expression that names more is cut.
const MOST_ITEMS: usize = 32;

/// What a result is; the words are the vendor's, with reviews as `Review.{type}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Transcode,
    Adaptive,
    Cover,
    Sprite,
    ReviewPorn,
    ReviewTerrorism,
    ReviewPolitical,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Transcode,
        Self::Adaptive,
        Self::Cover,
        Self::Sprite,
        Self::ReviewPorn,
        Self::ReviewTerrorism,
        Self::ReviewPolitical,
    ];

    /// The word in rows and facts.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Transcode => "Transcode",
            Self::Adaptive => "AdaptiveDynamicStreaming",
            Self::Cover => "CoverBySnapshot",
            Self::Sprite => "ImageSprites",
            Self::ReviewPorn => "Review.Porn",
            Self::ReviewTerrorism => "Review.Terrorism",
            Self::ReviewPolitical => "Review.Political",
        }
    }

    /// The kind behind a word of a row.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    fn step(self) -> &'static str {
        match self {
            Self::Transcode | Self::Adaptive => TRANSCODE,
            Self::Cover | Self::Sprite | Self::ReviewPorn => STILLS,
            Self::ReviewTerrorism | Self::ReviewPolitical => CONCLUDE,
        }
    }
}

/// One result of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub kind: Kind,
    pub definition: u32,
    /// What is asked beyond the template.
    pub input: Value,
    /// Why it will not be made.
    pub refusal: Option<Refusal>,
}

impl Item {
    /// A result as its template describes it; refused when there is no such template, or nobody makes it.
    pub(super) fn new(kind: Kind, definition: u32) -> Self {
        let known = match kind {
            Kind::Transcode => templates::transcode(definition).is_some(),
            Kind::Adaptive => templates::adaptive(definition).is_some(),
            Kind::Cover | Kind::Sprite => definition == SNAPSHOT_TEMPLATE,
            Kind::ReviewPorn | Kind::ReviewTerrorism | Kind::ReviewPolitical => true,
        };
        let nobody = matches!(kind, Kind::ReviewTerrorism | Kind::ReviewPolitical);
        let refusal = if !known {
            let message = format!("{} template {definition} does not exist on this server", kind.as_str());
            Some(Refusal::new(Reason::DefinitionNotExist, message))
        } else if nobody {
            let message = "this server reviews pictures for pornography only; nobody ran this type of review";
            Some(Refusal::new(Reason::ConfigurationUnsupported, message))
        } else {
            None
        };
        let input = match kind {
            Kind::Cover => json!({ "position_type": "Time", "position_value": 0.0 }),
            Kind::Transcode
            | Kind::Adaptive
            | Kind::Sprite
            | Kind::ReviewPorn
            | Kind::ReviewTerrorism
            | Kind::ReviewPolitical => Value::Null,
        };
        Self { kind, definition, input, refusal }
    }

    pub(super) fn refused(mut self, reason: Reason, message: impl Into<String>) -> Self {
        self.refusal = Some(Refusal::new(reason, message));
        self
    }

    /// Kind of the job that produces it.
    pub(super) fn step(&self) -> &'static str {
        if self.refusal.is_some() { CONCLUDE } else { self.kind.step() }
    }
}

/// The input of a review that also listens to either model alone.
pub(super) const STRICT: &str = "strict";

/// What `procedure` is to produce of a source whose probe said `probe_error` (empty: readable). A name that nobody
/// knows gives one refused result, so that the mistake is seen in the task and in its event.
pub(super) fn items(procedures: &Procedures, procedure: &str, probe_error: &str) -> Vec<Item> {
    let mut items = match (procedures.resolve(procedure), legacy::items(procedure)) {
        (Some(definition), _) => of_definition(definition),
        (None, Some(items)) => items,
        (None, None) => {
            let message = format!(
                "procedure {procedure:?} does not exist; GET /v1/procedures lists those that do, and the \
                 configuration can add more"
            );
            vec![Item::new(Kind::Transcode, 0).refused(Reason::DefinitionNotExist, message)]
        }
    };
    let mut seen: Vec<(Kind, u32)> = Vec::new();
    items.retain(|item| {
        let key = (item.kind, item.definition);
        let first = !seen.contains(&key);
        seen.push(key);
        first
    });
    items.truncate(MOST_ITEMS);
    if !probe_error.is_empty() {
        let refusal = unreadable(probe_error);
        for item in items.iter_mut().filter(|item| item.refusal.is_none()) {
            item.refusal = Some(refusal.clone());
        }
    }
    items
}

fn unreadable(probe_error: &str) -> Refusal {
    let reason = Reason::of_probe_error(probe_error);
    let message = match reason {
        Reason::ContentUnsupported => "the source is of a format or size that is not taken",
        Reason::InternalError => "the source could not be looked at",
        _ => "the source is not media that can be read",
    };
    Refusal::new(reason, message)
}

fn of_definition(definition: &ProcedureDefinition) -> Vec<Item> {
    let many = |kind, ids: &[u32]| ids.iter().map(|id| Item::new(kind, *id)).collect::<Vec<_>>();
    let mut items = many(Kind::Adaptive, &definition.adaptive);
    items.extend(many(Kind::Transcode, &definition.transcode));
    items.extend(definition.cover.map(|id| Item::new(Kind::Cover, id)));
    items.extend(definition.sprite.map(|id| Item::new(Kind::Sprite, id)));
    items.extend(definition.review.map(|mode| {
        let mut item = Item::new(Kind::ReviewPorn, REVIEW_PORN);
        if mode == ReviewMode::Strict {
            item.input = json!({ STRICT: true });
        }
        item
    }));
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(procedure: &str, probe_error: &str, expected: &[(&str, u32, &str)]) {
        let procedures = Procedures::new(Vec::new()).unwrap();
        let items = items(&procedures, procedure, probe_error);
        let code = |item: &Item| item.refusal.as_ref().map_or(item.step(), |refusal| refusal.reason.code());
        let found: Vec<_> =
            items.iter().map(|item| (item.kind.as_str(), item.definition, code(item))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_built_in_procedures_are_what_the_design_says() {
        let long = [
            ("AdaptiveDynamicStreaming", 10, TRANSCODE),
            ("CoverBySnapshot", 10, STILLS),
            ("ImageSprites", 10, STILLS),
        ];
        check("LongVideoPreset", "", &long);
        let short = [
            ("AdaptiveDynamicStreaming", 900_020, TRANSCODE),
            ("Transcode", 100_030, TRANSCODE),
            ("CoverBySnapshot", 10, STILLS),
            ("ImageSprites", 10, STILLS),
            ("Review.Porn", 900_010, STILLS),
        ];
        check("ReelgateShortVideo", "", &short);
    }

    #[test]
    fn unknown_names_and_unreadable_sources_are_refused_where_it_can_be_seen() {
        check("Nothing", "", &[("Transcode", 0, "InvalidInput.DefinitionNotExist")]);
        let malformed = "SourceFileError.ContentMalformed";
        let expected = [
            ("AdaptiveDynamicStreaming", 10, malformed),
            ("CoverBySnapshot", 10, malformed),
            ("ImageSprites", 10, malformed),
        ];
        check("LongVideoPreset", "ContentMalformed", &expected);
    }

    #[test]
    fn call_expressions_are_understood_as_far_as_their_templates_exist() {
        let unsupported = "InvalidInput.ConfigurationUnsupported";
        let expected = [
            ("CoverBySnapshot", 10, STILLS),
            ("Review.Porn", 10, STILLS),
            ("Review.Terrorism", 10, unsupported),
            ("Review.Political", 10, unsupported),
        ];
        check("QCVB_ProcessUGCFile(0,0,10,10)", "", &expected);
        let expected =
            [("Transcode", 100_030, TRANSCODE), ("Transcode", 220, "InvalidInput.DefinitionNotExist")];
        check("QCVB_SimpleProcessFile({100030, 220,100030})", "", &expected);
        check("QCVB_SimpleProcessFile()", "", &[]);
    }
}
