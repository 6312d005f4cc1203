//! What files are found to be, and what hostile ones get.

use std::path::Path;
use std::time::Duration;

use reelgate_media::probe::{Probe, ProbeError, Unreadable, probe};
use reelgate_media::sandbox::Sandbox;

use crate::bench::{make, sample, sandbox};

async fn probed(sandbox: &Sandbox, path: &Path) -> Result<Probe, ProbeError> {
    probe(sandbox, path, Duration::from_secs(20)).await
}

#[tokio::test]
async fn a_real_video_is_described() {
    let Some(sandbox) = sandbox().await else { return };
    let found = probed(&sandbox, &sample("bbb-excerpt-44s-720p.mp4")).await.unwrap();
    assert_eq!((found.width(), found.height(), found.rotate(), found.fps()), (1280, 720, 0, 24.0));
    assert_eq!((found.size, found.bitrate, found.duration), (3_128_805, 572_098, 43.752));
    assert_eq!((found.video_duration, found.audio_duration), (43.666667, 43.676735));
    assert_eq!((found.video[0].codec.as_str(), found.video[0].codec_tag.as_str()), ("h264", "avc1"));
    assert_eq!((found.video[0].profile.as_str(), found.video[0].level), ("Main", 31));
    assert_eq!((found.audio[0].codec.as_str(), found.audio[0].sample_rate), ("aac", 44_100));
    assert_eq!(found.content_type(), "video/mp4");
}

#[tokio::test]
async fn each_kind_is_served_as_what_it_is_whatever_its_name() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let picture = "-f lavfi -i testsrc=s=64x48 -frames:v 1";
    for (how, name, expected) in [
        (picture, "p.jpg", "image/jpeg"),
        (picture, "p.png", "image/png"),
        (picture, "p.webp", "image/webp"),
        ("-f lavfi -i testsrc=s=64x48:d=1 -c:v libvpx", "v.webm", "video/webm"),
        ("-f lavfi -i testsrc=s=64x48:d=1 -c:v libx264", "v.ts", "video/mp2t"),
        ("-f lavfi -i testsrc=s=64x48:d=1 -c:v libx264", "v.mov", "video/quicktime"),
        ("-f lavfi -i testsrc=s=64x48:d=1 -c:v libx264", "v.mkv", "video/x-matroska"),
        ("-f lavfi -i sine=d=1", "a.mp3", "audio/mpeg"),
        ("-f lavfi -i sine=d=1", "a.m4a", "audio/mp4"),
        ("-f lavfi -i sine=d=1", "a.wav", "audio/wav"),
    ] {
        make(sandbox.tools(), dir.path(), &format!("{how} {name}"));
        let disguised = dir.path().join("blob%03d.jpg");
        std::fs::rename(dir.path().join(name), &disguised).unwrap();
        let found = probed(&sandbox, &disguised).await.unwrap();
        assert_eq!(found.content_type(), expected, "{name}");
        assert_eq!(found.is_still(), expected.starts_with("image"), "{name}");
        assert_eq!(found.duration > 0.5, !found.is_still(), "{name}: {}", found.duration);
    }
}

#[tokio::test]
async fn turned_phone_video_is_upright() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    make(sandbox.tools(), dir.path(), "-f lavfi -i testsrc=s=320x240:d=1 -c:v libx264 flat.mp4");
    make(sandbox.tools(), dir.path(), "-i flat.mp4 -c copy -metadata:s:v rotate=90 turned.mp4");
    let found = probed(&sandbox, &dir.path().join("turned.mp4")).await.unwrap();
    // Which way the option turns it differs between releases of ffmpeg.
    assert_eq!((found.width(), found.height(), found.rotate() % 180), (240, 320, 90));
}

#[tokio::test]
async fn a_recording_without_duration_is_measured() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    // As MediaRecorder writes it: live clusters, no duration, no cues.
    make(
        sandbox.tools(),
        dir.path(),
        "-f lavfi -i testsrc=s=64x48:d=3 -c:v libvpx -f webm -live 1 live.webm",
    );
    let found = probed(&sandbox, &dir.path().join("live.webm")).await.unwrap();
    assert!((2.9..3.1).contains(&found.duration), "{}", found.duration);
    assert!(found.bitrate > 0 && found.video_duration == found.duration);
}

async fn check_refused(sandbox: &Sandbox, name: &str, content: &[u8], expected: Unreadable) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, content).unwrap();
    match probed(sandbox, &path).await {
        Err(ProbeError::Unreadable { reason, detail }) => {
            assert_eq!(reason, expected, "{name}: {detail}");
            assert!(!detail.contains('/'), "a path in {detail:?}");
        }
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn hostile_and_broken_files_are_refused_with_a_reason() {
    let Some(sandbox) = sandbox().await else { return };
    let playlist = |target: &str| format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{target}\n");
    let clip = std::fs::read(sample("bbb-excerpt-44s-720p.mp4")).unwrap();
    let check =
        async |name: &str, content: &[u8], expected| check_refused(&sandbox, name, content, expected).await;

    check("text.mp4", b"<html><script>alert(1)</script></html>", Unreadable::Malformed).await;
    check("empty.mp4", b"", Unreadable::Malformed).await;
    check("list.mp4", playlist("file:///etc/passwd").as_bytes(), Unreadable::Unsupported).await;
    check("list.m3u8", playlist("http://127.0.0.1:1/x.ts").as_bytes(), Unreadable::Unsupported).await;
    check("script.mp4", b"ffconcat version 1.0\nfile '/etc/passwd'\n", Unreadable::Unsupported).await;
    let session = b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n";
    check("session.mp4", session, Unreadable::Unsupported).await;
    let drawing =
        b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><image href='/etc/passwd'/></svg>";
    check("drawing.mp4", drawing, Unreadable::Malformed).await;
    check("cut.mp4", &clip[..2000], Unreadable::Malformed).await;
    check("noise.mp4", &[&b"\0\0\0\x18ftypisom"[..], &[0xA5; 5000]].concat(), Unreadable::Malformed).await;
}

#[tokio::test]
async fn a_huge_picture_is_refused_before_it_is_decoded() {
    let Some(sandbox) = sandbox().await else { return };
    // 9000 is beyond our own limit, 30000 beyond ffmpeg's; a real one would be a few KB of deflated zeros.
    for side in [9_000_u32, 30_000] {
        check_refused(&sandbox, "bomb.png", &png_header(side), Unreadable::Unsupported).await;
    }
    check_refused(&sandbox, "nothing.png", &png_header(0), Unreadable::Malformed).await;
}

/// The start of an 8-bit RGB picture of `side` x `side` pixels. Decoders do not check the sums that are left zero.
fn png_header(side: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend([side.to_be_bytes(), side.to_be_bytes()].concat());
    png.extend([8, 2, 0, 0, 0]);
    png.extend([0; 4]);
    png.extend(b"\0\0\0\x02IDAT\x78\x9c\0\0\0\0");
    png
}

#[tokio::test]
async fn a_missing_file_and_a_short_deadline_are_told_apart() {
    let Some(sandbox) = sandbox().await else { return };
    let missing = probed(&sandbox, Path::new("/nonexistent/clip")).await.unwrap_err();
    assert!(matches!(missing, ProbeError::Infrastructure { .. }), "{missing}");
    let late = probe(&sandbox, &sample("bigbuckbunny-5s-720p.mp4"), Duration::ZERO).await.unwrap_err();
    assert!(matches!(late, ProbeError::TimedOut { .. }), "{late}");
}
