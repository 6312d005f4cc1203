//! A storage that is nearly full refuses new bytes by name and loses nothing of what it has.

use http::Method;
use serde_json::json;

use crate::cos_client::CosClient;
use crate::test_app::TestApp;
use crate::upload::{noise, signed};

const SENTENCE: &str =
    "the server is short of disk space and takes no more bytes now; nothing is lost, try again later";

#[tokio::test]
async fn a_nearly_full_storage_takes_nothing_new_and_finishes_what_it_has() {
    let Some(app) = TestApp::on_postgres().await else { return };
    let upload = app.apply(&app.sign(|_| {}), json!({"videoType": "mp4", "coverType": "png"})).await;
    let video = upload.cos.video.clone();
    let id = upload.cos.initiate(&video).await;
    let etag = upload.cos.send_part(&video, &id, 1, noise(1, 1000)).await;

    // The same machine as this node sees it: no disk has so much room.
    let full = app.another_node_with(&[("REELGATE_UPLOAD__MIN_FREE", "9000000000000000000")]).await;
    let body = signed(&full.sign(|_| {}), json!({"videoType": "mp4", "videoSize": 1}));
    let message = full.refused("ApplyUploadUGC", body, 10001).await;
    assert_eq!(message, format!("ugc upload | invalid request: {SENTENCE}"));
    assert_eq!(app.open_sessions().await, 1);

    let resumed = signed(&full.sign(|_| {}), json!({"vodSessionKey": upload.session_key}));
    let cos = CosClient::of(&full, &full.ugc_data("ApplyUploadUGC", resumed).await);
    let refused = (503, "ServiceUnavailable".to_owned(), SENTENCE.to_owned());
    assert_eq!(cos.part(&video, &id, 2, noise(2, 10)).send().await.cos_error(), refused);
    assert_eq!(cos.part(&video, &id, 1, noise(3, 1000)).send().await.cos_error(), refused);
    assert_eq!(cos.call(Method::PUT, &cos.cover).body("cover").send().await.cos_error(), refused);
    let listed = cos.parts(&video, &id).await;
    assert_eq!(listed.parts.len(), 1, "what was acknowledged is there");
    cos.complete(&video, &id, &[(1, etag)]).send().await.expect(200);
    assert_eq!(cos.call(Method::HEAD, &video).send().await.expect(200).header("content-length"), "1000");

    // Where there is room the session goes on.
    upload.cos.call(Method::PUT, &upload.cos.cover).body("cover").send().await.expect(200);
}
