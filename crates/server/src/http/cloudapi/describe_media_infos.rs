//! `DescribeMediaInfos`.

use reelgate_wire::cloudapi::{DescribeMediaInfos, DescribedMediaInfos};
use serde_json::Value;

use super::actions::{Call, content};
use super::failed::Failed;
use super::media_info::media_info;
use crate::library::catalogue;

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    let asked = DescribeMediaInfos::read(fields)?;
    let mut found = DescribedMediaInfos { media_info_set: Vec::new(), not_exist_file_id_set: Vec::new() };
    for text in asked.file_ids {
        let whole = match text.parse() {
            Ok(file) => catalogue::present(&app, &scope, file).await?,
            Err(_) => None,
        };
        match whole {
            Some(whole) => found.media_info_set.push(media_info(&app, whole, &asked.filters)?),
            None => found.not_exist_file_id_set.push(text),
        }
    }
    content(&found)
}
