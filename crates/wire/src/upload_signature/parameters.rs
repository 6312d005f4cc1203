//! What a signature says: the parameters of wire reference 1.2, their encoding and their rules.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Refusal, sign_original};

/// Longest validity, seconds (90 days).
pub const MAX_VALIDITY: i64 = 7_776_000;
/// How far `currentTimeStamp` may lie in the server's future, seconds (wire reference 1.4, step 6).
pub const FUTURE_TOLERANCE: i64 = 300;
/// Largest accepted `random`. The limit is 2^32 - 1, but the vendor's own sample can yield 2^32.
pub const MAX_RANDOM: u64 = 1 << 32;
/// Longest `sourceContext`, characters.
pub const MAX_SOURCE_CONTEXT: usize = 250;
/// Longest `sessionContext`, characters.
pub const MAX_SESSION_CONTEXT: usize = 1000;
/// Longest `procedure`, characters: names have 20, the legacy call expressions are longer.
const MAX_PROCEDURE: usize = 512;

/// RFC 3986 unreserved characters stay.
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The parameters of a signature. An empty value counts as absent (wire reference 1.3).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    /// `secretId`: picks the account and its SecretKey.
    pub secret_id: String,
    /// `currentTimeStamp`: start of validity, Unix seconds.
    pub current_time_stamp: i64,
    /// `expireTime`: end of validity, Unix seconds.
    pub expire_time: i64,
    /// `random`: makes signatures distinct.
    pub random: u64,
    /// `procedure`: task flow template name, or a legacy call expression.
    pub procedure: Option<String>,
    /// `taskPriority`: -10 to 10, 0 when absent.
    pub task_priority: i64,
    /// `taskNotifyMode`: `Finish`, `Change` or `None`.
    pub task_notify_mode: Option<String>,
    /// `classId`: media category, 0 when absent.
    pub class_id: i64,
    /// `vodSubAppId`: target application; absent, empty and 0 mean the main one.
    pub vod_sub_app_id: Option<i64>,
    /// `oneTimeValid`: opens one upload only.
    pub one_time_valid: bool,
    /// `sourceContext`: returned in NewFileUpload.
    pub source_context: Option<String>,
    /// `sessionContext`: returned in ProcedureStateChanged.
    pub session_context: Option<String>,
    /// `storageRegion`: forces the storage region.
    pub storage_region: Option<String>,
    /// `reelgate`: our own parameter, a [`Permission`](crate::permission::Permission) as text, opaque here.
    pub reelgate: Option<String>,
}

impl Parameters {
    /// The query string to be signed: the required parameters, then those that are set, RFC 3986 encoded.
    pub fn to_original(&self) -> String {
        // Room for what is usual; longer contexts make it grow.
        let mut original = String::with_capacity(512);
        push(&mut original, "secretId", &self.secret_id);
        push_number(&mut original, "currentTimeStamp", self.current_time_stamp);
        push_number(&mut original, "expireTime", self.expire_time);
        push_number(&mut original, "random", self.random);
        push_set(&mut original, "procedure", self.procedure.as_deref());
        if self.task_priority != 0 {
            push_number(&mut original, "taskPriority", self.task_priority);
        }
        push_set(&mut original, "taskNotifyMode", self.task_notify_mode.as_deref());
        if self.class_id != 0 {
            push_number(&mut original, "classId", self.class_id);
        }
        if let Some(app) = self.vod_sub_app_id.filter(|app| *app != 0) {
            push_number(&mut original, "vodSubAppId", app);
        }
        if self.one_time_valid {
            push(&mut original, "oneTimeValid", "1");
        }
        push_set(&mut original, "sourceContext", self.source_context.as_deref());
        push_set(&mut original, "sessionContext", self.session_context.as_deref());
        push_set(&mut original, "storageRegion", self.storage_region.as_deref());
        push_set(&mut original, "reelgate", self.reelgate.as_deref());
        original
    }

    /// Makes the signature.
    pub fn sign(&self, secret_key: &[u8]) -> String {
        sign_original(secret_key, &self.to_original())
    }

    /// Steps 5 to 7 of wire reference 1.4 at the server's time `now`, Unix seconds.
    pub fn check_window(&self, now: i64) -> Result<(), Refusal> {
        let (start, end) = (self.current_time_stamp, self.expire_time);
        if end <= start {
            return Err(Refusal::Window(format!("expireTime {end} is not after currentTimeStamp {start}")));
        }
        if end.saturating_sub(start) > MAX_VALIDITY {
            return Err(Refusal::Window(format!(
                "expireTime {end} is {} s after currentTimeStamp {start}, more than the {MAX_VALIDITY} s allowed",
                end.saturating_sub(start)
            )));
        }
        if start.saturating_sub(now) > FUTURE_TOLERANCE {
            return Err(Refusal::Window(format!(
                "currentTimeStamp {start} is {} s ahead of the server's time {now}, more than the {FUTURE_TOLERANCE} s allowed; \
                 check the clock of the signing machine",
                start.saturating_sub(now)
            )));
        }
        if now >= end {
            return Err(Refusal::Expired { expire_time: end, now });
        }
        Ok(())
    }

    /// Step 9 of wire reference 1.4, as far as it needs no rows: ranges and lengths.
    pub fn check_ranges(&self) -> Result<(), Refusal> {
        let refuse = |sentence: String| Err(Refusal::OutOfRange(sentence));
        if self.random > MAX_RANDOM {
            return refuse(format!("random {} is above 4294967295", self.random));
        }
        if !(-10..=10).contains(&self.task_priority) {
            return refuse(format!("taskPriority {} is outside -10 to 10", self.task_priority));
        }
        if self.class_id < 0 {
            return refuse(format!("classId {} is negative", self.class_id));
        }
        if let Some(mode) = &self.task_notify_mode
            && !["Finish", "Change", "None"].contains(&mode.as_str())
        {
            return refuse(format!("taskNotifyMode {} is none of Finish, Change, None", shown(mode)));
        }
        for (name, value, most) in [
            ("sourceContext", &self.source_context, MAX_SOURCE_CONTEXT),
            ("sessionContext", &self.session_context, MAX_SESSION_CONTEXT),
            ("procedure", &self.procedure, MAX_PROCEDURE),
        ] {
            let length = value.as_deref().map_or(0, |value| value.chars().count());
            if length > most {
                return refuse(format!("{name} has {length} characters, more than the {most} allowed"));
            }
            if value.as_deref().is_some_and(|value| value.contains('\0')) {
                return refuse(format!("{name} holds a NUL character, which cannot be stored"));
            }
        }
        match &self.storage_region {
            Some(region) if !is_region(region) => {
                refuse(format!("storageRegion {} is not a region name such as ap-guangzhou", shown(region)))
            }
            _ => Ok(()),
        }
    }
}

fn push(original: &mut String, name: &str, value: &str) {
    if !original.is_empty() {
        original.push('&');
    }
    original.push_str(name);
    original.push('=');
    original.extend(utf8_percent_encode(value, RESERVED));
}

fn push_number(original: &mut String, name: &str, value: impl std::fmt::Display) {
    push(original, name, "");
    // Writing to a string does not fail.
    let _ = write!(original, "{value}");
}

fn push_set(original: &mut String, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        push(original, name, value);
    }
}

/// Whether `text` has the form of a region's short name.
pub fn is_region(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A stranger's value in our sentence: quoted, control characters escaped, cut.
pub(crate) fn shown(value: &str) -> String {
    const MOST: usize = 64;
    if value.chars().count() <= MOST {
        return format!("{value:?}");
    }
    format!("{:?}…", value.chars().take(MOST).collect::<String>())
}
