//! Limits of users and of signatures: what Apply takes, what Commit settles, what an end without one gives back. Each
//! test runs on SQLite and on PostgreSQL: the guards that keep concurrent units apart are not the same.

mod addresses;
mod crossing;
mod daily;
mod ends;
mod once;
mod open;
mod processes;
mod whose;

use http::Method;
use reelgate_model::{Clock, Scope, Time};
use reelgate_store::{Amount, Quota, Session};
use reelgate_testkit::{find_program, skip};
use serde_json::{Value, json};

use crate::cos_client::CosClient;
use crate::test_app::{Answer, BACKEND, START, TestApp};
use crate::upload::{Upload, signed};

const MIB: u64 = 1 << 20;
/// What an announced cover reserves: most bytes that a cover may have.
const COVER: u64 = 20 * MIB;
/// What a file of these tests has.
const SIZE: u64 = 1_000;
const DAY: u64 = 86_400;

/// Runs `test` on a server whose only policy is `policy`, on SQLite and, where there is one, on PostgreSQL.
async fn under(policy: Value, test: impl AsyncFn(&TestApp)) {
    under_all(json!([policy]), test).await;
}

/// The same with a list of policies.
async fn under_all(policies: Value, test: impl AsyncFn(&TestApp)) {
    let policies = policies.to_string();
    let settings = [
        ("REELGATE_DISPATCH__POLICIES", policies.as_str()),
        ("REELGATE_DISPATCH__PROCEDURE", ""),
        ("REELGATE_SERVER__TRUSTED_PROXIES", r#"["127.0.0.0/8"]"#),
    ];
    test(&TestApp::with(&settings, Clock::manual(START)).await).await;
    if let Some(app) = TestApp::on_postgres_with(&settings).await {
        test(&app).await;
    }
}

/// A file of [`SIZE`] bytes, announced with them.
fn file() -> Value {
    json!({"videoName": "a", "videoType": "mp4", "videoSize": SIZE})
}

fn amount(uploads: u64, bytes: u64) -> Amount {
    Amount { uploads, bytes }
}

impl TestApp {
    /// A signature of the signature service for `user`.
    async fn issued(&self, user: &str, one_time: bool) -> String {
        let order = json!({"user": user, "one_time": one_time});
        let answer = self.post(BACKEND, "/v1/upload-signatures", order).await.expect(200).json;
        answer["signature"].as_str().unwrap().to_owned()
    }

    /// What `user` has used today.
    async fn used(&self, user: &str) -> Amount {
        self.used_on(user, self.today()).await
    }

    /// Today's number.
    fn today(&self) -> i64 {
        self.clock.now().seconds().div_euclid(86_400)
    }

    async fn used_on(&self, user: &str, day: i64) -> Amount {
        self.quota(&self.scope, &format!("user:{user}"), day).await
    }

    /// What the open sessions of the signature that opened `session` occupy.
    async fn occupied(&self, session: &Session) -> Amount {
        let subject = format!("permission:{}", session.request.holder);
        self.quota(&self.scope, &subject, Quota::WHILE_OPEN).await
    }

    async fn quota(&self, scope: &Scope, subject: &str, period: i64) -> Amount {
        self.app.store.read().await.unwrap().quota_used(scope, subject, period).await.unwrap()
    }

    /// The row of an upload.
    async fn session(&self, upload: &Upload) -> Session {
        let id = &upload.session_key[..32];
        self.app.store.read().await.unwrap().session(id).await.unwrap().unwrap()
    }

    /// An Apply of `fields` with a fresh one-time signature of `user`, which succeeds.
    async fn open_for(&self, user: &str, fields: Value) -> Upload {
        self.apply(&self.issued(user, true).await, fields).await
    }

    /// The same, which is refused with code 10001 and exactly this sentence.
    #[track_caller]
    fn full_for(&self, user: &str, fields: Value, sentence: &str) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        let (user, sentence) = (user.to_owned(), sentence.to_owned());
        async move {
            let signature = self.issued(&user, true).await;
            let message = self.refused("ApplyUploadUGC", signed(&signature, fields), 10001).await;
            assert_eq!(message, format!("ugc upload | invalid request: {sentence}"), "{caller}");
        }
    }

    /// A UGC call that comes through a proxy from `address`.
    async fn ugc_from(&self, address: &str, action: &str, body: &Value) -> Value {
        let url = self.url(&format!("/v3/index.php?Action={action}"));
        let request = self.http.post(url).header("x-forwarded-for", address).json(body);
        Answer::of(request).await.expect(200).json
    }

    /// Opens an upload through a proxy from `address`.
    async fn apply_at(&self, address: &str, signature: &str, fields: Value) -> Upload {
        let answer = self.ugc_from(address, "ApplyUploadUGC", &signed(signature, fields)).await;
        assert_eq!(answer["code"], 0, "{answer}");
        let data = answer["data"].clone();
        let session_key = data["vodSessionKey"].as_str().unwrap().to_owned();
        Upload { session_key, cos: CosClient::of(self, &data), data }
    }

    /// The permissions of the open sessions.
    async fn open_permissions(&self) -> Vec<String> {
        let mut read = self.app.store.read().await.unwrap();
        let open = read.sessions_due(Time(i64::MAX), 1_000).await.unwrap();
        open.into_iter().map(|session| session.request.permission).collect()
    }

    /// Commits with the signature that opened the session, or another one of its user.
    async fn commit_with(&self, signature: &str, upload: &Upload) -> Value {
        let body = signed(signature, json!({"vodSessionKey": upload.session_key}));
        self.ugc_data("CommitUploadUGC", body).await
    }
}

/// Puts the video of an upload in one request.
async fn put_video(upload: &Upload, bytes: bytes::Bytes) {
    upload.cos.call(Method::PUT, &upload.cos.video).body(bytes).send().await.expect(200);
}

/// The same for its cover.
async fn put_cover(upload: &Upload, bytes: bytes::Bytes) {
    upload.cos.call(Method::PUT, &upload.cos.cover).body(bytes).send().await.expect(200);
}

/// Whether this machine can look at media, which Commit does; says so if not.
fn can_commit() -> bool {
    let found = ["ffmpeg", "ffprobe"].iter().all(|name| find_program(&[name]).is_some());
    if !found {
        skip(std::thread::current().name().unwrap_or("a test"), "ffmpeg and ffprobe are not both in PATH");
    }
    found
}

/// The sentence of a day whose uploads are used up.
fn uploads_full(used: u64, most: u64) -> String {
    format!("{used} uploads have been begun today (UTC) and {most} are allowed; try again tomorrow")
}

/// The sentence of a day whose bytes do not suffice.
fn bytes_full(used: u64, most: u64, wanted: u64) -> String {
    format!(
        "{used} of the {most} bytes allowed on one day (UTC) are used, and this upload reserves {wanted}; send less, or \
         try again tomorrow"
    )
}
