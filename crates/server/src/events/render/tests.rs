//! Whole events as a vendor consumer gets them.

use serde_json::json;

use super::*;
use crate::events::fact::Fact;

fn pretty(fact: &Fact) -> String {
    let bytes = vendor3(fact).unwrap().expect("the fact has a vendor shape");
    assert_eq!(vendor3(fact).unwrap().unwrap(), bytes, "the same fact gives the same bytes");
    let again: Fact = serde_json::from_str(&serde_json::to_string(fact).unwrap()).unwrap();
    assert_eq!(vendor3(&again).unwrap().unwrap(), bytes, "also after it was in the log");
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains("null"), "{text}");
    serde_json::to_string_pretty(&serde_json::from_str::<Value>(&text).unwrap()).unwrap()
}

fn probe() -> ProbeFact {
    ProbeFact {
        size: 20_971_525,
        container: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        bitrate: 1_021_028,
        width: 1280,
        height: 720,
        duration: 60.047,
        rotate: 0,
        video_duration: 60.0,
        audio_duration: 59.99,
        video: vec![VideoStreamFact {
            bitrate: 900_000,
            width: 1280,
            height: 720,
            codec: "h264".to_owned(),
            fps: 29.97,
        }],
        audio: vec![AudioStreamFact { bitrate: 121_028, sample_rate: 44_100, codec: "aac".to_owned() }],
    }
}

fn upload(probe: ProbeFact, probe_error: &str) -> Fact {
    Fact::NewFileUpload(Box::new(NewFileUpload {
        media: MediaFact {
            file_id: "5576678019876543210".to_owned(),
            name: "holiday".to_owned(),
            r#type: "mp4".to_owned(),
            created_at: 1_700_000_000_000,
            updated_at: 1_700_000_001_999,
            expires_at: None,
            class_id: 0,
            media_url: "https://media.example/play/1/5576678019876543210/Kq3xZp.mp4".to_owned(),
            cover_url: String::new(),
            region: "ap-guangzhou".to_owned(),
            source_context: "user=42&trace=\"é\"".to_owned(),
            category: "Video".to_owned(),
        },
        probe,
        probe_error: probe_error.to_owned(),
        procedure_task_id: "1250000000-procedurev2-0123456789abcdef0123456789abcdeft0".to_owned(),
    }))
}

fn result(kind: &str, definition: i64, output: Value) -> SubtaskFact {
    SubtaskFact {
        kind: kind.to_owned(),
        definition,
        state: "success".to_owned(),
        progress: 100,
        err_code: 0,
        err_code_ext: String::new(),
        message: String::new(),
        input: Value::Null,
        output,
        begun_at: Some(1_700_000_002_000),
        finished_at: Some(1_700_000_042_000),
    }
}

fn failed(kind: &str, definition: i64) -> SubtaskFact {
    SubtaskFact {
        state: "fail".to_owned(),
        progress: 0,
        err_code: 60_000,
        err_code_ext: "SourceFileError.ContentMalformed".to_owned(),
        message: "the source cannot be decoded".to_owned(),
        ..result(kind, definition, Value::Null)
    }
}

fn task(finished: bool, results: Vec<SubtaskFact>) -> Fact {
    Fact::ProcedureStateChanged(Box::new(TaskSnapshot {
        task_id: "1250000000-procedurev2-0123456789abcdef0123456789abcdeft0".to_owned(),
        finished,
        file_id: "5576678019876543210".to_owned(),
        file_name: "holiday".to_owned(),
        file_url: "https://media.example/play/1/5576678019876543210/Kq3xZp.mp4".to_owned(),
        probe: probe(),
        results,
        priority: 0,
        notify_mode: "Finish".to_owned(),
        session_context: "order=7".to_owned(),
        session_id: String::new(),
    }))
}

fn review(segments: usize) -> SubtaskFact {
    let segment = json!({
        "start": 9.5, "end": 14, "confidence": 98, "label": "sexy", "suggestion": "block",
        "url": "https://media.example/play/1/5576678019876543210/r1/frame-9.jpg",
        "url_expires_at": 1_700_604_800_000_i64,
    });
    let output = json!({"confidence": 98, "suggestion": "block", "label": "sexy", "segments": vec![segment; segments]});
    result("Review.Porn", 900_010, output)
}

#[test]
fn a_full_upload() {
    insta::assert_snapshot!(pretty(&upload(probe(), "")));
}

#[test]
fn an_upload_that_is_no_readable_media_has_an_empty_structure() {
    let empty = ProbeFact { size: 11, ..ProbeFact::default() };
    insta::assert_snapshot!(pretty(&upload(empty, "not_media")));
}

#[test]
fn a_finished_short_video_task() {
    let base = "https://media.example/play/1/5576678019876543210/v1";
    let cover = SubtaskFact {
        input: json!({"position_type": "Time", "position_value": 0.0}),
        ..result("CoverBySnapshot", 10, json!({"url": format!("{base}/cover.jpg")}))
    };
    let results = vec![
        result(
            "AdaptiveDynamicStreaming",
            900_020,
            json!({"url": format!("{base}/adp.900020.m3u8"), "package": "HLS", "size": 9_000_000, "renditions": [
                {"kind": "video", "width": 1280, "height": 720, "size": 6_000_000},
                {"kind": "video", "width": 640, "height": 360, "size": 3_000_000},
            ]}),
        ),
        result(
            "Transcode",
            100_030,
            json!({"url": format!("{base}/v.f100030.mp4"), "size": 4_189_073, "container": "mov,mp4", "bitrate": 552_218,
                   "width": 960, "height": 540, "duration": 60.047, "md5": "eff7",
                   "video": [{"bitrate": 503_727, "width": 960, "height": 540, "codec": "h264", "fps": 25.0}],
                   "audio": [{"bitrate": 48_491, "sample_rate": 44_100, "codec": "aac"}]}),
        ),
        cover,
        result(
            "ImageSprites",
            10,
            json!({"width": 142, "height": 80, "total_count": 7, "image_urls": [format!("{base}/sprite_0.jpg")],
                   "vtt_url": format!("{base}/sprite.vtt")}),
        ),
        result("Review.Porn", 900_010, json!({"confidence": 3, "suggestion": "pass"})),
    ];
    insta::assert_snapshot!(pretty(&task(true, results)));
}

#[test]
fn a_task_with_a_failed_and_a_running_sub_task() {
    let running = SubtaskFact {
        state: "processing".to_owned(),
        progress: 40,
        finished_at: None,
        ..result("ImageSprites", 10, Value::Null)
    };
    let nobody = SubtaskFact {
        err_code: 40_000,
        err_code_ext: "InvalidInput.ConfigurationUnsupported".to_owned(),
        message: "this server has no model for it".to_owned(),
        ..failed("Review.Terrorism", 10)
    };
    insta::assert_snapshot!(pretty(&task(false, vec![failed("Transcode", 100_030), running, nobody])));
}

#[test]
fn a_review_that_blocks_has_its_segments_at_most_a_hundred() {
    insta::assert_snapshot!(pretty(&task(true, vec![review(1)])));
    let many = vendor3(&task(true, vec![review(250)])).unwrap().unwrap();
    let many: Value = serde_json::from_slice(&many).unwrap();
    let output = &many["ProcedureStateChangeEvent"]["AiContentReviewResultSet"][0]["PornTask"]["Output"];
    assert_eq!(output["SegmentSet"].as_array().unwrap().len(), 100);
}

#[test]
fn a_deletion_names_its_parts_and_a_whole_one_none() {
    let deleted = |parts| {
        let fact = Fact::FileDeleted { file_id: "557".into(), name: "holiday".into(), parts };
        serde_json::from_slice::<Value>(&vendor3(&fact).unwrap().unwrap()).unwrap()
    };
    let event = |parts: Value| {
        json!({"EventType": "FileDeleted", "FileDeleteEvent": {
            "FileIdSet": ["557"], "FileDeleteResultInfo": [{"FileId": "557", "DeleteParts": parts}]}})
    };
    assert_eq!(deleted(vec![]), event(json!([])));
    let part = DeletedPart { r#type: "TranscodeFiles".into(), definition: 100_030 };
    assert_eq!(deleted(vec![part]), event(json!([{"Type": "TranscodeFiles", "Definition": 100_030}])));
}

#[test]
fn our_own_events_have_no_vendor_shape() {
    let expired = Fact::UploadExpired { session_id: "s".into(), user: "u".into(), reason: "r".into() };
    let dead = Fact::DeliveryDead {
        delivery_id: "d".into(),
        event_id: "e".into(),
        endpoint_id: "p".into(),
        reason: "r".into(),
    };
    let exceeded = Fact::PermissionExceeded {
        permission_id: "p".into(),
        user: "u".into(),
        limit: "max_duration".into(),
        allowed: 60.0,
        found: 61.5,
    };
    let disabled = Fact::EndpointDisabled {
        endpoint_id: "p".into(),
        url: "http://x".into(),
        reason: "r".into(),
        given_up: 0,
    };
    for own in [expired, exceeded, dead, disabled] {
        assert!(own.event_type().starts_with("reelgate."), "what every vendor-shaped reader goes by");
        assert_eq!((vendor3(&own).unwrap(), vendor2(&own).unwrap()), (None, None));
    }
}

#[test]
fn a_deletion_in_both_formats() {
    let part = DeletedPart { r#type: "TranscodeFiles".to_owned(), definition: 100_020 };
    for parts in [vec![], vec![part]] {
        let fact =
            Fact::FileDeleted { file_id: "42".to_owned(), name: "holiday".to_owned(), parts: parts.clone() };
        let new: Value = serde_json::from_slice(&vendor3(&fact).unwrap().unwrap()).unwrap();
        let deleted: Vec<Value> =
            parts.iter().map(|one| json!({"Type": one.r#type, "Definition": one.definition})).collect();
        let expected = json!({"EventType": "FileDeleted", "FileDeleteEvent": {
            "FileIdSet": ["42"], "FileDeleteResultInfo": [{"FileId": "42", "DeleteParts": deleted}]}});
        assert_eq!(new, expected);
        if !parts.is_empty() {
            assert_eq!(vendor2(&fact).unwrap(), None, "the old format would say that all of it is gone");
            continue;
        }
        let old: Value = serde_json::from_slice(&vendor2(&fact).unwrap().unwrap()).unwrap();
        let expected = json!({"version": "4.0", "eventType": "FileDeleted",
            "data": {"status": 0, "message": "", "fileInfo": [{"fileId": "42"}]}});
        assert_eq!(old, expected);
    }
}

#[test]
fn the_old_format_tells_the_same_of_an_upload_and_a_task() {
    let old: Value = serde_json::from_slice(&vendor2(&upload(probe(), "task-1")).unwrap().unwrap()).unwrap();
    let new: Value = serde_json::from_slice(&vendor3(&upload(probe(), "task-1")).unwrap().unwrap()).unwrap();
    let (old, new) = (&old["data"], &new["FileUploadEvent"]);
    assert_eq!(old["fileId"], new["FileId"]);
    assert_eq!(old["fileName"], new["MediaBasicInfo"]["Name"]);
    assert_eq!(old["fileUrl"], new["MediaBasicInfo"]["MediaUrl"]);
    assert_eq!(old["sourceContext"], new["MediaBasicInfo"]["SourceInfo"]["SourceContext"]);
    assert_eq!(old["procedureTaskId"], new["ProcedureTaskId"]);
    assert_eq!(old["metaData"]["width"], new["MetaData"]["Width"]);
    assert!(old["metaData"]["duration"].is_u64() && old["metaData"]["floatDuration"].is_f64());

    let task = task(true, vec![review(1), failed("Transcode", 100_020)]);
    let old: Value = serde_json::from_slice(&vendor2(&task).unwrap().unwrap()).unwrap();
    let data = &old["data"];
    assert_eq!(old["eventType"], "ProcedureStateChanged");
    assert_eq!(data["status"], "FINISH");
    assert_eq!(data["contentReviewList"][0]["taskType"], "Porn");
    assert_eq!(data["contentReviewList"][0]["output"]["segments"].as_array().unwrap().len(), 1);
    assert_eq!(data["processTaskList"][0]["status"], "FAIL");
    assert!(data["processTaskList"][0].get("output").is_none());
    assert!([30_009, 30_010].map(Value::from).contains(&data["processTaskList"][0]["errCode"]));
}

#[test]
fn records_that_make_no_sense_are_errors_not_events() {
    let unknown = SubtaskFact { kind: "Teleport".to_owned(), ..failed("Transcode", 1) };
    assert!(matches!(vendor3(&task(true, vec![unknown])), Err(RenderError::UnknownWord(_))));
    let silent = result("Transcode", 1, Value::Null);
    assert!(matches!(vendor3(&task(true, vec![silent])), Err(RenderError::Unreadable { .. })));
    let odd = SubtaskFact { state: "resting".to_owned(), ..failed("Transcode", 1) };
    assert!(matches!(vendor3(&task(true, vec![odd])), Err(RenderError::UnknownWord(_))));
}

#[test]
fn times_and_numbers_out_of_range_do_no_harm() {
    assert_eq!(iso8601(1_700_000_000_999), "2023-11-14T22:13:20Z");
    assert_eq!(iso8601(i64::MAX), NEVER);
    assert_eq!(iso8601(NEVER_MS), NEVER);
    assert_eq!((count(-5), percent(250), percent(-1)), (0, 100.0, 0.0));
}
