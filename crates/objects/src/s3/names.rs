//! Names of blobs: small objects that say where the bytes are. A name is put with a condition, so it is given once, and
//! to bytes that are there; giving it is the one moment at which a blob, or a whole directory of them, appears.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::client::Client;
use crate::{BlobName, ObjectsError};

/// Names that are remembered: they never change, only go.
const REMEMBERED: usize = 10_000;
/// Last segment of the name of a directory.
pub(super) const DIRECTORY: &str = "/.dir";

/// What a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Key of the bytes; for a directory what their keys begin with.
    pub(super) data: String,
    /// Bytes; 0 for a directory.
    pub(super) size: u64,
}

impl Target {
    fn to_bytes(&self) -> Bytes {
        format!("v1 {} {}", self.size, self.data).into()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let (size, data) = text.strip_prefix("v1 ")?.split_once(' ')?;
        Some(Self { data: data.to_owned(), size: size.parse().ok()? })
    }
}

/// All names of a bucket.
#[derive(Debug)]
pub(super) struct Names {
    client: Arc<Client>,
    known: Mutex<HashMap<String, Target>>,
}

pub(super) fn key(name: &str) -> String {
    format!("names/{name}")
}

impl Names {
    pub(super) fn new(client: Arc<Client>) -> Self {
        Self { client, known: Mutex::default() }
    }

    /// Gives `name` to `target`. Whether it was free; a name that says the same already counts as given.
    pub(super) async fn give(&self, name: &str, target: &Target) -> Result<bool, ObjectsError> {
        if self.client.put_new(&key(name), target.to_bytes()).await? {
            return Ok(true);
        }
        Ok(self.look_up(name).await?.is_some_and(|found| found == *target))
    }

    /// What a name says, as the store has it now.
    pub(super) async fn look_up(&self, name: &str) -> Result<Option<Target>, ObjectsError> {
        let Some(bytes) = self.client.get(&key(name)).await? else { return Ok(None) };
        Target::parse(&bytes).map(Some).ok_or_else(|| ObjectsError::Damaged {
            place: format!("name {name}"),
            what: "it says nothing that this version understands".to_owned(),
        })
    }

    /// Where the bytes of a blob are: by its own name, or by that of a directory that it was published in.
    pub(super) async fn resolve(&self, blob: &BlobName) -> Result<Target, ObjectsError> {
        let name = blob.as_str();
        if let Some(target) = self.remembered(name) {
            return Ok(target);
        }
        let target = match self.look_up(name).await? {
            Some(target) => target,
            None => self
                .in_directory(name)
                .await?
                .ok_or_else(|| ObjectsError::NotFound(format!("blob {blob}")))?,
        };
        self.remember(name, &target);
        Ok(target)
    }

    async fn in_directory(&self, name: &str) -> Result<Option<Target>, ObjectsError> {
        let Some(data) = self.within(name).await? else { return Ok(None) };
        Ok(self.client.head(&data).await?.map(|size| Target { data, size }))
    }

    /// The key that `name` has if it is one in a directory that was published; whether there are bytes is not said.
    pub(super) async fn within(&self, name: &str) -> Result<Option<String>, ObjectsError> {
        let slashes: Vec<usize> = name.match_indices('/').map(|(at, _)| at).collect();
        for at in slashes.into_iter().rev() {
            let directory = format!("{}{DIRECTORY}", &name[..at]);
            let found = match self.remembered(&directory) {
                Some(found) => Some(found),
                None => self.look_up(&directory).await?,
            };
            let Some(Target { data, .. }) = found else { continue };
            self.remember(&directory, &Target { data: data.clone(), size: 0 });
            return Ok(Some(format!("{data}{}", &name[at..])));
        }
        Ok(None)
    }

    /// Takes a name away. What it said.
    pub(super) async fn take(&self, name: &str) -> Result<Option<Target>, ObjectsError> {
        let found = self.look_up(name).await?;
        if found.is_some() {
            self.client.delete(&key(name)).await?;
        }
        // Whatever lay below a directory is not there any more, either.
        self.forget();
        Ok(found)
    }

    /// Looks everything up again.
    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn remembered(&self, name: &str) -> Option<Target> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn remember(&self, name: &str, target: &Target) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(name.to_owned(), target.clone());
    }
}
