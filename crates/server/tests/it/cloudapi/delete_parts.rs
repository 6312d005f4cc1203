//! DeleteMedia of some files: they are gone, the others stay.

use serde_json::{Value, json};

use super::delete::{stored, sweep};
use crate::flows::{self, Upload};
use crate::test_app::{Answer, BACKEND};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_go_one_by_one() {
    let Some(t) = flows::manual_clock(&[]).await else { return };
    let id = Upload::sample("ReelgateShortVideo").commit(&t).await;
    flows::work_off(&t).await;
    let file = id.to_string();
    let info =
        async || t.cloud("DescribeMediaInfos", json!({"FileIds": [file]})).await["MediaInfoSet"][0].clone();
    let delete = async |kind: &str, definition: i64| {
        let parts = json!([{"Type": kind, "Definition": definition}]);
        t.cloud("DeleteMedia", json!({"FileId": file, "DeleteParts": parts})).await
    };
    let gone = async |url: &Value| {
        Answer::of(t.http.get(url.as_str().unwrap())).await.is_problem(404, "not_found", "nothing to play");
    };
    let there =
        async |url: &Value| assert_eq!(t.http.get(url.as_str().unwrap()).send().await.unwrap().status(), 200);
    let before = info().await;
    let mp4 = &before["TranscodeInfo"]["TranscodeSet"][0];
    let ladder = &before["AdaptiveDynamicStreamingInfo"]["AdaptiveDynamicStreamingSet"][0];
    let source = &before["BasicInfo"]["MediaUrl"];

    delete("TranscodeFiles", mp4["Definition"].as_i64().unwrap()).await;
    gone(&mp4["Url"]).await;
    there(&ladder["Url"]).await;
    assert_eq!(info().await["TranscodeInfo"], json!({"TranscodeSet": []}));
    delete("AdaptiveDynamicStreamingFiles", 0).await;
    gone(&ladder["Url"]).await;
    there(source).await;
    let shown = t.get(BACKEND, &format!("/v1/media/{file}")).await.expect(200).json;
    assert_eq!(shown["playback"], json!({"hls_url": null, "mp4": []}));
    delete("OriginalFiles", 0).await;
    gone(source).await;
    assert_eq!(info().await["BasicInfo"]["MediaUrl"], "");
    there(&before["BasicInfo"]["CoverUrl"]).await;

    sweep(&t).await;
    let left: Vec<String> = stored(&t, id).iter().map(|path| path.to_string_lossy().into_owned()).collect();
    assert!(!left.is_empty() && left.iter().all(|path| path.contains("/stills-")), "{left:?}");
    there(&before["BasicInfo"]["CoverUrl"]).await;
    let kinds = t.event_types().await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "FileDeleted").count(), 3, "{kinds:?}");
    for kind in ["OriginalFiles", "TranscodeFiles", "AdaptiveDynamicStreamingFiles", "WechatPublishFiles", ""]
    {
        let code = if kind.is_empty() { "MissingParameter" } else { "InvalidParameterValue" };
        let parts = json!([{"Type": kind, "Definition": 0}]);
        t.cloud_refuses("DeleteMedia", json!({"FileId": file, "DeleteParts": parts}), code).await;
    }
    assert_eq!(t.event_types().await.len(), kinds.len());
}
