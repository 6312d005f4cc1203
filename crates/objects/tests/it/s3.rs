//! The S3 backend on a real server.

use std::sync::OnceLock;

use reelgate_objects::{S3, S3Config};
use reelgate_testkit::s3_server::{ACCESS_KEY, BUCKET, REGION, SECRET_KEY};
use reelgate_testkit::{S3Server, skip};

pub(crate) fn config(min_part: u64) -> Option<S3Config> {
    let server = match S3Server::shared() {
        Ok(server) => server,
        Err(missing) => {
            skip(std::thread::current().name().unwrap_or("a test"), &missing.0);
            return None;
        }
    };
    Some(S3Config {
        endpoint: server.endpoint().parse().unwrap(),
        region: REGION.to_owned(),
        bucket: BUCKET.to_owned(),
        prefix: format!("{}/", uuid::Uuid::new_v4().simple()),
        path_style: true,
        min_part,
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
    })
}

/// A store below a prefix of its own; `None`, having said so, where there is no server.
pub(crate) fn store(min_part: u64) -> Option<S3> {
    static PROVIDER: OnceLock<()> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    });
    Some(S3::new(&config(min_part)?).unwrap())
}
