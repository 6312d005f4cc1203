//! An upload as an official client does it: Apply, bytes, Commit.

use bytes::Bytes;
use reelgate_store::NewApp;
use serde_json::{Value, json};

use crate::cos_client::CosClient;
use crate::test_app::TestApp;

/// A real video: five seconds, 1280x720, H.264 and AAC.
pub(crate) fn sample() -> Bytes {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/bigbuckbunny-5s-720p.mp4");
    std::fs::read(path).unwrap().into()
}

/// `length` bytes that look random and are the same for the same `seed`.
pub(crate) fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..length.div_ceil(8)).flat_map(|_| next().to_le_bytes()).take(length).collect()
}

/// An open session.
pub(crate) struct Upload {
    pub(crate) session_key: String,
    /// The `data` of its Apply.
    pub(crate) data: Value,
    pub(crate) cos: CosClient,
}

/// `fields` and the signature, as one body.
pub(crate) fn signed(signature: &str, mut fields: Value) -> Value {
    fields["signature"] = signature.into();
    fields
}

impl TestApp {
    /// Opens (or resumes) with `signature`; must succeed.
    pub(crate) async fn apply(&self, signature: &str, fields: Value) -> Upload {
        let data = self.ugc_data("ApplyUploadUGC", signed(signature, fields)).await;
        let session_key = data["vodSessionKey"].as_str().unwrap().to_owned();
        Upload { session_key, cos: CosClient::of(self, &data), data }
    }

    /// Opens an upload of an `.mp4` of any size.
    pub(crate) async fn open_upload(&self) -> Upload {
        self.apply(&self.sign(|_| {}), json!({"videoName": "holiday", "videoType": "mp4"})).await
    }

    /// The body of a Commit with a fresh signature.
    pub(crate) fn commit_body(&self, session_key: &str) -> Value {
        json!({"signature": self.sign(|_| {}), "vodSessionKey": session_key})
    }

    /// Commits with a fresh signature; must succeed.
    pub(crate) async fn commit(&self, upload: &Upload) -> Value {
        self.ugc_data("CommitUploadUGC", self.commit_body(&upload.session_key)).await
    }

    /// A UGC call that is refused: HTTP 200, readable by any page, and this code with its words. Returns the message.
    #[track_caller]
    pub(crate) fn refused(&self, action: &str, body: Value, code: i64) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.ugc(action, &body).await.expect(200);
            assert_eq!(answer.header("access-control-allow-origin"), "*", "{caller}");
            let answer = answer.json();
            assert_eq!(answer["code"], code, "{answer} at {caller}");
            answer["message"].as_str().unwrap().to_owned()
        }
    }

    /// Makes another application of the account.
    pub(crate) async fn another_app(&self, id: i64) {
        let app = NewApp { id: reelgate_model::AppId(id), name: "other".to_owned(), private: false };
        let unit = self.app.store.write::<_, reelgate_store::StoreError, _>(move |tx| {
            Box::pin(async move { tx.create_app(&app).await })
        });
        unit.await.unwrap();
    }

    /// How many sessions are open.
    pub(crate) async fn open_sessions(&self) -> usize {
        let forever = reelgate_model::Time(i64::MAX);
        self.app.store.read().await.unwrap().sessions_due(forever, 10_000).await.unwrap().len()
    }
}
