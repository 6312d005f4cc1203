//! `DescribeEventConfig`.

use reelgate_wire::cloudapi::{DescribedEventConfig, switch_word};
use serde_json::Value;

use super::actions::{Call, content};
use super::failed::Failed;
use crate::events::vendor_config;

pub(super) async fn answer(call: Call) -> Result<Value, Failed> {
    let Call { app, scope, fields, .. } = call;
    fields.finish()?;
    let config = vendor_config::get(&app, &scope).await?;
    content(&DescribedEventConfig {
        mode: config.mode.as_str(),
        notification_url: config.notification_url,
        upload_media_complete_event_switch: switch_word(config.upload_switch),
        delete_media_complete_event_switch: switch_word(config.delete_switch),
    })
}
