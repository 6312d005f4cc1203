//! The cloud API door, with requests signed as the vendor's SDKs sign them.

mod authentication;
mod delete;
mod delete_parts;
mod door;
mod media_infos;
mod pulls;
mod search;
mod tasks;

use http::Method;
use reelgate_wire::cloudapi::{VERSION, form, tc3};
use serde_json::{Value, json};

use crate::test_app::{Answer, SECRET_ID, SECRET_KEY, TestApp};
use crate::upload::noise;

/// One request, as it will be sent; every part can be changed.
#[derive(Clone)]
struct Call<'a> {
    secret_id: &'a str,
    secret_key: &'a str,
    method: Method,
    action: &'a str,
    version: &'a str,
    query: &'a str,
    body: String,
    content_type: &'a str,
    /// Seconds that the client's clock is ahead.
    ahead: i64,
    more: Vec<(&'a str, &'a str)>,
}

impl<'a> Call<'a> {
    fn of(action: &'a str, body: &Value) -> Self {
        Self {
            secret_id: SECRET_ID,
            secret_key: SECRET_KEY,
            method: Method::POST,
            action,
            version: VERSION,
            query: "",
            body: body.to_string(),
            content_type: "application/json",
            ahead: 0,
            more: Vec::new(),
        }
    }

    async fn send(&self, t: &TestApp) -> Answer {
        let host = t.base.strip_prefix("http://").unwrap();
        let timestamp = t.clock.now().seconds() + self.ahead;
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut headers: Vec<(String, String)> = self.more.iter().map(text).collect();
        headers.push(("host".to_owned(), host.to_owned()));
        headers.push(("content-type".to_owned(), self.content_type.to_owned()));
        let body = match self.more.contains(&("x-tc-content-sha256", "UNSIGNED-PAYLOAD")) {
            true => "UNSIGNED-PAYLOAD",
            false => self.body.as_str(),
        };
        let request = tc3::Request {
            method: self.method.as_str(),
            path: "/",
            query: self.query,
            headers: &headers,
            body: body.as_bytes(),
        };
        let signature = tc3::authorization(self.secret_id, self.secret_key, "vod", &request, timestamp);
        let mark = if self.query.is_empty() { "" } else { "?" };
        let mut request = t.http.request(self.method.clone(), t.url(&format!("/{mark}{}", self.query)));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        request = request
            .header("authorization", signature)
            .header("x-tc-action", self.action)
            .header("x-tc-version", self.version)
            .header("x-tc-timestamp", timestamp.to_string())
            .body(self.body.clone());
        Answer::of(request).await
    }
}

/// What every answer has; its `Response`.
#[track_caller]
fn response(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{}", answer.text);
    let response = answer.json["Response"].clone();
    assert_eq!(response["RequestId"].as_str().unwrap().len(), 36, "{response}");
    response
}

/// Checks that this is a refusal with this code, whose sentence holds `words`.
#[track_caller]
fn is_refusal(answer: &Answer, code: &str, words: &str) {
    let error = &response(answer)["Error"];
    assert_eq!(error["Code"], code, "{error}");
    let message = error["Message"].as_str().unwrap();
    assert!(message.contains(words), "{message:?} does not hold {words:?}");
}

impl TestApp {
    /// A call that succeeds; its `Response`.
    #[track_caller]
    fn cloud(&self, action: &'static str, body: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let answer = response(&Call::of(action, &body).send(self).await);
            assert_eq!(answer["Error"], Value::Null, "{answer} at {caller}");
            answer
        }
    }

    /// A call that is refused with this code.
    async fn cloud_refuses(&self, action: &str, body: Value, code: &str) {
        is_refusal(&Call::of(action, &body).send(self).await, code, "");
    }

    /// A form that is signed with version 1.
    async fn form(&self, method: &str, pairs: &[(&str, &str)]) -> Answer {
        let text = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut pairs: Vec<(String, String)> = pairs.iter().map(text).collect();
        let now = self.clock.now().seconds().to_string();
        for (name, value) in [
            ("SecretId", SECRET_ID),
            ("Nonce", "4242"),
            ("Timestamp", now.as_str()),
            ("Version", VERSION),
            ("RequestClient", "SDK_NODEJS_3.0.270"),
            ("Language", "en-US"),
        ] {
            pairs.push(text(&(name, value)));
        }
        let host = self.base.strip_prefix("http://").unwrap();
        let signature = form::sign(SECRET_KEY, method, host, &pairs);
        pairs.push(("Signature".to_owned(), signature));
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        Answer::of(match method {
            "GET" => self.http.get(self.url(&format!("/?{encoded}"))),
            _ => self
                .http
                .post(self.url("/"))
                .header("content-type", "application/x-www-form-urlencoded")
                .body(encoded),
        })
        .await
    }

    /// A media of noise, whole and announced; its FileId.
    async fn a_media(&self, name: &str) -> String {
        let signature = self.sign(|_| {});
        let upload = self.apply(&signature, json!({"videoName": name, "videoType": "mp4"})).await;
        upload.cos.upload(&upload.cos.video, &noise(1, 300_000), 1 << 20).await;
        self.commit(&upload).await["fileId"].as_str().unwrap().to_owned()
    }
}
