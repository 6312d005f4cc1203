//! Which bucket and key a request on the object leg means, in every style that official clients use.

use http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;
use reelgate_wire::host::without_port;

use crate::app::App;

/// One place on the object leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Whole bucket name, `{name}-{appid}`.
    pub(crate) bucket: String,
    /// Object key without a leading slash, decoded; empty for the bucket itself.
    pub(crate) key: String,
    /// The decoded path as sent.
    pub(crate) path: String,
    /// The host that the request is for and was signed for, where it came to another one: mini-programs send everything to
    /// the UGC door and name the bucket's host in this header (observed of vod-wx-sdk-v2).
    pub(crate) forwarded_for: Option<String>,
}

/// Header that names the host of the object leg in a request to another one.
const FORWARD: &str = "vod-forward-cos";

impl Address {
    /// By Host: virtual-host style, or `cos.{region}.…/{bucket}/…`. `None`: not a host of the object leg.
    pub(crate) fn by_host(app: &App, headers: &HeaderMap, uri: &Uri) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let find = |host: &str| {
            let host = without_port(host).unwrap_or(host).to_ascii_lowercase();
            let mut patterns = app.config.upload.object_domains.iter();
            patterns.find_map(|pattern| Self::by_pattern(pattern, &host, uri.path()))
        };
        if let Some(address) = find(text(header::HOST.as_str())?) {
            return Some(address);
        }
        let meant = text(FORWARD)?;
        find(meant).map(|address| Self { forwarded_for: Some(meant.to_owned()), ..address })
    }

    fn by_pattern(pattern: &str, host: &str, path: &str) -> Option<Self> {
        let path = decode(path)?;
        if let Some(found) = match_pattern(pattern, host) {
            let bucket = found.into_iter().find(|(name, _)| *name == "bucket").map(|(_, value)| value)?;
            return Some(Self { bucket, key: key_of(&path).to_owned(), path, forwarded_for: None });
        }
        match_pattern(pattern.strip_prefix("{bucket}.")?, host)?;
        let (bucket, key) = split_bucket(key_of(&path));
        Some(Self { bucket: bucket.to_owned(), key: key.to_owned(), path, forwarded_for: None })
    }

    /// By path, under `/cos/{bucket}/…` on any host. `None`: the path is not valid UTF-8 when decoded.
    pub(crate) fn by_path(path: &str) -> Option<Self> {
        let path = decode(path)?;
        let (bucket, key) = split_bucket(path.strip_prefix("/cos/")?);
        Some(Self { bucket: bucket.to_owned(), key: key.to_owned(), path, forwarded_for: None })
    }

    /// The paths that a client may have signed: as sent, or, since the web SDK signs the key alone even when its
    /// `Domain` holds a path, the one below the bucket. The key is the same either way.
    pub(crate) fn signed_paths(&self) -> [String; 2] {
        [self.path.clone(), format!("/{}", self.key)]
    }
}

fn decode(path: &str) -> Option<String> {
    percent_decode_str(path).decode_utf8().ok().map(Into::into)
}

fn key_of(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

fn split_bucket(path: &str) -> (&str, &str) {
    path.split_once('/').unwrap_or((path, ""))
}

/// Matches label by label; `{name}` stands for one whole label.
fn match_pattern<'a>(pattern: &'a str, host: &str) -> Option<Vec<(&'a str, String)>> {
    let mut found = Vec::new();
    let mut labels = host.split('.');
    for part in pattern.split('.') {
        let label = labels.next().filter(|label| !label.is_empty())?;
        match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => found.push((name, label.to_owned())),
            None if part == label => {}
            None => return None,
        }
    }
    labels.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: &str = "{bucket}.cos.{region}.myqcloud.com";

    fn check(host: &str, path: &str, expected: Option<(&str, &str)>) {
        let found = Address::by_pattern(PATTERN, host, path);
        let found = found.as_ref().map(|address| (address.bucket.as_str(), address.key.as_str()));
        assert_eq!(found, expected, "{host} {path}");
    }

    #[test]
    fn every_style_names_the_same_object() {
        check("b-1.cos.ap-x.myqcloud.com", "/1/2/a%20b%E4%B8%AD.mp4", Some(("b-1", "1/2/a b中.mp4")));
        check("cos.ap-x.myqcloud.com", "/b-1/1/2.mp4", Some(("b-1", "1/2.mp4")));
        check("b-1.cos.ap-x.myqcloud.com", "/", Some(("b-1", "")));
        check("vod2.qcloud.com", "/", None);
        check("evil.b-1.cos.ap-x.myqcloud.com", "/", None);
        check(".cos.ap-x.myqcloud.com", "/", None);
        check("b-1.cos.ap-x.myqcloud.com", "/%ff", None);
        let by_path = Address::by_path("/cos/b-1/1/a%2Fb").unwrap();
        assert_eq!((by_path.bucket.as_str(), by_path.key.as_str()), ("b-1", "1/a/b"));
        assert_eq!(by_path.signed_paths(), ["/cos/b-1/1/a/b", "/1/a/b"]);
    }
}
