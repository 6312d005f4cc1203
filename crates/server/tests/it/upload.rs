//! An upload as an official client does it: Apply, bytes, Commit.

use std::time::Duration;

use bytes::Bytes;
use reelgate_store::{Event, LogRead, NewApp, StoreError, unit};
use reelgate_testkit::{find_program, skip};
use reelgate_wire::permission::Permission;
use reelgate_wire::upload_signature::Parameters;
use serde_json::{Value, json};

use crate::cos_client::CosClient;
use crate::test_app::{Answer, SECRET_ID, SECRET_KEY, TestApp};

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

/// A permission without a user or limits.
pub(crate) fn permission() -> Permission {
    Permission { id: "perm-1".to_owned(), key_id: "key-1".to_owned(), ..Permission::default() }
}

/// `fields` and the signature, as one body.
pub(crate) fn signed(signature: &str, mut fields: Value) -> Value {
    fields["signature"] = signature.into();
    fields
}

impl TestApp {
    /// A server that can look at media; `None`, having said so, on a machine without ffmpeg.
    pub(crate) async fn with_ffmpeg() -> Option<Self> {
        if find_program(&["ffmpeg"]).is_some() && find_program(&["ffprobe"]).is_some() {
            return Some(Self::start().await);
        }
        skip(std::thread::current().name().unwrap_or("a test"), "ffmpeg and ffprobe are not both in PATH");
        None
    }

    /// Moves a manual clock.
    pub(crate) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// An upload signature as an application's backend makes it, good for an hour, changed by `change` first.
    pub(crate) fn sign(&self, change: impl FnOnce(&mut Parameters)) -> String {
        let now = self.clock.now().seconds();
        let mut parameters = Parameters {
            secret_id: SECRET_ID.to_owned(),
            current_time_stamp: now,
            expire_time: now + 3_600,
            random: rand::random::<u32>().into(),
            ..Parameters::default()
        };
        change(&mut parameters);
        parameters.sign(SECRET_KEY.as_bytes())
    }

    /// A signature with a permission of ours in it.
    pub(crate) fn sign_permission(&self, permission: Permission) -> String {
        self.sign(|parameters| parameters.reelgate = Some(permission.encode().unwrap()))
    }

    /// A call of the UGC door, whatever it answers.
    pub(crate) async fn ugc(&self, action: &str, body: &Value) -> Answer {
        let url = self.url(&format!("/v3/index.php?Action={action}"));
        Answer::of(self.http.post(url).json(body)).await
    }

    /// A call of the UGC door that succeeds; its `data`.
    #[track_caller]
    pub(crate) fn ugc_data(&self, action: &'static str, body: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = self.ugc(action, &body).await.expect(200).json;
            assert_eq!(answer["code"], 0, "{answer} at {caller}");
            answer["data"].clone()
        }
    }

    /// All events of the main application, oldest first. On PostgreSQL other tests' transactions hold the log back for a moment.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let mut read = self.app.store.read().await.unwrap();
        while read.has_held_back().await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let start = read.log_start().await.unwrap();
        match read.events_after(&self.scope, &start, 10_000).await.unwrap() {
            LogRead::Page(page) => page.events,
            LogRead::Reset(at) | LogRead::Expired(at) => panic!("the log begins elsewhere: {at}"),
        }
    }

    /// The types of these events.
    pub(crate) async fn event_types(&self) -> Vec<String> {
        self.events().await.into_iter().map(|event| event.kind).collect()
    }

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
            let answer = answer.json;
            assert_eq!(answer["code"], code, "{answer} at {caller}");
            answer["message"].as_str().unwrap().to_owned()
        }
    }

    /// Makes another application of the account.
    pub(crate) async fn another_app(&self, id: i64) {
        let app = NewApp { id: reelgate_model::AppId(id), name: "other".to_owned(), private: false };
        let work = unit::<(), StoreError, _>(move |tx| Box::pin(async move { tx.create_app(&app).await }));
        self.app.store.write(work).await.unwrap();
    }

    /// How many sessions are open.
    pub(crate) async fn open_sessions(&self) -> usize {
        let forever = reelgate_model::Time(i64::MAX);
        self.app.store.read().await.unwrap().sessions_due(forever, 10_000).await.unwrap().len()
    }
}
