//! Who may touch what on the object leg, and what every answer carries.

use http::Method;
use reelgate_model::{Clock, SessionState};
use reelgate_wire::cos::xml;

use crate::cos_client::{Call, CosClient, TOKEN};
use crate::test_app::{Answer, START, TestApp};
use crate::upload::{Upload, noise};

async fn denied(call: Call<'_>, status: u16, code: &str) -> String {
    let error = call.send().await.cos_error();
    assert_eq!((error.0, error.1.as_str()), (status, code), "{}", error.2);
    error.2
}

async fn sent(request: reqwest::RequestBuilder) -> (u16, String, String) {
    Answer::of(request).await.cos_error()
}

#[tokio::test]
async fn credentials_open_exactly_their_keys_in_their_bucket() {
    let app = TestApp::start().await;
    let (upload, other) = (app.open_upload().await, app.open_upload().await);
    let cos = &upload.cos;
    for key in [other.cos.video.as_str(), "1/2/3.mp4", &format!("{}x", cos.video), &cos.video[1..]] {
        denied(cos.call(Method::PUT, key).body("x"), 403, "AccessDenied").await;
        denied(cos.call(Method::POST, key).query("uploads", ""), 403, "AccessDenied").await;
    }
    let elsewhere = CosClient { bucket: "reelgate-99".to_owned(), ..cos.clone() };
    denied(elsewhere.call(Method::PUT, &cos.video).body("x"), 404, "NoSuchBucket").await;
    denied(cos.call(Method::PUT, ""), 405, "MethodNotAllowed").await;
    denied(cos.call(Method::PATCH, &cos.video), 405, "MethodNotAllowed").await;
    let id = other.cos.initiate(&other.cos.video).await;
    denied(cos.part(&cos.video, &id, 1, noise(1, 5)), 404, "NoSuchUpload").await;
}

#[tokio::test]
async fn signatures_tokens_and_windows_are_checked() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let (cos, key, now) = (&upload.cos, upload.cos.video.as_str(), START.seconds());
    let put = |client: &CosClient| client.call(Method::PUT, key).body("x").signed();

    let unsigned = app.http.put(cos.call(Method::PUT, key).url()).body("x");
    assert_eq!(sent(unsigned).await.1, "AccessDenied");
    let nobody = CosClient { access_key: "AKIDnobody".to_owned(), ..cos.clone() };
    assert_eq!(sent(put(&nobody)).await.1, "InvalidAccessKeyId");
    let forged = CosClient { secret_key: "guessed".to_owned(), ..cos.clone() };
    assert_eq!(sent(put(&forged)).await.1, "SignatureDoesNotMatch");
    for token in ["", "x", &cos.token[1..], &cos.token.to_uppercase()] {
        let wrong = CosClient { token: token.to_owned(), ..cos.clone() };
        assert_eq!(sent(put(&wrong)).await.1, "AccessDenied", "{token}");
    }
    let (status, code, message) = sent(cos.call(Method::PUT, key).window(now - 60, now - 1).signed()).await;
    assert_eq!((status, code.as_str(), message.as_str()), (403, "AccessDenied", "Request has expired"));
    let early = sent(cos.call(Method::PUT, key).window(now + 61, now + 99).signed()).await;
    assert_eq!(early.0, 403);
    // Official clients sign windows that end after the credential; only its own end counts.
    cos.call(Method::PUT, key).window(now - 10, now + 9_999_999).body("x").send().await.expect(200);

    let id = cos.initiate(key).await;
    let (client, request) = cos.part(key, &id, 1, noise(1, 10)).signed().build_split();
    let mut request = request.unwrap();
    let query = request.url().query().unwrap().replace("partNumber=1", "partNumber=2");
    request.url_mut().set_query(Some(&query));
    let tampered = Answer::of(reqwest::RequestBuilder::from_parts(client, request)).await.cos_error();
    assert_eq!((tampered.0, tampered.1.as_str()), (403, "SignatureDoesNotMatch"));
    assert!(cos.parts(key, &id).await.parts.is_empty());
}

#[tokio::test]
async fn a_presigned_url_carries_everything_in_its_query() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let call = upload.cos.call(Method::PUT, &upload.cos.video);
    let encode = reelgate_wire::cos::qsign::encode;
    let signed: Vec<String> = call
        .authorization()
        .split('&')
        .map(|pair| pair.split_once('=').map(|(name, value)| format!("{name}={}", encode(value))).unwrap())
        .collect();
    let url = format!("{}{}&{TOKEN}={}", call.url(), signed.join("&"), upload.cos.token);
    Answer::of(app.http.put(url).body("bytes")).await.expect(200);
}

#[tokio::test]
async fn a_credential_ends_by_its_own_time_and_resume_gives_another() {
    let app = TestApp::with(&[("REELGATE_UPLOAD__CREDENTIAL_TTL", "600")], Clock::manual(START)).await;
    let upload = app.open_upload().await;
    let key = upload.cos.video.as_str();
    let id = upload.cos.initiate(key).await;
    upload.cos.send_part(key, &id, 1, noise(1, 10)).await;
    app.advance(600);
    let message = denied(upload.cos.part(key, &id, 2, noise(2, 10)), 403, "ExpiredToken").await;
    assert!(message.contains("vodSessionKey"), "{message}");
    let resume = serde_json::json!({"vodSessionKey": upload.session_key});
    let fresh = app.apply(&app.sign(|_| {}), resume).await.cos;
    assert_eq!(fresh.parts(key, &id).await.parts.len(), 1);
    fresh.send_part(key, &id, 2, noise(2, 10)).await;
}

/// Every write that a session's credentials could do before.
async fn all_writes_are_denied(upload: &Upload, id: &str) {
    let (cos, key) = (&upload.cos, upload.cos.video.as_str());
    for call in [
        cos.call(Method::PUT, key).body("x"),
        cos.call(Method::POST, key).query("uploads", ""),
        cos.part(key, id, 1, noise(1, 10)),
        cos.complete(key, id, &[(1, "x".to_owned())]),
        cos.call(Method::DELETE, key).query("uploadId", id),
    ] {
        denied(call, 403, "AccessDenied").await;
    }
}

#[tokio::test]
async fn nothing_can_be_written_after_the_session_has_ended() {
    let app = TestApp::start().await;
    for state in [SessionState::Committed, SessionState::Expired] {
        let upload = app.open_upload().await;
        let id = upload.cos.initiate(&upload.cos.video).await;
        let scope = app.scope.clone();
        let session = upload.session_key[..32].to_owned();
        let unit = app.app.store.write::<_, reelgate_store::StoreError, _>(move |tx| {
            Box::pin(async move { tx.end_session(&scope, &session, state, "test").await })
        });
        unit.await.unwrap();
        all_writes_are_denied(&upload, &id).await;
    }
}

#[tokio::test]
async fn every_answer_can_be_read_by_a_page_and_named_to_support() {
    let app = TestApp::start().await;
    let upload = app.open_upload().await;
    let call =
        upload.cos.call(Method::PUT, &upload.cos.video).query("partNumber", "1").query("uploadId", "x");
    let error = call.send().await.expect(404);
    let parsed = xml::Error::parse(error.text.as_bytes()).unwrap();
    assert_eq!(parsed.request_id, error.header("x-cos-request-id"));
    assert!([&parsed.message, &parsed.resource, &parsed.trace_id].iter().all(|text| !text.is_empty()));
    let fine = upload.cos.call(Method::PUT, &upload.cos.video).body("x").send().await.expect(200);
    let race = app.http.head(upload.cos.call(Method::HEAD, "").url());
    for answer in [error, fine, Answer::of(race).await.expect(403)] {
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert!(answer.header("access-control-expose-headers").contains("ETag"));
        assert_eq!(answer.header("server"), "tencent-cos");
        assert!(!answer.header("x-cos-request-id").is_empty() && !answer.header("date").is_empty());
    }
}

#[tokio::test]
async fn preflights_are_answered_before_any_signature() {
    let app = TestApp::start().await;
    let asked = "authorization,content-md5,content-type,x-cos-security-token";
    let preflight = |url: String| {
        let request = app.http.request(Method::OPTIONS, url).header("origin", "https://app.example");
        request.header("access-control-request-headers", asked).header("access-control-request-method", "PUT")
    };
    let by_path = preflight(format!("{}/cos/reelgate-1/k?partNumber=1&uploadId=u", app.base));
    let by_host = preflight(format!("{}/k", app.base)).header("host", "reelgate-1.cos.ap-x.tencentcos.cn");
    for request in [by_path, by_host] {
        let answer = Answer::of(request).await;
        assert!([200, 204].contains(&answer.status));
        assert_eq!(answer.header("access-control-allow-headers"), asked);
        assert!(answer.header("access-control-allow-methods").contains("PUT"));
        assert_eq!(answer.header("access-control-max-age"), "600");
    }
}
