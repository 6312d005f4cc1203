//! An open upload session and its credentials.

use std::time::Duration;

use reelgate_wire::cos::qsign::Signer;
use reelgate_wire::ugc::ApplyData;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::UploadError;
use crate::ugc::UgcDoor;

/// What Apply gave: where to write, and with which credentials.
#[derive(Debug)]
pub(crate) struct Session {
    door: UgcDoor,
    pub(crate) key: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    /// Without leading `/`.
    pub(crate) object_key: String,
    credentials: Mutex<Credentials>,
}

/// One set of temporary credentials.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) signer: Signer,
    pub(crate) token: Token,
    renew_at: Instant,
}

/// The security token; a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Session {
    pub(crate) fn new(door: UgcDoor, data: ApplyData) -> Result<Self, UploadError> {
        let Some(video) = &data.video else {
            return Err(UploadError::Unexpected {
                what: "the answer of ApplyUploadUGC",
                detail: "it has no video.storagePath".to_owned(),
            });
        };
        Ok(Self {
            door,
            bucket: format!("{}-{}", data.storage_bucket, data.storage_app_id),
            region: data.storage_region_v5.clone(),
            object_key: video.storage_path.trim_start_matches('/').to_owned(),
            credentials: Mutex::new(Credentials::of(&data)),
            key: data.vod_session_key,
        })
    }

    /// Credentials with at least a tenth of their life ahead. One renewal serves all that wait for it.
    pub(crate) async fn credentials(&self) -> Result<Credentials, UploadError> {
        let mut credentials = self.credentials.lock().await;
        if Instant::now() >= credentials.renew_at {
            *credentials = Credentials::of(&self.door.resume(&self.key).await?);
        }
        Ok(credentials.clone())
    }

    /// The server says that `old` have ended: the next caller renews, unless somebody has already.
    pub(crate) async fn expire(&self, old: &Credentials) {
        let mut credentials = self.credentials.lock().await;
        if credentials.token == old.token {
            credentials.renew_at = Instant::now();
        }
    }
}

impl Credentials {
    /// Their window is what the server's clock says, as the web SDK does, so that ours does not matter.
    fn of(data: &ApplyData) -> Self {
        let certificate = &data.temp_certificate;
        let life = u64::try_from(certificate.expired_time.saturating_sub(data.timestamp)).unwrap_or(0);
        Self {
            signer: Signer::new(
                certificate.secret_id.clone(),
                certificate.secret_key.clone(),
                data.timestamp,
                certificate.expired_time,
            ),
            token: Token(certificate.token.clone()),
            renew_at: Instant::now() + Duration::from_secs(life.min(365 * 86_400)) * 9 / 10,
        }
    }
}
