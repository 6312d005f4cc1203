//! `SearchMedia`.

use jiff::Timestamp;
use reelgate_model::Time;
use reelgate_store::MediaSearch;
use reelgate_wire::cloudapi::{Code, FoundMedia, Refusal, SearchMedia};
use serde_json::Value;

use super::actions::{Call, content};
use super::failed::Failed;
use super::media_info::media_info;
use crate::library::catalogue;

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    let asked = SearchMedia::read(fields)?;
    let from = asked.created_from.as_deref().map(|text| time("After", text)).transpose()?;
    let until = asked.created_until.as_deref().map(|text| time("Before", text)).transpose()?;
    let search = MediaSearch {
        // What is no FileId is the FileId of nothing.
        files: asked.file_ids.iter().filter_map(|text| text.parse().ok()).collect(),
        name_prefixes: asked.name_prefixes,
        from,
        // Whole seconds, as everything that is shown of it: the last one belongs to it.
        until: until.map(|time| Time(time.0.saturating_add(999))),
        ascending: asked.ascending,
    };
    if search.files.is_empty() && !asked.file_ids.is_empty() {
        return content(&FoundMedia { total_count: 0, media_info_set: Vec::new() });
    }
    let (total_count, found) = catalogue::search(&app, &scope, &search, asked.offset, asked.limit).await?;
    let infos = found.into_iter().map(|whole| media_info(&app, whole, &asked.filters));
    content(&FoundMedia { total_count, media_info_set: infos.collect::<Result<_, _>>()? })
}

fn time(name: &str, text: &str) -> Result<Time, Refusal> {
    let stamp: Timestamp = text.parse().map_err(|_| {
        let sentence = format!("CreateTime.{name} {text:.64?} is not a time such as 2026-11-27T00:00:00Z");
        Refusal::new(Code::InvalidParameterValue, sentence)
    })?;
    Ok(Time(stamp.as_millisecond()))
}
