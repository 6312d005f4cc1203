//! Where the two doors are.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Url;

use crate::UploadError;

/// Addresses of a server's UGC door and of its object leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    ugc: String,
    objects: String,
}

/// An object's address, and the path that goes into its signature.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// Decoded, as sent.
    pub(crate) path: String,
}

const IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl Endpoint {
    /// Both doors on one address, such as `http://127.0.0.1:8080`: objects under `/cos/{bucket}/`. Needs no wildcard
    /// name.
    pub fn path_style(base: &str) -> Self {
        let base = base.trim_end_matches('/');
        Self { ugc: base.to_owned(), objects: format!("{base}/cos/{{bucket}}") }
    }

    /// The UGC door at `ugc`, objects at a pattern with `{bucket}` and `{region}`, such as
    /// `https://{bucket}.cos.{region}.example.com`.
    pub fn new(ugc: &str, objects: &str) -> Self {
        Self { ugc: ugc.trim_end_matches('/').to_owned(), objects: objects.trim_end_matches('/').to_owned() }
    }

    /// The base address of the UGC door; names the server in state files.
    pub(crate) fn ugc(&self) -> &str {
        &self.ugc
    }

    pub(crate) fn action(&self, action: &str) -> Result<Url, UploadError> {
        parse(&format!("{}/v3/index.php?Action={action}", self.ugc))
    }

    /// The address of `key` (no leading `/`; empty for the bucket itself).
    pub(crate) fn object(&self, bucket: &str, region: &str, key: &str) -> Result<Target, UploadError> {
        let odd = |segment: &str| matches!(segment, "" | "." | "..");
        if !key.is_empty() && key.split('/').any(odd) {
            return Err(UploadError::Unexpected {
                what: "the answer of ApplyUploadUGC",
                detail: format!("storagePath {key:?} has an empty or a dot segment"),
            });
        }
        let base = self.objects.replace("{bucket}", bucket).replace("{region}", region);
        let base = parse(&base)?;
        let prefix =
            percent_encoding::percent_decode_str(base.path().trim_end_matches('/')).decode_utf8_lossy();
        let path = format!("{prefix}/{key}");
        let encoded: Vec<String> =
            path.split('/').map(|segment| utf8_percent_encode(segment, IN_SEGMENT).to_string()).collect();
        let mut url = base.clone();
        url.set_path(&encoded.join("/"));
        Ok(Target { url, path })
    }
}

/// Stricter than the URL standard, which would read `http:/v3` as the host `v3`.
fn parse(url: &str) -> Result<Url, UploadError> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.filter(|rest| !rest.starts_with('/'))
        .and_then(|_| Url::parse(url).ok())
        .ok_or_else(|| UploadError::Endpoint(url.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &Endpoint, key: &str, url: &str, path: &str) {
        let target = endpoint.object("vod-125", "ap-x", key).unwrap();
        assert_eq!((target.url.as_str(), target.path.as_str()), (url, path));
    }

    #[test]
    fn the_signed_path_is_the_decoded_path_as_sent() {
        let path_style = Endpoint::path_style("http://127.0.0.1:8080/");
        check(
            &path_style,
            "1/2/a b+中%.mp4",
            "http://127.0.0.1:8080/cos/vod-125/1/2/a%20b%2B%E4%B8%AD%25.mp4",
            "/cos/vod-125/1/2/a b+中%.mp4",
        );
        check(&path_style, "", "http://127.0.0.1:8080/cos/vod-125/", "/cos/vod-125/");
        let hosts = Endpoint::new("https://vod.example", "https://{bucket}.cos.{region}.example");
        check(&hosts, "k", "https://vod-125.cos.ap-x.example/k", "/k");
        check(&hosts, "", "https://vod-125.cos.ap-x.example/", "/");
    }

    #[test]
    fn keys_and_addresses_that_lead_elsewhere_are_refused() {
        let endpoint = Endpoint::path_style("http://h");
        for key in ["../x", "a//b", "a/./b", "/a"] {
            assert!(matches!(endpoint.object("b", "r", key), Err(UploadError::Unexpected { .. })), "{key}");
        }
        for base in ["", "h:80", "ftp://h", "http://"] {
            assert!(
                matches!(Endpoint::path_style(base).action("A"), Err(UploadError::Endpoint(_))),
                "{base}"
            );
        }
    }
}
