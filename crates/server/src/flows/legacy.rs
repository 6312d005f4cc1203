//! Call expressions in place of a procedure's name (wire reference 6.4), read leniently.
//!
//! Known are `QCVB_SimpleProcessFile(transcode, watermark, cover, sampleSnapshot)` and
//! `QCVB_ProcessUGCFile(transcode, watermark, cover, aiReview)`. An argument is an id, a set `{210,220}`, or 0 for
//! none. Sampled snapshots are not offered and have no result to refuse; the review goes on beside the other steps.

use super::plan::{Item, Kind};
use super::reason::Reason;

/// The results of an expression; `None` if it is not one.
pub(super) fn items(expression: &str) -> Option<Vec<Item>> {
    let (name, rest) = expression.trim().split_once('(')?;
    let arguments = arguments(rest.trim_end().strip_suffix(')')?);
    let argument = |place: usize| arguments.get(place).map_or(&[][..], Vec::as_slice);
    let review = match name.trim() {
        "QCVB_SimpleProcessFile" => &[][..],
        "QCVB_ProcessUGCFile" => argument(3),
        _ => return None,
    };
    let marked = !argument(1).is_empty();
    let mut items: Vec<Item> = argument(0).iter().map(|id| transcode(*id, marked)).collect();
    items.extend(argument(2).iter().map(|id| Item::new(Kind::Cover, *id)));
    for id in review {
        let kinds = [Kind::ReviewPorn, Kind::ReviewTerrorism, Kind::ReviewPolitical];
        items.extend(kinds.map(|kind| Item::new(kind, *id)));
    }
    Some(items)
}

fn transcode(id: u32, marked: bool) -> Item {
    let item = Item::new(Kind::Transcode, id);
    if marked {
        item.refused(Reason::ConfigurationUnsupported, "watermarks are not offered by this server")
    } else if id == 1 {
        let message =
            "1 means \"as configured in the vendor's console\", which this server has not; name templates";
        item.refused(Reason::ConfigurationUnsupported, message)
    } else {
        item
    }
}

/// The ids of each argument, without zeros and whatever is no number.
fn arguments(text: &str) -> Vec<Vec<u32>> {
    let mut arguments = vec![Vec::new()];
    let (mut digits, mut inside) = (String::new(), false);
    for character in text.chars().chain([',']) {
        match character {
            '{' => inside = true,
            '}' => inside = false,
            ',' => {
                let id = digits.trim().parse::<u32>().ok().filter(|id| *id != 0);
                digits.clear();
                if let Some(current) = arguments.last_mut() {
                    current.extend(id);
                }
                if !inside {
                    arguments.push(Vec::new());
                }
            }
            other => digits.push(other),
        }
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn arguments_are_ids_and_sets() {
        assert_eq!(arguments("{210, 220},0,10")[..3], [vec![210, 220], vec![], vec![10]]);
        assert_eq!(arguments("{1,1,1,1}")[0], [1, 1, 1, 1]);
        assert!(arguments("").iter().all(Vec::is_empty));
        assert!(items("LongVideoPreset").is_none());
        assert!(items("Other(1)").is_none());
    }

    #[test]
    fn what_is_not_offered_is_refused() {
        let refused = |expression: &str| {
            let items = items(expression).unwrap();
            items[0].refusal.as_ref().map(|refusal| refusal.reason)
        };
        assert_eq!(refused("QCVB_SimpleProcessFile(100030,0,0,0)"), None);
        assert_eq!(refused("QCVB_SimpleProcessFile(100030,5)"), Some(Reason::ConfigurationUnsupported));
        assert_eq!(refused("QCVB_SimpleProcessFile({1,1,1,1})"), Some(Reason::ConfigurationUnsupported));
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in ".{0,60}|QCVB_ProcessUGCFile\\([0-9{},() ]{0,40}\\)?") {
            let _ = items(&text);
        }
    }
}
