//! The event actions: `PullEvents`, `ConfirmEvents` (vendor documents 266/33433, 266/33434), `DescribeEventConfig` and
//! `ModifyEventConfig` (wire reference 4.4 and 5.2).

use serde::Serialize;
use serde_json::Value;

use super::{Code, Fields, Refusal};
use crate::vod::callback_sign;

/// Most handles of one confirmation.
pub const MOST_HANDLES: usize = 16;
/// Longest NotificationUrl.
const MOST_URL: usize = 1024;

/// `PullEvents`: nothing is asked but the application.
pub fn read_pull_events(mut fields: Fields) -> Result<(), Refusal> {
    // Unused by the vendor.
    fields.text("ExtInfo")?;
    fields.finish()
}

/// Answer to `PullEvents`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PulledEvents {
    /// Each an EventContent with its handle. Never null.
    pub event_set: Vec<Value>,
}

/// `ConfirmEvents`: 1 to [`MOST_HANDLES`] handles.
pub fn read_confirm_events(mut fields: Fields) -> Result<Vec<String>, Refusal> {
    let handles = fields.texts("EventHandles")?.ok_or_else(|| Refusal::missing("EventHandles"))?;
    fields.text("ExtInfo")?;
    fields.finish()?;
    if (1..=MOST_HANDLES).contains(&handles.len()) {
        return Ok(handles);
    }
    let sentence = format!("EventHandles has {} elements; 1 to {MOST_HANDLES} are taken", handles.len());
    Err(Refusal::new(Code::InvalidParameterValue, sentence))
}

/// Who gets an application's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventMode {
    /// They are posted to the NotificationUrl.
    Push,
    /// They are pulled.
    Pull,
}

impl EventMode {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "PUSH",
            Self::Pull => "PULL",
        }
    }

    /// By its word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Push, Self::Pull].into_iter().find(|mode| mode.as_str() == word)
    }
}

/// `ModifyEventConfig`: what is left out stays.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ModifyEventConfig {
    /// Who gets the events.
    pub mode: Option<EventMode>,
    /// Where to; empty: nowhere.
    pub notification_url: Option<String>,
    /// Whether uploads are told.
    pub upload_switch: Option<bool>,
    /// Whether deletions are told.
    pub delete_switch: Option<bool>,
    /// What callbacks are signed with; empty: they are not.
    pub sign_key: Option<String>,
}

impl std::fmt::Debug for ModifyEventConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModifyEventConfig").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl ModifyEventConfig {
    /// Reads the parameters.
    pub fn read(mut fields: Fields) -> Result<Self, Refusal> {
        let bad = |sentence: String| Refusal::new(Code::InvalidParameterValue, sentence);
        let mode = fields.text("Mode")?.filter(|word| !word.is_empty());
        let mode = mode
            .map(|word| {
                EventMode::parse(&word)
                    .ok_or_else(|| bad(format!("Mode {word:.32?} is neither PUSH nor PULL")))
            })
            .transpose()?;
        let notification_url = fields.text("NotificationUrl")?;
        if notification_url.as_ref().is_some_and(|url| url.len() > MOST_URL) {
            return Err(bad(format!("NotificationUrl has more than {MOST_URL} characters")));
        }
        let sign_key = fields.text("SignKey")?;
        if sign_key.as_ref().is_some_and(|key| !key.is_empty() && !callback_sign::is_key(key)) {
            return Err(bad("SignKey is not at most 32 letters and digits".to_owned()));
        }
        let modify = Self {
            mode,
            notification_url,
            upload_switch: switch(&mut fields, "UploadMediaCompleteEventSwitch")?,
            delete_switch: switch(&mut fields, "DeleteMediaCompleteEventSwitch")?,
            sign_key,
        };
        fields.finish()?;
        Ok(modify)
    }
}

fn switch(fields: &mut Fields, name: &str) -> Result<Option<bool>, Refusal> {
    match fields.text(name)?.as_deref() {
        None | Some("") => Ok(None),
        Some("ON") => Ok(Some(true)),
        Some("OFF") => Ok(Some(false)),
        Some(other) => {
            let sentence = format!("{name} {other:.32?} is neither ON nor OFF");
            Err(Refusal::new(Code::InvalidParameterValue, sentence))
        }
    }
}

/// Answer to `DescribeEventConfig`. The SignKey is never told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribedEventConfig {
    /// `PUSH` or `PULL`.
    pub mode: &'static str,
    /// Empty: nowhere.
    pub notification_url: String,
    /// `ON` or `OFF`.
    pub upload_media_complete_event_switch: &'static str,
    /// `ON` or `OFF`.
    pub delete_media_complete_event_switch: &'static str,
}

/// The word of a switch.
pub fn switch_word(on: bool) -> &'static str {
    if on { "ON" } else { "OFF" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: &str) -> Fields {
        Fields::of_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn handles_are_one_to_sixteen() {
        assert_eq!(read_confirm_events(fields(r#"{"EventHandles":["a"]}"#)).unwrap(), ["a"]);
        let many = serde_json::json!({"EventHandles": vec!["a"; 17]}).to_string();
        for bad in [r#"{"EventHandles":[]}"#, &many, "{}", r#"{"EventHandles":"a"}"#] {
            assert!(read_confirm_events(fields(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_configuration_is_read_and_bad_words_are_refused() {
        let all = r#"{"Mode":"PULL","NotificationUrl":"","UploadMediaCompleteEventSwitch":"ON",
            "DeleteMediaCompleteEventSwitch":"OFF","SignKey":"AbC123"}"#;
        let modify = ModifyEventConfig::read(fields(all)).unwrap();
        assert_eq!((modify.mode, modify.notification_url.as_deref()), (Some(EventMode::Pull), Some("")));
        assert_eq!((modify.upload_switch, modify.delete_switch), (Some(true), Some(false)));
        assert!(!format!("{modify:?}").contains("AbC123"), "the key is a secret");
        for bad in [
            r#"{"Mode":"push"}"#,
            r#"{"UploadMediaCompleteEventSwitch":"on"}"#,
            r#"{"SignKey":"a b"}"#,
            r#"{"SignKey":"123456789012345678901234567890123"}"#,
            r#"{"Nonsense":1}"#,
        ] {
            assert!(ModifyEventConfig::read(fields(bad)).is_err(), "{bad}");
        }
    }
}
