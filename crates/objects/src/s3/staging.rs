//! Staging areas in a bucket, found by the name of their upload from any node.
//!
//! ```text
//! staging/{multipart}/upload         the store's own multipart upload that parts stream into; its presence means "open"
//! staging/{multipart}/sealed         no part is taken any more
//! staging/{multipart}/{n}.claim      somebody streams part n, or has: nobody else may under this number
//! staging/{multipart}/{n}.{uuid}     a part as an object of its own
//! data/{multipart}/whole             what the store makes of its multipart upload
//! ```

use bytes::Bytes;

use super::S3;
use crate::ObjectsError;

/// The store's own multipart upload of a staging area.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backing {
    /// The store's upload id.
    pub(super) upload: String,
}

/// Key of what the store's multipart upload becomes.
pub(super) fn whole_key(multipart: &str) -> String {
    format!("data/{multipart}/whole")
}

pub(super) fn area(multipart: &str) -> String {
    format!("staging/{multipart}/")
}

fn upload_key(multipart: &str) -> String {
    format!("staging/{multipart}/upload")
}

fn sealed_key(multipart: &str) -> String {
    format!("staging/{multipart}/sealed")
}

fn claim_key(multipart: &str, number: u32) -> String {
    format!("staging/{multipart}/{number}.claim")
}

impl S3 {
    /// The backing upload of an area, if the area is there.
    pub(super) async fn backing(&self, multipart: &str) -> Result<Option<Backing>, ObjectsError> {
        let found = self.client.get(&upload_key(multipart)).await?;
        let text = found.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        Ok(text.map(|upload| Backing { upload }))
    }

    /// The backing upload of an area, begun if there is none. Two nodes may begin at once: the one whose note is written
    /// first wins, the other one's upload is given up.
    pub(super) async fn backing_or_new(&self, multipart: &str) -> Result<Backing, ObjectsError> {
        if let Some(found) = self.backing(multipart).await? {
            return Ok(found);
        }
        let whole = whole_key(multipart);
        let upload = self.client.begin(&whole).await?;
        if self.client.put_new(&upload_key(multipart), upload.clone().into()).await? {
            return Ok(Backing { upload });
        }
        self.client.abort(&whole, &upload).await?;
        self.backing(multipart).await?.ok_or_else(|| ObjectsError::Sealed(multipart.to_owned()))
    }

    pub(super) async fn is_sealed(&self, multipart: &str) -> Result<bool, ObjectsError> {
        Ok(self.client.head(&sealed_key(multipart)).await?.is_some())
    }

    /// Refuses unless the area is open. Asked again when the bytes of a part are durable: a seal that came before is seen.
    pub(super) async fn check_open(&self, multipart: &str) -> Result<(), ObjectsError> {
        let open = !self.is_sealed(multipart).await? && self.backing(multipart).await?.is_some();
        if open { Ok(()) } else { Err(ObjectsError::Sealed(multipart.to_owned())) }
    }

    pub(super) async fn set_seal(&self, multipart: &str) -> Result<(), ObjectsError> {
        self.client.put(&sealed_key(multipart), Bytes::from_static(b"sealed")).await
    }

    /// Takes the part number for good. `false`: somebody else streams or has streamed under it.
    pub(super) async fn claim(&self, multipart: &str, number: u32) -> Result<bool, ObjectsError> {
        self.client.put_new(&claim_key(multipart, number), Bytes::from_static(b"claimed")).await
    }

    /// Gives a part number back whose bytes nobody names and nobody sends any more.
    pub(super) async fn unclaim(&self, multipart: &str, number: u32) -> Result<(), ObjectsError> {
        self.client.delete(&claim_key(multipart, number)).await
    }

    /// Removes everything of an area. The note of its upload goes first: from then on no writer may finish.
    pub(super) async fn remove_area(&self, multipart: &str) -> Result<(), ObjectsError> {
        self.set_seal(multipart).await?;
        if let Some(backing) = self.backing(multipart).await? {
            self.client.delete(&upload_key(multipart)).await?;
            self.client.abort(&whole_key(multipart), &backing.upload).await?;
        }
        let area = area(multipart);
        let sealed = sealed_key(multipart);
        loop {
            let page = self.client.list(&area, "", 1000).await?;
            let others: Vec<&str> =
                page.iter().map(|(key, _)| key.as_str()).filter(|key| *key != sealed).collect();
            if others.is_empty() {
                break;
            }
            for key in others {
                self.client.delete(key).await?;
            }
        }
        self.client.delete(&sealed).await
    }
}
