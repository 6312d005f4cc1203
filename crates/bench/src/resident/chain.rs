//! Uploads through the server's public doors.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reelgate_client::{Endpoint, SignatureSource, Upload};
use reqwest::Client;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

/// How long a short video may be in work.
const PROCESSING: Duration = Duration::from_secs(180);
const PAUSE: Duration = Duration::from_millis(200);

/// A client of one server.
#[derive(Clone)]
pub(crate) struct Chain {
    http: Client,
    origin: String,
    api_key: String,
}

#[derive(Deserialize)]
struct Signed {
    signature: String,
}

#[derive(Deserialize)]
struct Media {
    tasks: Vec<Task>,
}

#[derive(Deserialize)]
struct Task {
    state: String,
}

impl Chain {
    /// Of the server at `origin`.
    pub(crate) fn new(origin: &str, api_key: &str) -> Result<Self> {
        let http = Client::builder().no_proxy().build().context("the HTTP client cannot be made")?;
        Ok(Self { http, origin: origin.to_owned(), api_key: api_key.to_owned() })
    }

    /// Uploads `file` with the client's defaults; `procedure` may be empty. Returns the FileId.
    pub(crate) async fn upload(&self, file: &Path, procedure: &'static str) -> Result<String> {
        let chain = self.clone();
        let signatures = SignatureSource::new(move || {
            let chain = chain.clone();
            async move { Ok(chain.sign(procedure).await?) }
        });
        let upload = Upload::new(Endpoint::path_style(&self.origin), signatures, file);
        let uploaded =
            upload.run().await.with_context(|| format!("{} cannot be uploaded", file.display()))?;
        Ok(uploaded.file_id)
    }

    /// Waits until the file's task has ended.
    pub(crate) async fn processed(&self, file_id: &str) -> Result<()> {
        let deadline = Instant::now() + PROCESSING;
        let url = format!("{}/v1/media/{file_id}", self.origin);
        loop {
            let answer = self.http.get(&url).bearer_auth(&self.api_key).send().await?.error_for_status()?;
            let media: Media = answer.json().await.context("the answer about a media is not understood")?;
            if media.tasks.iter().any(|task| task.state == "finish") {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{file_id} was still in work after {} s", PROCESSING.as_secs());
            }
            sleep(PAUSE).await;
        }
    }

    async fn sign(&self, procedure: &str) -> Result<String> {
        let url = format!("{}/v1/upload-signatures", self.origin);
        let request = self.http.post(url).bearer_auth(&self.api_key).json(&json!({ "procedure": procedure }));
        let signed: Signed = request.send().await?.error_for_status()?.json().await?;
        Ok(signed.signature)
    }
}
