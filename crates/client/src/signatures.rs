//! Where signatures come from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// Any error of a signature source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

type Answer = Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>;

/// Asked for a signature before every call of the UGC door, so that a one-time or short-lived one is never used twice.
#[derive(Clone)]
pub struct SignatureSource(Arc<dyn Fn() -> Answer + Send + Sync>);

impl SignatureSource {
    /// Asks `source`, usually the application's backend.
    pub fn new<F, Fut>(source: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<String, BoxError>> + Send + 'static,
    {
        Self(Arc::new(move || Box::pin(source())))
    }

    /// The same signature every time, as the mobile SDKs do within one upload.
    pub fn fixed(signature: impl Into<String>) -> Self {
        let signature = signature.into();
        Self::new(move || std::future::ready(Ok(signature.clone())))
    }

    pub(crate) async fn next(&self) -> Result<String, BoxError> {
        (self.0)().await
    }
}

impl fmt::Debug for SignatureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignatureSource")
    }
}
