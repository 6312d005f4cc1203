use serde_json::{Value, json};

use super::*;

fn apply(body: Value) -> Result<ApplyRequest, String> {
    ApplyRequest::parse(body.to_string().as_bytes()).map_err(|error| error.to_string())
}

/// The bodies that the web SDK was seen to send (observed traffic, section 1).
#[test]
fn the_mode_follows_from_the_fields_present() {
    let new = apply(
        json!({"signature": "s", "videoName": "测试 视频（终版）", "videoType": "mp4", "videoSize": 536_079,
        "uploadFromWeb": true, "storageRegion": "ap-guangzhou"}),
    )
    .unwrap();
    let video = AnnouncedFile { name: "测试 视频（终版）", kind: "mp4", size: Some(536_079) };
    assert_eq!(new.mode(), Ok(ApplyMode::New { video, cover: None }));
    assert!(new.upload_from_web);

    let cover = json!({"coverName": "c", "coverType": "png", "coverSize": 2000});
    let mut with_cover = json!({"signature": "s", "videoType": "noextension", "videoName": ""});
    with_cover.as_object_mut().unwrap().extend(cover.as_object().unwrap().clone());
    let cover_file = AnnouncedFile { name: "c", kind: "png", size: Some(2000) };
    assert_eq!(
        apply(with_cover).unwrap().mode(),
        Ok(ApplyMode::New {
            video: AnnouncedFile { name: "", kind: "noextension", size: None },
            cover: Some(cover_file)
        })
    );

    let mut cover_only = json!({"signature": "s", "fileId": "5576678019876543210"});
    cover_only.as_object_mut().unwrap().extend(cover.as_object().unwrap().clone());
    assert_eq!(
        apply(cover_only).unwrap().mode(),
        Ok(ApplyMode::CoverOnly { file_id: "5576678019876543210", cover: cover_file })
    );

    let mobile_resume =
        apply(json!({"signature": "s", "vodSessionKey": "k", "videoName": "v", "videoType": "mp4"})).unwrap();
    assert_eq!(mobile_resume.mode(), Ok(ApplyMode::Resume { session_key: "k" }));

    for body in [
        json!({"signature": "s"}),
        json!({"signature": "s", "fileId": "1"}),
        json!({"signature": "s", "videoType": ""}),
    ] {
        assert!(apply(body).unwrap().mode().unwrap_err().to_string().contains("videoType (new video)"));
    }
}

#[test]
fn sizes_come_as_numbers_or_as_text() {
    for (size, expected) in [
        (json!(5), Some(5)),
        (json!("5"), Some(5)),
        (json!(5.0), Some(5)),
        (json!(0), Some(0)),
        (json!(null), None),
        (json!(""), None),
    ] {
        let request = apply(json!({"signature": "s", "videoType": "mp4", "videoSize": size}));
        assert_eq!(request.unwrap().video_size, expected, "{size}");
    }
    for size in [
        json!(-1),
        json!(1.5),
        json!("1e3"),
        json!("+1"),
        json!(true),
        json!([1]),
        json!(u64::MAX),
        json!(1e300),
    ] {
        let error = apply(json!({"signature": "s", "videoSize": size})).unwrap_err();
        assert!(error.starts_with("videoSize must be a number of bytes"), "{size}: {error}");
    }
}

#[test]
fn wrong_types_are_refused_by_name_and_informational_fields_are_not() {
    for (body, reason) in [
        (json!({}), "signature is missing"),
        (json!({"signature": ""}), "signature is missing"),
        (json!({"signature": 5}), "signature must be a string, not a number"),
        (json!({"signature": "s", "vodSessionKey": {}}), "vodSessionKey must be a string, not an object"),
        (json!({"signature": "s", "fileId": 1}), "fileId must be a string, not a number"),
        (json!([]), "the body is JSON but an array"),
    ] {
        assert!(apply(body.clone()).unwrap_err().contains(reason), "{body}");
    }
    assert!(ApplyRequest::parse(b"signature=x").unwrap_err().to_string().contains("not JSON"));
    let request =
        apply(json!({"signature": "s", "clientReportId": 7, "uploadFromWeb": "yes", "unknown": []})).unwrap();
    assert_eq!(request.client_report_id, "");
    assert_eq!(
        apply(json!({"signature": "s", "ExpireTime": "2030-01-01T00:00:00Z"})).unwrap().expire_time,
        "2030-01-01T00:00:00Z"
    );
    assert!(CommitRequest::parse(br#"{"signature":"s"}"#).unwrap_err().to_string().contains("vodSessionKey"));
    assert_eq!(PrepareRequest::parse(br#"{"signature":"s"}"#).unwrap().signature, "s");
}

#[test]
fn names_that_could_leave_their_directory_are_refused() {
    for (name, kind) in [("a", "../x"), ("a", "x\\y"), ("a", "x\0"), ("a\n", "mp4"), ("a", &"x".repeat(256))]
    {
        let request = apply(json!({"signature": "s", "videoName": name, "videoType": kind})).unwrap();
        assert!(request.mode().is_err(), "{name:?} {kind:?}");
    }
}

#[test]
fn requests_that_the_client_writes_read_back() {
    let request = ApplyRequest {
        signature: "s".to_owned(),
        video_name: "n".to_owned(),
        video_type: "mp4".to_owned(),
        video_size: Some(1 << 40),
        expire_time: "2030-01-01T00:00:00Z".to_owned(),
        ..ApplyRequest::default()
    };
    let body = serde_json::to_string(&request).unwrap();
    assert_eq!(
        body,
        r#"{"signature":"s","videoName":"n","videoType":"mp4","videoSize":1099511627776,"ExpireTime":"2030-01-01T00:00:00Z"}"#
    );
    assert_eq!(ApplyRequest::parse(body.as_bytes()), Ok(request));
}

/// The answer of wire reference 2.2, with exactly its types.
#[test]
fn an_apply_answer_has_the_types_that_mobile_clients_insist_on() {
    let data = ApplyData {
        video: Some(StorageObject { storage_signature: String::new(), storage_path: "/a/b.mp4".to_owned() }),
        cover: None,
        storage_app_id: 1_250_000_001,
        storage_bucket: "vodtest".to_owned(),
        storage_region: "gz".to_owned(),
        storage_region_v5: "ap-guangzhou".to_owned(),
        storage_region_v5_for_s3: "ap-guangzhou".to_owned(),
        domain: "vod2.qcloud.com".to_owned(),
        vod_session_key: "opaque".to_owned(),
        app_id: 1_250_000_000,
        timestamp: 1_700_000_000,
        temp_certificate: TemporaryCertificate {
            secret_id: "AKIDtmp".to_owned(),
            secret_key: "k".to_owned(),
            token: "t".to_owned(),
            expired_time: 1_700_007_200,
        },
        cos_acc: CosAcceleration::default(),
        mini_program_accelerate_host: String::new(),
    };
    let answer = serde_json::to_value(Answer::success(data.clone())).unwrap();
    assert_eq!(
        answer,
        json!({"code": 0, "message": "success", "data": {
            "video": {"storageSignature": "", "storagePath": "/a/b.mp4"},
            "storageAppId": 1_250_000_001, "storageBucket": "vodtest", "storageRegion": "gz",
            "storageRegionV5": "ap-guangzhou", "StorageRegionV5": "ap-guangzhou", "domain": "vod2.qcloud.com",
            "vodSessionKey": "opaque", "appId": 1_250_000_000, "timestamp": 1_700_000_000,
            "tempCertificate": {"secretId": "AKIDtmp", "secretKey": "k", "token": "t", "expiredTime": 1_700_007_200},
            "cosAcc": {"isOpen": 0, "domain": ""}, "MiniProgramAccelerateHost": ""}})
    );
    let shown = format!("{data:?}");
    assert!(!shown.contains("opaque") && !shown.contains("\"k\""), "{shown}");
    let read: Answer<ApplyData> = serde_json::from_value(answer).unwrap();
    assert_eq!(read.data, Some(data));
}

#[test]
fn prepare_and_commit_answers_are_as_the_reference_has_them() {
    let region = CosRegion {
        region: "ap-guangzhou".to_owned(),
        domain: "vodtest-1250000001.cos.ap-guangzhou.myqcloud.com".to_owned(),
        ..CosRegion::default()
    };
    let prepare = Answer::success(PrepareData { app_id: 1_250_000_000, cos_region_list: vec![region] });
    assert_eq!(
        serde_json::to_string(&prepare).unwrap(),
        r#"{"code":0,"message":"success","data":{"appId":1250000000,"cosRegionList":[{"region":"ap-guangzhou","domain":"vodtest-1250000001.cos.ap-guangzhou.myqcloud.com","isAcc":0,"ip":""}]}}"#
    );
    let video = StoredFile { url: "https://media.example/v.mp4".to_owned(), verify_content: String::new() };
    let commit = Answer::success(CommitData {
        video: Some(video),
        cover: None,
        file_id: "5576678019876543210".to_owned(),
    });
    assert_eq!(
        serde_json::to_string(&commit).unwrap(),
        r#"{"code":0,"message":"success","data":{"video":{"url":"https://media.example/v.mp4","verify_content":""},"fileId":"5576678019876543210"}}"#
    );
}

#[test]
fn refusals_have_the_vendors_words_then_ours_and_no_data() {
    let answer = Answer::<CommitData>::refusal(Code::InvalidSignature, "the MAC does not match");
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        r#"{"code":10004,"message":"ugc upload | invalid signature: the MAC does not match"}"#
    );
    let numbers =
        [Code::Success, Code::InvalidRequest, Code::SessionGone, Code::SignatureExpired].map(Code::number);
    assert_eq!(numbers, [0, 10001, 10005, 10010]);
}

#[test]
fn verify_content_is_the_mac_and_the_plain_text() {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(verify_content(b"key", "42", 7)).unwrap();
    assert_eq!(&bytes[20..], b"ExpTime=7&FileId=42");
    // printf %s 'ExpTime=7&FileId=42' | openssl dgst -sha1 -hmac key
    assert_eq!(hex::encode(&bytes[..20]), "4c818f3d1bb697d518ee60edc75497b7c082f20f");
}

#[test]
fn actions_are_known_by_name() {
    for action in [Action::Prepare, Action::Apply, Action::Commit] {
        assert_eq!(Action::from_name(action.as_str()), Some(action));
    }
    assert_eq!(Action::from_name("applyuploadugc"), None);
}
