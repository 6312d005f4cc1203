//! Many answers of the signature service as one row: how a segment is filled and read back.
//!
//! Its body is a line for each entry, `[at, id, user, caller, code, remote, permission, expires, detail]`, and a last
//! line with the words that callers and details stand for: most entries share them.

use std::io::Write;
use std::net::IpAddr;

use reelgate_model::{AppId, Time};
use serde_json::Value;

use crate::StoreError;
use crate::row::corrupt;

/// One answer of the signature service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureEntry {
    /// Its application.
    pub app: AppId,
    /// When.
    pub at: Time,
    /// Random and not negative: tells entries of one millisecond apart.
    pub id: i64,
    /// The application's own user; empty when unknown.
    pub user: String,
    /// Who asked.
    pub caller: String,
    /// `granted`, or the code of the refusal.
    pub code: String,
    /// The address it came from.
    pub remote: String,
    /// The permission that was granted; empty when none was.
    pub permission: String,
    /// When the permission ends, Unix seconds; 0 when none was granted.
    pub expire_time: i64,
    /// JSON: what was granted, or the sentence of the refusal.
    pub detail: Value,
}

/// One answer as it is added to a segment.
#[derive(Clone, Copy, Debug)]
pub struct SignatureLine<'a> {
    /// When.
    pub at: Time,
    /// Random and not negative.
    pub id: i64,
    /// The application's own user.
    pub user: &'a str,
    /// Who asked: a word of the segment.
    pub caller: usize,
    /// `granted`, or the code of the refusal.
    pub code: &'a str,
    /// The address it came from.
    pub remote: IpAddr,
    /// The permission that was granted.
    pub permission: &'a str,
    /// When it ends, Unix seconds.
    pub expire_time: i64,
    /// What was granted or why not: a word of the segment.
    pub detail: usize,
}

/// A segment that is being filled.
#[derive(Clone, Debug)]
pub struct SignatureSegment {
    app: AppId,
    /// Id of the first entry, and so of the segment.
    id: i64,
    begins_at: Time,
    ends_at: Time,
    users: Vec<u32>,
    words: Vec<String>,
    body: Vec<u8>,
}

impl SignatureSegment {
    /// An empty segment of `app`.
    pub fn new(app: AppId) -> Self {
        Self {
            app,
            id: 0,
            begins_at: Time(i64::MAX),
            ends_at: Time(i64::MIN),
            users: Vec::new(),
            words: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A segment of these entries.
    pub fn of(app: AppId, entries: &[SignatureEntry]) -> Self {
        let mut segment = Self::new(app);
        for entry in entries {
            let caller = segment.word_once(Value::from(entry.caller.as_str()).to_string());
            let detail = segment.word_once(entry.detail.to_string());
            let unspecified = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
            segment.push(SignatureLine {
                at: entry.at,
                id: entry.id,
                user: &entry.user,
                caller,
                code: &entry.code,
                remote: entry.remote.parse().unwrap_or(unspecified),
                permission: &entry.permission,
                expire_time: entry.expire_time,
                detail,
            });
        }
        segment
    }

    /// Adds a word, JSON on one line, and returns what stands for it.
    pub fn word(&mut self, json: String) -> usize {
        self.words.push(json);
        self.words.len() - 1
    }

    fn word_once(&mut self, json: String) -> usize {
        match self.words.iter().position(|word| *word == json) {
            Some(known) => known,
            None => self.word(json),
        }
    }

    /// Adds an entry.
    pub fn push(&mut self, line: SignatureLine<'_>) {
        if self.users.is_empty() {
            self.id = line.id;
        }
        self.begins_at = self.begins_at.min(line.at);
        self.ends_at = self.ends_at.max(line.at);
        self.users.push(hash(line.user));
        // Writing to memory does not fail, and text becomes JSON without exception.
        let body = &mut self.body;
        let _ = write!(body, "[{},{},", line.at.0, line.id);
        let _ = serde_json::to_writer(&mut *body, line.user);
        let SignatureLine { caller, code, remote, permission, expire_time, detail, .. } = line;
        let _ = writeln!(body, ",{caller},\"{code}\",\"{remote}\",\"{permission}\",{expire_time},{detail}]");
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    pub(crate) fn app(&self) -> AppId {
        self.app
    }

    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    pub(crate) fn begins_at(&self) -> Time {
        self.begins_at
    }

    pub(crate) fn ends_at(&self) -> Time {
        self.ends_at
    }

    pub(crate) fn len(&self) -> i64 {
        i64::try_from(self.users.len()).unwrap_or(i64::MAX)
    }

    /// Sorted hashes, each once.
    pub(crate) fn users(&self) -> Vec<u8> {
        let mut users = self.users.clone();
        users.sort_unstable();
        users.dedup();
        users.iter().flat_map(|user| user.to_le_bytes()).collect()
    }

    pub(crate) fn body(&self) -> Result<String, StoreError> {
        let mut body =
            Vec::with_capacity(self.body.len() + self.words.iter().map(String::len).sum::<usize>() + 64);
        body.extend_from_slice(&self.body);
        body.push(b'[');
        body.extend_from_slice(self.words.join(",").as_bytes());
        body.push(b']');
        String::from_utf8(body).map_err(|error| corrupt("signature_log.body", error.to_string()))
    }
}

/// The entries of a segment's body.
pub(crate) fn read_segment(app: AppId, body: &str) -> Result<Vec<SignatureEntry>, StoreError> {
    let unreadable = |error: serde_json::Error| corrupt("signature_log.body", error.to_string());
    let (lines, words) = body.rsplit_once('\n').unwrap_or(("", body));
    let words: Vec<Value> = serde_json::from_str(words).map_err(unreadable)?;
    let word = |place: usize| words.get(place).cloned().unwrap_or_default();
    let entry = |line: &str| {
        type Line = (i64, i64, String, usize, String, String, String, i64, usize);
        let (at, id, user, caller, code, remote, permission, expire_time, detail): Line =
            serde_json::from_str(line).map_err(unreadable)?;
        Ok(SignatureEntry {
            app,
            at: Time(at),
            id,
            user,
            caller: word(caller).as_str().unwrap_or_default().to_owned(),
            code,
            remote,
            permission,
            expire_time,
            detail: word(detail),
        })
    };
    lines.lines().map(entry).collect()
}

/// FNV-1a, 32 bits (draft-eastlake-fnv): the same in every version, because rows hold it.
pub(crate) fn hash(user: &str) -> u32 {
    user.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// Whether `user` is among sorted hashes.
pub(crate) fn holds(users: &[u8], user: u32) -> bool {
    let (users, _) = users.as_chunks::<4>();
    users.binary_search_by_key(&user, |bytes| u32::from_le_bytes(*bytes)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_draft_and_found_again() {
        assert_eq!((hash(""), hash("a"), hash("foobar")), (0x811c_9dc5, 0xe40c_292c, 0xbf9c_f968));
        let mut users = [hash("a"), hash("b"), hash("张三")];
        users.sort_unstable();
        let users: Vec<u8> = users.iter().flat_map(|user| user.to_le_bytes()).collect();
        assert!(holds(&users, hash("张三")) && !holds(&users, hash("c")) && !holds(&[], hash("a")));
    }
}
