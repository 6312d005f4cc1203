//! `storage.url`: a directory, or a bucket of an S3-compatible store.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use reelgate_objects::S3Config;
use url::Url;

use super::raw;

/// Least size of parts other than the last that S3 itself takes, bytes.
const MIN_PART: u64 = 5 << 20;

/// The directory; not used when there is a bucket.
pub(super) fn directory(raw: &raw::Storage, data_dir: &Path) -> Result<PathBuf> {
    match raw.url.as_deref().filter(|url| !url.starts_with("s3://")) {
        None => Ok(data_dir.join("objects")),
        Some(dir) => std::path::absolute(dir.strip_prefix("file://").unwrap_or(dir))
            .with_context(|| format!("storage.url {dir:?} has no absolute form")),
    }
}

/// The bucket of `s3://bucket/prefix?endpoint=…&region=…&path_style=…&min_part=…`.
pub(super) fn bucket(raw: &raw::Storage) -> Result<Option<S3Config>> {
    let Some(text) = raw.url.as_deref().filter(|url| url.starts_with("s3://")) else { return Ok(None) };
    let url = Url::parse(text).with_context(|| format!("storage.url {text:?} is not a URL"))?;
    let bucket = url.host_str().unwrap_or_default();
    if bucket.is_empty() || !url.username().is_empty() || url.password().is_some() {
        bail!(
            "storage.url {bucket:?}: write s3://BUCKET/PREFIX?endpoint=URL, and the keys into storage.access_key and storage.secret_key"
        );
    }
    let (mut endpoint, mut region, mut path_style, mut min_part) = (None, None, true, MIN_PART);
    for (name, value) in url.query_pairs() {
        let odd = |what: &str| format!("storage.url: {name}={value} is not {what}");
        match name.as_ref() {
            "endpoint" => endpoint = Some(Url::parse(&value).with_context(|| odd("a URL"))?),
            "region" => region = Some(value.into_owned()),
            "path_style" => path_style = value.parse().with_context(|| odd("true or false"))?,
            "min_part" => min_part = value.parse().with_context(|| odd("a number of bytes"))?,
            other => bail!(
                "storage.url has no parameter {other:?}; it has endpoint, region, path_style and min_part"
            ),
        }
    }
    let region = region.unwrap_or_else(|| "us-east-1".to_owned());
    let endpoint = match endpoint {
        Some(endpoint) => endpoint,
        None => Url::parse(&format!("https://s3.{region}.amazonaws.com"))
            .with_context(|| format!("storage.url: region {region:?} makes no host name"))?,
    };
    let prefix = match url.path().trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    };
    let key = |value: &Option<String>, name: &str| {
        value
            .clone()
            .filter(|value| !value.is_empty())
            .with_context(|| format!("storage.{name} is missing; an s3:// storage needs it"))
    };
    Ok(Some(S3Config {
        endpoint,
        region,
        bucket: bucket.to_owned(),
        prefix,
        path_style,
        min_part,
        access_key: key(&raw.access_key, "access_key")?,
        secret_key: key(&raw.secret_key, "secret_key")?,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(url: &str) -> raw::Storage {
        let text = |text: &str| Some(text.to_owned());
        raw::Storage {
            url: text(url),
            access_key: text("a"),
            secret_key: text("s"),
            ..raw::Storage::default()
        }
    }

    #[test]
    fn a_bucket_is_read_from_its_url() {
        let read = bucket(&raw(
            "s3://videos/some/where?endpoint=http://127.0.0.1:9000&region=eu&path_style=false&min_part=1",
        ));
        let found = read.unwrap().unwrap();
        assert_eq!((found.bucket.as_str(), found.prefix.as_str()), ("videos", "some/where/"));
        assert_eq!((found.endpoint.as_str(), found.region.as_str()), ("http://127.0.0.1:9000/", "eu"));
        assert_eq!((found.path_style, found.min_part), (false, 1));
        let plain = bucket(&raw("s3://videos")).unwrap().unwrap();
        assert_eq!(plain.endpoint.as_str(), "https://s3.us-east-1.amazonaws.com/");
        assert_eq!((plain.prefix.as_str(), plain.min_part), ("", MIN_PART));
        assert!(bucket(&raw("/var/lib/reelgate")).unwrap().is_none());
        for odd in [
            "s3://",
            "s3://user:secret@videos",
            "s3://videos?endpoint=x",
            "s3://videos?zone=1",
            "s3://videos?min_part=x",
        ] {
            assert!(bucket(&raw(odd)).is_err(), "{odd}");
        }
        let keyless = raw::Storage { secret_key: None, ..raw("s3://videos") };
        assert!(bucket(&keyless).unwrap_err().to_string().contains("storage.secret_key"));
    }
}
