use serde_json::json;

use super::*;

fn metadata() -> MediaMetaData {
    MediaMetaData {
        size: 20_971_525,
        container: "mov,mp4,m4a,3gp,3g2,mj2".to_owned(),
        bitrate: 1_021_028,
        height: 720,
        width: 1280,
        duration: 60.047,
        video_duration: 60.0,
        audio_duration: 59.99,
        video_stream_set: vec![MediaVideoStreamItem {
            bitrate: 900_000,
            height: 720,
            width: 1280,
            codec: "h264".to_owned(),
            fps: 25,
            codec_tag: "avc1".to_owned(),
        }],
        audio_stream_set: vec![MediaAudioStreamItem {
            bitrate: 121_028,
            sampling_rate: 44_100,
            codec: "aac".to_owned(),
        }],
        ..MediaMetaData::default()
    }
}

fn pushed(event: Event) -> EventContent {
    EventContent { event_handle: None, event }
}

/// The sample of wire reference 5.3, member for member.
#[test]
fn new_file_upload_is_written_as_the_vendor_does() {
    let content = pushed(Event::NewFileUpload(Box::new(FileUploadTask {
        file_id: "5576678019876543210".to_owned(),
        media_basic_info: MediaBasicInfo {
            name: "holiday".to_owned(),
            create_time: "2023-11-14T22:13:20Z".to_owned(),
            expire_time: NEVER.to_owned(),
            class_name: "Other".to_owned(),
            kind: "mp4".to_owned(),
            source_info: MediaSourceData {
                source_type: "Upload".to_owned(),
                source_context: "user=42&trace=abc".to_owned(),
            },
            category: "Video".to_owned(),
            ..MediaBasicInfo::default()
        },
        meta_data: metadata(),
        ..FileUploadTask::default()
    })));
    let expected = json!({"EventType": "NewFileUpload", "FileUploadEvent": {
        "FileId": "5576678019876543210",
        "MediaBasicInfo": {"Name": "holiday", "Description": "", "CreateTime": "2023-11-14T22:13:20Z", "UpdateTime": "",
            "ExpireTime": "9999-12-31T23:59:59Z", "ClassId": 0, "ClassName": "Other", "ClassPath": "", "CoverUrl": "",
            "Type": "mp4", "MediaUrl": "", "SourceInfo": {"SourceType": "Upload", "SourceContext": "user=42&trace=abc"},
            "StorageRegion": "", "StoragePath": "", "TagSet": [], "Vid": "", "Category": "Video", "Status": "",
            "StorageClass": ""},
        "ProcedureTaskId": "", "ReviewAudioVideoTaskId": "",
        "MetaData": {"Size": 20_971_525, "Container": "mov,mp4,m4a,3gp,3g2,mj2", "Bitrate": 1_021_028, "Height": 720,
            "Width": 1280, "Duration": 60.047, "Rotate": 0,
            "VideoStreamSet": [{"Bitrate": 900_000, "Height": 720, "Width": 1280, "Codec": "h264", "Fps": 25, "CodecTag": "avc1"}],
            "AudioStreamSet": [{"Bitrate": 121_028, "SamplingRate": 44_100, "Codec": "aac"}],
            "VideoDuration": 60, "AudioDuration": 59.99, "Md5": ""}}});
    assert_eq!(serde_json::to_value(&content).unwrap(), expected);
    assert_eq!(serde_json::from_value::<EventContent>(expected).unwrap(), content);
}

fn done<I, O>(input: I, output: O) -> Box<TaskResult<I, O>> {
    Box::new(TaskResult {
        status: "SUCCESS".to_owned(),
        err_code_ext: String::new(),
        err_code: 0,
        message: "SUCCESS".to_owned(),
        input,
        output: Some(output),
        progress: 100,
        begin_process_time: "2023-11-14T22:13:22Z".to_owned(),
        finish_time: "2023-11-14T22:14:02Z".to_owned(),
    })
}

/// A block, and a review that nobody ran.
fn reviews() -> Vec<AiContentReviewResult> {
    let failed = AiReviewTaskResult {
        status: "FAIL".to_owned(),
        err_code_ext: "InvalidInput.ConfigurationUnsupported".to_owned(),
        err_code: 40_000,
        ..AiReviewTaskResult::default()
    };
    let found = AiReviewTaskResult {
        status: "SUCCESS".to_owned(),
        output: Some(AiReviewTaskOutput {
            confidence: 98.0,
            suggestion: "block".to_owned(),
            label: "sexy".to_owned(),
            segment_set: vec![MediaContentReviewSegmentItem {
                start_time_offset: 9.5,
                end_time_offset: 14.0,
                ..MediaContentReviewSegmentItem::default()
            }],
            ..AiReviewTaskOutput::default()
        }),
        ..AiReviewTaskResult::default()
    };
    vec![AiContentReviewResult::Porn(Box::new(found)), AiContentReviewResult::Terrorism(Box::new(failed))]
}

#[test]
fn a_procedure_carries_each_result_under_its_own_member() {
    let ten = DefinitionInput { definition: 10 };
    let task = ProcedureTask {
        status: "FINISH".to_owned(),
        media_process_result_set: vec![
            MediaProcessTaskResult::Transcode(done(ten.clone(), MediaTranscodeItem::default())),
            MediaProcessTaskResult::AdaptiveDynamicStreaming(done(
                ten.clone(),
                AdaptiveDynamicStreamingInfoItem::default(),
            )),
            MediaProcessTaskResult::CoverBySnapshot(done(
                CoverBySnapshotTaskInput {
                    definition: 10,
                    position_type: "Time".to_owned(),
                    position_value: 0.0,
                },
                CoverBySnapshotTaskOutput { cover_url: "https://media.example/c.jpg".to_owned() },
            )),
            MediaProcessTaskResult::ImageSprites(done(ten, MediaImageSpriteItem::default())),
        ],
        ai_content_review_result_set: reviews(),
        tasks_notify_mode: "Finish".to_owned(),
        ..ProcedureTask::default()
    };
    let content = pushed(Event::ProcedureStateChanged(Box::new(task)));
    let value = serde_json::to_value(&content).unwrap();
    let event = &value["ProcedureStateChangeEvent"];
    let results = event["MediaProcessResultSet"].as_array().unwrap();
    for (result, (word, member)) in results.iter().zip([
        ("Transcode", "TranscodeTask"),
        ("AdaptiveDynamicStreaming", "AdaptiveDynamicStreamingTask"),
        ("CoverBySnapshot", "CoverBySnapshotTask"),
        ("ImageSprites", "ImageSpriteTask"),
    ]) {
        assert_eq!(result["Type"], word);
        assert_eq!(result[member]["Status"], "SUCCESS");
        assert_eq!(result.as_object().unwrap().len(), 2, "{result}");
    }
    assert_eq!(
        results[2]["CoverBySnapshotTask"]["Input"],
        json!({"Definition": 10, "PositionType": "Time", "PositionValue": 0})
    );
    let reviews = &event["AiContentReviewResultSet"];
    assert_eq!(reviews[0]["PornTask"]["Output"]["Confidence"], json!(98));
    assert_eq!(reviews[0]["PornTask"]["Output"]["SegmentSet"][0]["StartTimeOffset"], json!(9.5));
    assert_eq!(reviews[1]["TerrorismTask"].get("Output"), None, "no output but on success");
    assert_eq!(event["AiAnalysisResultSet"], json!([]));
    assert_eq!(serde_json::from_value::<EventContent>(value).unwrap(), content);
}

#[test]
fn a_review_event_reads_the_vendors_sample() {
    let sample = json!({"EventHandle": "h-0001", "EventType": "ReviewAudioVideoComplete", "FileUploadEvent": null,
        "ReviewAudioVideoCompleteEvent": {
        "TaskId": "t", "Status": "FINISH", "ErrCodeExt": "", "Message": "SUCCESS",
        "Input": {"FileId": "5576678019876543210", "Definition": 10, "ReviewContents": ["Media"]},
        "Output": {"Suggestion": "block", "Label": "Porn", "Form": "Image", "SegmentSet": [{"StartTimeOffset": 0,
            "EndTimeOffset": 1, "Confidence": 99, "Suggestion": "block", "Label": "Porn", "SubLabel": "SexyBehavior",
            "Form": "Image", "AreaCoordSet": [], "Text": "", "KeywordSet": [], "Url": "https://media.example/shot.jpg",
            "PicUrlExpireTime": "2023-12-14T22:13:20Z"}],
            "SegmentSetFileUrl": "", "SegmentSetFileUrlExpireTime": "", "CoverReviewResult": null},
        "SessionId": "", "SessionContext": ""}});
    let content: EventContent = serde_json::from_value(sample).unwrap();
    assert_eq!(content.event_handle.as_deref(), Some("h-0001"));
    let Event::ReviewAudioVideoComplete(task) = &content.event else { panic!("{content:?}") };
    assert_eq!(task.output.as_ref().unwrap().segment_set[0].sub_label, "SexyBehavior");
    let written = serde_json::to_value(&content).unwrap();
    assert_eq!(written["EventHandle"], "h-0001");
    assert_eq!(written["ReviewAudioVideoCompleteEvent"]["Output"]["SegmentSet"][0]["Confidence"], json!(99));
    assert_eq!(written.get("FileUploadEvent"), None);
}

#[test]
fn unreadable_media_still_have_a_metadata_structure() {
    let written = serde_json::to_value(FileUploadTask::default()).unwrap();
    assert_eq!(written["MetaData"]["Duration"], json!(0));
    assert_eq!(written["MetaData"]["VideoStreamSet"], json!([]));
}

#[test]
fn whole_numbers_have_no_fraction_and_others_keep_theirs() {
    let written = |duration: f64| {
        serde_json::to_value(MediaMetaData { duration, ..MediaMetaData::default() }).unwrap()["Duration"]
            .to_string()
    };
    assert_eq!([60.0, 60.047, f64::NAN, -0.0].map(written), ["60", "60.047", "0", "0"]);
}

#[test]
fn unknown_events_are_refused_by_name() {
    let error = serde_json::from_value::<EventContent>(json!({"EventType": "PullComplete"})).unwrap_err();
    assert!(error.to_string().contains("unknown EventType \"PullComplete\""), "{error}");
}
