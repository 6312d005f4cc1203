//! Allowing answers that hold for a while, so that an app is not asked for every step of one upload.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName};
use moka::sync::Cache;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::answer::Answer;

/// So many answers are remembered; the ones asked for least give way.
const CAPACITY: u64 = 10_000;

/// A digest of everything that an answer depends on: credentials are not kept.
pub(super) type Question = [u8; 32];

/// Answers by their question.
pub(super) struct Remembered {
    answers: Cache<Question, (Arc<Answer>, Instant)>,
    hold: Duration,
}

impl Remembered {
    /// Answers hold for `hold`.
    pub(super) fn new(hold: Duration) -> Self {
        // Beyond all use, and more than the cache takes.
        let hold = hold.min(Duration::from_secs(365 * 24 * 3600));
        // The cache frees the memory in its own time; whether an answer still holds is decided below.
        Self { answers: Cache::builder().max_capacity(CAPACITY).time_to_live(hold).build(), hold }
    }

    pub(super) fn get(&self, question: &Question) -> Option<Arc<Answer>> {
        let (answer, since) = self.answers.get(question)?;
        (since.elapsed() < self.hold).then_some(answer)
    }

    pub(super) fn remember(&self, question: Question, answer: &Arc<Answer>) {
        self.answers.insert(question, (Arc::clone(answer), Instant::now()));
    }
}

/// The question that these values ask. Every part goes in with its length, so that no two questions run together.
pub(super) fn question(
    copied: &[HeaderName],
    headers: &HeaderMap,
    client: IpAddr,
    wanted: &Value,
) -> Question {
    let mut digest = Sha256::new();
    for name in copied {
        let values = headers.get_all(name);
        digest.update((values.iter().count() as u64).to_be_bytes());
        for value in values {
            part(&mut digest, value.as_bytes());
        }
    }
    let mut canonical = String::new();
    write_canonical(wanted, &mut canonical);
    part(&mut digest, canonical.as_bytes());
    part(&mut digest, client.to_string().as_bytes());
    digest.finalize().into()
}

fn part(digest: &mut Sha256, bytes: &[u8]) {
    digest.update((bytes.len() as u64).to_be_bytes());
    digest.update(bytes);
}

/// JSON with sorted members: the order in which somebody wrote them changes nothing.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (name, member) in members {
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write_canonical(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn asked(headers: &[(&'static str, &'static str)], client: &str, wanted: Value) -> Question {
        let copied = [HeaderName::from_static("authorization"), HeaderName::from_static("cookie")];
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        question(&copied, &map, client.parse().unwrap(), &wanted)
    }

    #[test]
    fn questions_differ_in_each_of_their_parts() {
        let wanted = json!({"name": "a.mp4", "size": 1, "more": {"x": [1, "1"]}});
        let all = [
            asked(&[("authorization", "ab")], "10.0.0.1", wanted.clone()),
            asked(&[("cookie", "ab")], "10.0.0.1", wanted.clone()),
            asked(&[("authorization", "a"), ("authorization", "b")], "10.0.0.1", wanted.clone()),
            asked(&[("authorization", "a"), ("cookie", "b")], "10.0.0.1", wanted.clone()),
            asked(&[("authorization", "ab")], "10.0.0.2", wanted.clone()),
            asked(&[("authorization", "ab")], "::ffff:10.0.0.1", wanted),
            asked(&[("authorization", "ab")], "10.0.0.1", json!({"name": "a.mp4", "size": "1"})),
            asked(&[("authorization", "ab")], "10.0.0.1", json!(null)),
        ];
        for (first, one) in all.iter().enumerate() {
            for (second, other) in all.iter().enumerate() {
                assert_eq!(first == second, one == other, "{first} and {second}");
            }
        }
    }

    #[test]
    fn other_headers_and_the_order_of_members_do_not_matter() {
        let one = asked(&[("cookie", "a"), ("accept", "x")], "::1", json!({"a": 1, "b": {"c": 2, "d": 3}}));
        let other = asked(&[("cookie", "a"), ("accept", "y")], "::1", json!({"b": {"d": 3, "c": 2}, "a": 1}));
        assert_eq!(one, other);
    }
}
