//! DescribeMediaInfos.

use serde_json::{Value, json};

use crate::flows::{self, Upload};
use crate::test_app::TestApp;

const DESCRIBE: &str = "DescribeMediaInfos";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_media_is_described_with_everything_that_was_made_of_it() {
    let Some(t) = flows::machine_clock().await else { return };
    let file = Upload::sample("ReelgateShortVideo").commit(&t).await.to_string();
    let before = t.cloud(DESCRIBE, json!({"FileIds": [file, "5576678019876543210", "no number"]})).await;
    assert_eq!(before["NotExistFileIdSet"], json!(["5576678019876543210", "no number"]));
    let info = &before["MediaInfoSet"][0];
    assert_eq!((&info["FileId"], &info["BasicInfo"]["Name"]), (&json!(file), &json!("bunny")));
    assert_eq!((&info["MetaData"]["Width"], &info["MetaData"]["Height"]), (&json!(1280), &json!(720)));
    assert_eq!(info["TranscodeInfo"], json!({"TranscodeSet": []}));
    assert_eq!((&info["ReviewInfo"], &info["SubtitleInfo"]), (&Value::Null, &Value::Null));

    flows::work_off(&t).await;
    let after = t.cloud(DESCRIBE, json!({"FileIds": [file]})).await;
    assert_eq!(after["NotExistFileIdSet"], json!([]));
    let info = &after["MediaInfoSet"][0];
    let file_made = &info["TranscodeInfo"]["TranscodeSet"][0];
    assert_eq!((&file_made["Definition"], &file_made["Height"]), (&json!(100_030), &json!(720)));
    let ladder = &info["AdaptiveDynamicStreamingInfo"]["AdaptiveDynamicStreamingSet"][0];
    assert_eq!((&ladder["Package"], ladder["SubStreamSet"].as_array().unwrap().len()), (&json!("HLS"), 2));
    assert_eq!(info["ImageSpriteInfo"]["ImageSpriteSet"][0]["TotalCount"], 1);
    assert_eq!(info["SampleSnapshotInfo"], json!({"SampleSnapshotSet": []}));
    assert_eq!(info["SnapshotByTimeOffsetInfo"], json!({"SnapshotByTimeOffsetSet": []}));
    let review = &info["ReviewInfo"]["MediaReviewInfo"];
    assert_eq!((&review["Suggestion"], &review["TypeSet"]), (&json!("pass"), &json!([])));
    assert!(info["BasicInfo"]["CoverUrl"].as_str().unwrap().ends_with(".jpg"));

    let few = t.cloud(DESCRIBE, json!({"FileIds": [file], "Filters": ["metaData", "subtitleInfo"]})).await;
    let members = few["MediaInfoSet"][0].as_object().unwrap();
    let there: Vec<&str> =
        members.iter().filter(|(_, value)| !value.is_null()).map(|(name, _)| name.as_str()).collect();
    assert_eq!(there, ["MetaData", "FileId"]);
}

#[tokio::test]
async fn a_media_that_nobody_has_looked_at_has_no_meta_data_yet_and_others_are_not_seen() {
    let t = TestApp::start().await;
    let file = Upload { bytes: b"xx".to_vec(), ..Upload::sample("") }.commit_unseen(&t).await.to_string();
    let found = t.cloud(DESCRIBE, json!({"FileIds": [file]})).await;
    assert_eq!(
        (&found["MediaInfoSet"][0]["FileId"], &found["MediaInfoSet"][0]["MetaData"]),
        (&json!(file), &Value::Null)
    );
    t.another_app(1_500_000_077).await;
    t.app.directory.changed();
    let other = t.cloud(DESCRIBE, json!({"FileIds": [file], "SubAppId": 1_500_000_077})).await;
    assert_eq!(other["NotExistFileIdSet"], json!([file]));
    t.cloud_refuses(DESCRIBE, json!({"FileIds": []}), "InvalidParameterValue.FileIdsEmpty").await;
    t.cloud_refuses(DESCRIBE, json!({"FileIds": vec!["1"; 21]}), "InvalidParameterValue.FileIdsTooMany")
        .await;
    let filters = json!({"FileIds": ["1"], "Filters": ["all"]});
    t.cloud_refuses(DESCRIBE, filters, "InvalidParameterValue.Filters").await;
}
