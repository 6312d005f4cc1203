//! The table of actions: one line here and one file beside it for each.

use std::pin::Pin;

use reelgate_model::Scope;
use reelgate_wire::cloudapi::Fields;
use serde::Serialize;
use serde_json::Value;

use super::failed::Failed;
use super::{
    confirm_events, delete_media, describe_event_config, describe_media_infos, describe_task_detail,
    modify_event_config, pull_events, search_media,
};
use crate::app::App;

/// Every action, by the vendor's name. An answer may take its time: PullEvents holds requests for 5 s.
const ACTIONS: &[Action] = &[
    Action { name: "ConfirmEvents", answer: |call| Box::pin(confirm_events::answer(call)) },
    Action { name: "DeleteMedia", answer: |call| Box::pin(delete_media::answer(call)) },
    Action { name: "DescribeEventConfig", answer: |call| Box::pin(describe_event_config::answer(call)) },
    Action { name: "DescribeMediaInfos", answer: |call| Box::pin(describe_media_infos::answer(call)) },
    Action { name: "DescribeTaskDetail", answer: |call| Box::pin(describe_task_detail::answer(call)) },
    Action { name: "ModifyEventConfig", answer: |call| Box::pin(modify_event_config::answer(call)) },
    Action { name: "PullEvents", answer: |call| Box::pin(pull_events::answer(call)) },
    Action { name: "SearchMedia", answer: |call| Box::pin(search_media::answer(call)) },
];

/// One call whose signature was verified.
pub(super) struct Call {
    pub app: App,
    /// The application that `SubAppId` picked; the caller's key reaches it.
    pub scope: Scope,
    /// The parameters besides `SubAppId`.
    pub fields: Fields,
    /// Who asks, for the audit.
    pub remote: String,
}

type Answer = Pin<Box<dyn Future<Output = Result<Value, Failed>> + Send>>;

/// One action.
pub(super) struct Action {
    pub name: &'static str,
    /// Answers a call with the members of `Response`; null for none.
    pub answer: fn(Call) -> Answer,
}

impl Action {
    /// The action with this name.
    pub(super) fn of(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }

    /// All names.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        ACTIONS.iter().map(|action| action.name)
    }
}

/// What an action answers, from its structure.
pub(super) fn content(structure: &impl Serialize) -> Result<Value, Failed> {
    serde_json::to_value(structure).map_err(|error| Failed::Internal(error.into()))
}
