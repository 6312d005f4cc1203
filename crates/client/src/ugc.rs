//! The UGC door: Apply and Commit.

use std::time::Duration;

use reelgate_wire::ugc::{Action, Answer, ApplyData, ApplyRequest, CommitData, CommitRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Endpoint, RetryPolicy, SignatureSource, UploadError};

/// Commit may probe the file for 3 s before it answers.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// Calls the UGC door, each time with a fresh signature.
#[derive(Debug, Clone)]
pub(crate) struct UgcDoor {
    pub(crate) http: reqwest::Client,
    pub(crate) endpoint: Endpoint,
    pub(crate) signatures: SignatureSource,
    pub(crate) retry: RetryPolicy,
}

impl UgcDoor {
    /// Apply; the request's signature is filled in.
    pub(crate) async fn apply(&self, request: &ApplyRequest) -> Result<ApplyData, UploadError> {
        self.call(Action::Apply, |signature| ApplyRequest { signature, ..request.clone() }).await
    }

    /// Apply that resumes a session or renews its credentials.
    pub(crate) async fn resume(&self, session_key: &str) -> Result<ApplyData, UploadError> {
        self.apply(&ApplyRequest { vod_session_key: session_key.to_owned(), ..ApplyRequest::default() }).await
    }

    pub(crate) async fn commit(&self, session_key: &str) -> Result<CommitData, UploadError> {
        self.call(Action::Commit, |signature| CommitRequest {
            signature,
            vod_session_key: session_key.to_owned(),
        })
        .await
    }

    async fn call<R: Serialize, T: DeserializeOwned>(
        &self,
        action: Action,
        request: impl Fn(String) -> R,
    ) -> Result<T, UploadError> {
        let request = &request;
        self.retry
            .run(|| async move {
                let signature = self.signatures.next().await.map_err(UploadError::Signature)?;
                self.attempt(action, &request(signature)).await
            })
            .await
    }

    async fn attempt<R: Serialize, T: DeserializeOwned>(
        &self,
        action: Action,
        request: &R,
    ) -> Result<T, UploadError> {
        let what = action.as_str();
        let transport = |source| UploadError::Transport { what, source };
        let url = self.endpoint.action(what)?;
        let response =
            self.http.post(url).timeout(ANSWER_WITHIN).json(request).send().await.map_err(transport)?;
        let status = response.status();
        if status.is_server_error() {
            return Err(transport(response.error_for_status().expect_err("the status is a server error")));
        }
        let body = response.bytes().await.map_err(transport)?;
        let answer: Answer<T> = serde_json::from_slice(&body).map_err(|error| UploadError::Unexpected {
            what,
            detail: format!("status {status}, {error}; is this the address of a UGC door?"),
        })?;
        match answer.data {
            _ if answer.code != 0 => {
                Err(UploadError::Refused { action: what, code: answer.code, message: answer.message })
            }
            Some(data) => Ok(data),
            None => Err(UploadError::Unexpected { what, detail: "success without data".to_owned() }),
        }
    }
}
