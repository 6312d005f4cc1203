//! Real transcodes of real and odd sources, looked at from outside.

use std::path::Path;
use std::time::Duration;

use reelgate_media::encode::{Adaptive, File, Made, Output, TranscodePlan, templates, transcode};
use reelgate_media::probe::probe;
use reelgate_media::sandbox::Sandbox;
use reelgate_media::{Work, WorkError};
use tokio_util::sync::CancellationToken;

use crate::bench::{make, sample, sandbox};

struct Outcome {
    scratch: tempfile::TempDir,
    made: Vec<Made>,
    reported: Vec<u8>,
}

fn work(sandbox: &Sandbox, source: &Path, scratch: &Path, allowed: Duration) -> Work {
    Work {
        sandbox: sandbox.clone(),
        source: source.to_owned(),
        scratch: scratch.to_owned(),
        allowed,
        cancel: CancellationToken::new(),
    }
}

async fn transcoded(sandbox: &Sandbox, source: &Path, wanted: &[Output]) -> Result<Outcome, WorkError> {
    let scratch = tempfile::tempdir().unwrap();
    let found = probe(sandbox, source, Duration::from_secs(20)).await.unwrap();
    let plan = TranscodePlan::new(&found, wanted);
    let mut reported = Vec::new();
    let work = work(sandbox, source, scratch.path(), Duration::from_secs(120));
    // Spawned, as a worker does it: the future must be able to change threads.
    let (result, reported) = tokio::spawn(async move {
        let result = transcode(&work, &plan, &mut |percent| reported.push(percent)).await;
        (result, reported)
    })
    .await
    .unwrap();
    Ok(Outcome { scratch, made: result?, reported })
}

impl Outcome {
    fn adaptive(&self) -> &Adaptive {
        self.made.iter().find_map(|made| if let Made::Adaptive(it) = made { Some(it) } else { None }).unwrap()
    }

    fn file(&self) -> &File {
        self.made.iter().find_map(|made| if let Made::File(it) = made { Some(it) } else { None }).unwrap()
    }

    fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.scratch.path().join(path)).unwrap()
    }
}

fn adaptive(definition: u32) -> Output {
    templates::adaptive(definition).unwrap()
}

fn mp4(definition: u32) -> Output {
    templates::transcode(definition).unwrap()
}

#[tokio::test]
async fn the_short_video_flow_gives_hls_and_mp4() {
    let Some(sandbox) = sandbox().await else { return };
    let source = sample("bigbuckbunny-5s-720p.mp4");
    let outcome = transcoded(&sandbox, &source, &[adaptive(900_020), mp4(100_030)]).await.unwrap();

    let file = outcome.file();
    assert_eq!((file.path.as_str(), file.probe.width(), file.probe.height()), ("v.f100030.mp4", 1280, 720));
    assert!((5.2..5.5).contains(&file.probe.duration), "{}", file.probe.duration);
    assert_eq!((file.probe.video[0].codec.as_str(), file.probe.audio[0].codec.as_str()), ("h264", "aac"));
    let bytes = std::fs::read(outcome.scratch.path().join(&file.path)).unwrap();
    let place = |name: &[u8]| bytes.windows(4).position(|four| four == name).unwrap();
    assert!(place(b"moov") < place(b"mdat"), "the index is not in front");

    let hls = outcome.adaptive();
    let sizes: Vec<_> = hls.variants.iter().map(|variant| (variant.width, variant.height)).collect();
    assert_eq!(sizes, [(640, 360), (1280, 720)]);
    let master = outcome.text("adp.900020.m3u8");
    assert!(master.contains("RESOLUTION=640x360,FRAME-RATE=25.000,CODECS=\"avc1.6400"), "{master}");
    assert!(master.find("900020/v360.m3u8").unwrap() < master.find("900020/v720.m3u8").unwrap());
    let total: u64 =
        hls.files.iter().map(|file| outcome.scratch.path().join(file).metadata().unwrap().len()).sum();
    assert_eq!(hls.size, total);

    assert_eq!(outcome.reported.last(), Some(&100));
    assert!(outcome.reported.is_sorted(), "{:?}", outcome.reported);
    assert!(!outcome.scratch.path().join("shared").exists());
}

#[tokio::test]
async fn every_size_of_a_ladder_is_cut_at_the_same_times() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    // Scene changes on purpose: an encoder left to itself would put key frames there.
    let scenes = "-f lavfi -i testsrc=s=640x480:r=30:d=20 -f lavfi -i sine=d=20 -vf negate=enable='gt(mod(t,5),3)' s.mp4";
    make(sandbox.tools(), dir.path(), scenes);
    let outcome = transcoded(&sandbox, &dir.path().join("s.mp4"), &[adaptive(10)]).await.unwrap();
    let times = |path: &str| -> Vec<String> {
        let text = outcome.text(path);
        assert!(
            text.contains("#EXT-X-PLAYLIST-TYPE:VOD") && text.contains("#EXT-X-INDEPENDENT-SEGMENTS"),
            "{text}"
        );
        assert!(text.trim_end().ends_with("#EXT-X-ENDLIST"), "{text}");
        text.lines().filter(|line| line.starts_with("#EXTINF")).map(str::to_owned).collect()
    };
    let variants = &outcome.adaptive().variants;
    assert_eq!(variants.iter().map(|variant| variant.height).collect::<Vec<_>>(), [240, 480]);
    let first = times(&variants[0].playlist);
    assert_eq!((first.len(), first[0].as_str()), (4, "#EXTINF:6.000000,"));
    for variant in variants {
        assert_eq!(times(&variant.playlist), first, "{}", variant.playlist);
        assert!((19.9..20.1).contains(&variant.duration));
    }
}

#[tokio::test]
async fn odd_sources_are_made_upright_even_and_playable() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let check = async |how: &[&str], name: &str, size: (u32, u32)| {
        for step in how {
            make(sandbox.tools(), dir.path(), step);
        }
        let outcome = transcoded(&sandbox, &dir.path().join(name), &[adaptive(10)]).await.unwrap();
        let largest = outcome.adaptive().variants.last().unwrap();
        assert_eq!((largest.width, largest.height), size, "{name}");
    };
    let flat = "-f lavfi -i testsrc=s=640x360:d=2 -c:v libx264 flat.mp4";
    check(&[flat, "-i flat.mp4 -c copy -metadata:s:v rotate=90 turned.mp4"], "turned.mp4", (240, 426)).await;
    check(&["-f lavfi -i testsrc=s=99x77:d=1 -c:v ffv1 odd.mkv"], "odd.mkv", (98, 76)).await;
    check(&["-f lavfi -i testsrc=s=720x576:d=1,setsar=16/15 -c:v mpeg2video sar.mpg"], "sar.mpg", (640, 480))
        .await;
    check(
        &["-f lavfi -i testsrc=s=320x240:r=3:d=2 -c:v libvpx -f webm -live 1 slow.webm"],
        "slow.webm",
        (320, 240),
    )
    .await;
    check(&["-f lavfi -i testsrc=s=64x48:d=1 anim.gif"], "anim.gif", (64, 48)).await;
}

#[tokio::test]
async fn sound_alone_plays_as_hls_and_video_outputs_are_refused() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    make(sandbox.tools(), dir.path(), "-f lavfi -i sine=d=8 tone.mp3");
    let source = dir.path().join("tone.mp3");
    let outcome = transcoded(&sandbox, &source, &[adaptive(10), mp4(100_030)]).await.unwrap();
    assert_eq!(outcome.made.len(), 1);
    let master = outcome.text("adp.10.m3u8");
    assert!(master.contains("CODECS=\"mp4a.40.2\"\n10/audio.m3u8"), "{master}");
}

#[tokio::test]
async fn a_cut_off_upload_gives_what_is_there() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let front =
        "-f lavfi -i testsrc=s=320x240:d=8 -f lavfi -i sine=d=8 -c:v libx264 -movflags +faststart whole.mp4";
    make(sandbox.tools(), dir.path(), front);
    let whole = std::fs::read(dir.path().join("whole.mp4")).unwrap();
    let cut = dir.path().join("cut.mp4");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let outcome = transcoded(&sandbox, &cut, &[adaptive(900_020), mp4(100_030)]).await.unwrap();
    let seconds = outcome.file().probe.duration;
    assert!((1.0..7.0).contains(&seconds), "{seconds}");
    assert!((outcome.adaptive().variants[0].duration - seconds).abs() < 1.0);
}

#[tokio::test]
async fn what_cannot_be_decoded_fails_with_a_reason() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut clip = std::fs::read(sample("bigbuckbunny-5s-720p.mp4")).unwrap();
    // The start stays whole so that it is recognised; the rest of the frames is noise.
    let (from, to) = (clip.len() / 20, clip.len() * 19 / 20);
    clip[from..to].fill(0xFF);
    let source = dir.path().join("noise.mp4");
    std::fs::write(&source, clip).unwrap();
    match transcoded(&sandbox, &source, &[mp4(100_030)]).await {
        Err(WorkError::Failed { reason }) => {
            assert!(!reason.is_empty() && !reason.contains("/proc"), "{reason}")
        }
        Err(other) => panic!("{other}"),
        Ok(outcome) => panic!("{:?}", outcome.made),
    }
}

#[tokio::test]
async fn neither_a_deadline_nor_a_cancellation_leaves_a_process() {
    let Some(sandbox) = sandbox().await else { return };
    let source = sample("bbb-excerpt-44s-720p.mp4");
    let found = probe(&sandbox, &source, Duration::from_secs(20)).await.unwrap();
    let plan = TranscodePlan::new(&found, &[adaptive(10)]);

    let scratch = tempfile::tempdir().unwrap();
    let late = work(&sandbox, &source, scratch.path(), Duration::from_millis(500));
    let error = transcode(&late, &plan, &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, WorkError::TimedOut { .. }), "{error}");
    assert_eq!(processes_in(scratch.path()), Vec::<String>::new());

    let scratch = tempfile::tempdir().unwrap();
    let cancelled = work(&sandbox, &source, scratch.path(), Duration::from_secs(60));
    let cancel = cancelled.cancel.clone();
    // Cancelled by its own progress: certainly while it runs.
    let error = transcode(&cancelled, &plan, &mut |_| cancel.cancel()).await.unwrap_err();
    assert!(matches!(error, WorkError::Cancelled), "{error}");
    assert_eq!(processes_in(scratch.path()), Vec::<String>::new());
}

#[tokio::test]
async fn work_that_is_dropped_is_killed() {
    let Some(sandbox) = sandbox().await else { return };
    let source = sample("bbb-excerpt-44s-720p.mp4");
    let found = probe(&sandbox, &source, Duration::from_secs(20)).await.unwrap();
    let plan = TranscodePlan::new(&found, &[adaptive(10)]);
    let scratch = tempfile::tempdir().unwrap();
    let dropped = work(&sandbox, &source, scratch.path(), Duration::from_secs(60));
    let (running, mut runs) = tokio::sync::mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        let mut report = |percent| running.send(percent).unwrap();
        transcode(&dropped, &plan, &mut report).await.is_ok()
    });
    runs.recv().await.unwrap();
    assert_eq!(processes_in(scratch.path()).len(), 1);
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // Killed, but nobody waited for it: it may take the kernel a moment.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !processes_in(scratch.path()).is_empty() {
        assert!(std::time::Instant::now() < deadline, "a process was left behind");
        tokio::task::yield_now().await;
    }
}

/// Command names of processes that run in a directory, as children of the sandbox do.
fn processes_in(directory: &Path) -> Vec<String> {
    let directory = directory.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes
        .filter(|process| std::fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == directory))
        .map(|process| std::fs::read_to_string(process.join("comm")).unwrap_or_default())
        .collect()
}
