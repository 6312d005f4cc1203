//! The keys that an issuer publishes, kept and fetched again: when they are old, and when a token names a new one.
//!
//! At most one fetch is under way, in a task of its own, so that a caller who goes away does not end it for the
//! others. How often is bounded by the floor alone, never by what tokens say. Old keys stay while the issuer is down.
//! An issuer that changes a key without changing its id is noticed only once the set is older than its maximum age.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use tokio::sync::watch;
use tokio::time::Instant;

use super::key_set::{self, KeySet};
use super::settings::Algorithm;
use crate::outbound;
use crate::settings::SettingsError;

/// Longest answer of an issuer.
const MAX_BODY: usize = 1024 * 1024;

/// The keys behind one URL.
pub(super) struct Published(Arc<Shared>);

/// Why there is no key for a token.
pub(super) enum NoKey {
    /// The issuer does not publish it.
    Unknown,
    /// The issuer's keys were never had.
    Unavailable,
}

struct Shared {
    name: String,
    url: Url,
    client: Client,
    refresh_floor: Duration,
    max_age: Duration,
    timeout: Duration,
    kept: RwLock<Option<Kept>>,
    fetches: Mutex<Fetches>,
}

#[derive(Clone)]
struct Kept {
    set: Arc<KeySet>,
    since: Instant,
}

#[derive(Default)]
struct Fetches {
    last_started: Option<Instant>,
    /// Closed as soon as the fetch is over, whatever came of it.
    under_way: Option<watch::Receiver<()>>,
}

impl Published {
    pub(super) fn new(
        name: &str,
        url: &str,
        refresh_floor: Duration,
        max_age: Duration,
        timeout: Duration,
    ) -> Result<Self, SettingsError> {
        Ok(Self(Arc::new(Shared {
            name: name.to_owned(),
            url: outbound::url(name, url)?,
            client: outbound::client(name)?,
            refresh_floor,
            max_age,
            timeout,
            kept: RwLock::default(),
            fetches: Mutex::default(),
        })))
    }

    /// The set as it is known now. When it is old, a fetch begins in the background.
    pub(super) fn current(&self) -> Option<Arc<KeySet>> {
        let kept = self.0.kept()?;
        if kept.since.elapsed() > self.0.max_age {
            self.0.refresh();
        }
        Some(kept.set)
    }

    /// A set with at least one candidate for such a token; fetched if need be and the floor permits.
    pub(super) async fn with(&self, algorithm: Algorithm, id: Option<&str>) -> Result<Arc<KeySet>, NoKey> {
        let fits = |set: &Arc<KeySet>| set.candidates(algorithm, id).next().is_some();
        if let Some(set) = self.current().filter(fits) {
            return Ok(set);
        }
        if let Some(mut under_way) = self.0.refresh() {
            // Nothing is ever sent: the error says that the fetch is over.
            let _ = under_way.changed().await;
        }
        let kept = self.0.kept().ok_or(NoKey::Unavailable)?;
        Some(kept.set).filter(fits).ok_or(NoKey::Unknown)
    }
}

impl Shared {
    fn kept(&self) -> Option<Kept> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The fetch under way, a new one if there is none, or `None` if the last one began too short a while ago.
    fn refresh(self: &Arc<Self>) -> Option<watch::Receiver<()>> {
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = &fetches.under_way
            && under_way.has_changed().is_ok()
        {
            return Some(under_way.clone());
        }
        if fetches.last_started.is_some_and(|started| started.elapsed() < self.refresh_floor) {
            return None;
        }
        let (over, under_way) = watch::channel(());
        fetches.last_started = Some(Instant::now());
        fetches.under_way = Some(under_way.clone());
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            shared.fetch_and_keep().await;
            drop(over);
        });
        Some(under_way)
    }

    async fn fetch_and_keep(&self) {
        let keys = match self.fetch().await {
            Ok(keys) => keys,
            Err(problem) => {
                let stale = self.kept().is_some();
                tracing::warn!(
                    jwt.name = self.name,
                    jwt.url = %outbound::shown(&self.url),
                    jwt.stale = stale,
                    "the keys of an issuer cannot be fetched: {problem}"
                );
                return;
            }
        };
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let previous = kept.as_ref().map(|kept| &*kept.set);
        let set = KeySet::after(previous, keys);
        if previous.is_none_or(|previous| previous.generation != set.generation) {
            tracing::info!(jwt.name = self.name, jwt.generation = set.generation, "an issuer has new keys");
        }
        *kept = Some(Kept { set: Arc::new(set), since: Instant::now() });
    }

    async fn fetch(&self) -> Result<Vec<super::key::PublicKey>, String> {
        let request = self.client.get(self.url.clone()).timeout(self.timeout);
        let request = request.header(http::header::ACCEPT, "application/jwk-set+json, application/json");
        let mut response = request.send().await.map_err(outbound::causes)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(format!("it answered {status}; redirects are not followed, set the final URL"));
        }
        if status != StatusCode::OK {
            return Err(format!("it answered {status}"));
        }
        let body = outbound::body(&mut response, MAX_BODY).await.map_err(outbound::causes)?;
        key_set::read(&body.ok_or("its answer is longer than 1 MiB")?)
    }
}
