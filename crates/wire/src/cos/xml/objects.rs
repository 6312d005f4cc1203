//! Answer of List Objects, first and second version.

use super::listing::{encoded, encoding_type};
use super::write::Document;

/// `ListBucketResult`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListBucketResult {
    /// Full bucket name.
    pub bucket: String,
    /// Whether the client asked for `encoding-type=url`: keys then travel percent-encoded.
    pub url_encoded: bool,
    /// Keys begin with this; not encoded, like all keys here.
    pub prefix: String,
    /// Keys are grouped up to this, if it is not empty.
    pub delimiter: String,
    /// Most keys and groups in one answer.
    pub max_keys: u32,
    /// How the client pages.
    pub paging: Paging,
    /// By key.
    pub objects: Vec<ListedObject>,
    /// What the keys that are not listed begin with, each once, in order.
    pub common_prefixes: Vec<String>,
}

/// Where an answer begins and the next one would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Paging {
    /// First version.
    Marker {
        /// Keys after this one were asked for.
        marker: String,
        /// Set when truncated: go on after it.
        next: Option<String>,
    },
    /// Second version (`list-type=2`).
    Token {
        /// Keys after this one were asked for.
        start_after: String,
        /// The token of the request, if it had one.
        token: Option<String>,
        /// Set when truncated: the token to go on with.
        next: Option<String>,
    },
}

impl Default for Paging {
    fn default() -> Self {
        Self::Marker { marker: String::new(), next: None }
    }
}

/// A complete object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Key without leading `/`.
    pub key: String,
    /// ISO 8601.
    pub last_modified: String,
    /// Without quotes.
    pub etag: String,
    /// Bytes.
    pub size: u64,
}

impl ListBucketResult {
    /// The body.
    pub fn to_xml(&self) -> String {
        let key = |key: &str| encoded(self.url_encoded, key).into_owned();
        Document::build("ListBucketResult", |root| {
            root.leaf("Name", &self.bucket)
                .leaf("EncodingType", encoding_type(self.url_encoded))
                .leaf("Prefix", &key(&self.prefix))
                .leaf("Delimiter", &key(&self.delimiter))
                .leaf("MaxKeys", &self.max_keys.to_string());
            let truncated = match &self.paging {
                Paging::Marker { marker, next } => {
                    root.leaf("Marker", &key(marker));
                    next.iter().for_each(|next| {
                        root.leaf("NextMarker", &key(next));
                    });
                    next.is_some()
                }
                Paging::Token { start_after, token, next } => {
                    let count = self.objects.len() + self.common_prefixes.len();
                    root.leaf("KeyCount", &count.to_string()).leaf("StartAfter", &key(start_after));
                    for (name, token) in [("ContinuationToken", token), ("NextContinuationToken", next)] {
                        token.iter().for_each(|token| {
                            root.leaf(name, token);
                        });
                    }
                    next.is_some()
                }
            };
            root.leaf("IsTruncated", if truncated { "true" } else { "false" });
            for object in &self.objects {
                root.parent("Contents", |element| {
                    element
                        .leaf("Key", &key(&object.key))
                        .leaf("LastModified", &object.last_modified)
                        .leaf("ETag", &format!("\"{}\"", object.etag))
                        .leaf("Size", &object.size.to_string())
                        .owner("Owner")
                        .leaf("StorageClass", "STANDARD");
                });
            }
            for prefix in &self.common_prefixes {
                root.parent("CommonPrefixes", |element| {
                    element.leaf("Prefix", &key(prefix));
                });
            }
        })
    }
}

/// The answer of Get Bucket Location, which has no members but its text.
pub fn location(region: &str) -> String {
    let mut text = Document::build("LocationConstraint", |_| ());
    let at = text.rfind("</").unwrap_or(text.len());
    text.insert_str(at, region);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(paging: Paging) -> ListBucketResult {
        ListBucketResult {
            bucket: "b-1".to_owned(),
            url_encoded: true,
            prefix: "a b/".to_owned(),
            delimiter: "/".to_owned(),
            max_keys: 2,
            paging,
            objects: vec![ListedObject {
                key: "a b/中.mp4".to_owned(),
                last_modified: "2026-11-26T00:00:00.000Z".to_owned(),
                etag: "0cc175b9c0f1b6a831c399e269772661-2".to_owned(),
                size: 7,
            }],
            common_prefixes: vec!["a b/c/".to_owned()],
        }
    }

    #[test]
    fn both_versions_have_their_own_members() {
        let first =
            listing(Paging::Marker { marker: String::new(), next: Some("a b/c/".to_owned()) }).to_xml();
        assert!(
            first.contains("<Marker/><NextMarker>a%20b/c/</NextMarker><IsTruncated>true</IsTruncated>"),
            "{first}"
        );
        assert!(first.contains("<Key>a%20b/%E4%B8%AD.mp4</Key>"), "{first}");
        assert!(!first.contains("KeyCount"), "{first}");
        let paging = Paging::Token { start_after: String::new(), token: Some("t1".to_owned()), next: None };
        let second = listing(paging).to_xml();
        for part in [
            "<KeyCount>2</KeyCount><StartAfter/><ContinuationToken>t1</ContinuationToken><IsTruncated>false</IsTruncated>",
            "<ETag>\"0cc175b9c0f1b6a831c399e269772661-2\"</ETag><Size>7</Size>",
            "<CommonPrefixes><Prefix>a%20b/c/</Prefix></CommonPrefixes>",
        ] {
            assert!(second.contains(part), "{part} in {second}");
        }
    }
}
