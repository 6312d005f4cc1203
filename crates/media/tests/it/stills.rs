//! Pictures of real videos: the right ones, at the right times, and endings without leftovers.

use std::path::Path;
use std::time::Duration;

use reelgate_media::probe::probe;
use reelgate_media::sandbox::Sandbox;
use reelgate_media::stills::{Frame, Sprite, Stills, StillsPlan, Wanted, stills};
use reelgate_media::{Work, WorkError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::bench::{make, sample, sandbox};

pub(crate) const FRAMES: Wanted = Wanted { cover: false, sprite: None, frames: true };
const ALL: Wanted = Wanted { cover: true, sprite: Some(Sprite::TEMPLATE_10), frames: true };

/// A plan for a source and the work to do it.
pub(crate) async fn planned(
    sandbox: &Sandbox,
    source: &Path,
    wanted: Wanted,
    scratch: &Path,
) -> (StillsPlan, Work) {
    let found = probe(sandbox, source, Duration::from_secs(20)).await.unwrap();
    let work = Work {
        sandbox: sandbox.clone(),
        source: source.to_owned(),
        scratch: scratch.to_owned(),
        allowed: Duration::from_secs(120),
        cancel: CancellationToken::new(),
    };
    (StillsPlan::new(&found, wanted).unwrap(), work)
}

/// Takes pictures; also gives every frame that was handed on.
pub(crate) async fn taken(
    sandbox: &Sandbox,
    source: &Path,
    wanted: Wanted,
    scratch: &Path,
) -> Result<(Stills, Vec<Frame>), WorkError> {
    let (plan, work) = planned(sandbox, source, wanted, scratch).await;
    let (sender, mut receiver) = mpsc::channel(2);
    let working = tokio::spawn(async move { stills(&work, &plan, sender, &mut |_| ()).await });
    let mut frames = Vec::new();
    while let Some(frame) = receiver.recv().await {
        frames.push(frame);
    }
    Ok((working.await.unwrap()?, frames))
}

async fn size_of(sandbox: &Sandbox, path: &Path) -> (u32, u32) {
    let found = probe(sandbox, path, Duration::from_secs(20)).await.unwrap();
    assert_eq!(found.content_type(), "image/jpeg");
    (found.width(), found.height())
}

#[tokio::test]
async fn one_decode_gives_cover_sheets_and_frames() {
    let Some(sandbox) = sandbox().await else { return };
    let scratch = tempfile::tempdir().unwrap();
    let source = sample("bbb-excerpt-44s-720p.mp4");
    let (made, frames) = taken(&sandbox, &source, ALL, scratch.path()).await.unwrap();

    assert_eq!(size_of(&sandbox, &scratch.path().join(made.cover.unwrap())).await, (1280, 720));
    assert_eq!((made.sheets.as_slice(), made.cells), (&["sprite_0.jpg".to_owned()][..], 5));
    assert_eq!(size_of(&sandbox, &scratch.path().join(&made.sheets[0])).await, (1420, 800));
    let vtt = std::fs::read_to_string(scratch.path().join(made.vtt.unwrap())).unwrap();
    assert!(vtt.ends_with("00:00:40.000 --> 00:00:43.752\nsprite_0.jpg#xywh=568,0,142,80\n"), "{vtt}");

    assert_eq!((frames.len(), made.evidence.len()), (44, 44));
    assert_eq!((frames[43].time_ms, frames[43].until_ms), (43_000, 43_752));
    assert_eq!(
        (made.evidence[0].as_str(), made.evidence[43].as_str()),
        ("evidence/00000.jpg", "evidence/00043.jpg")
    );
    assert_eq!(size_of(&sandbox, &scratch.path().join(&made.evidence[7])).await, (640, 360));
}

#[tokio::test]
async fn a_frame_is_what_was_shown_at_its_time() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    // Ten frames in a second, each as bright as its number.
    make(
        sandbox.tools(),
        dir.path(),
        "-f lavfi -i nullsrc=s=64x48:r=10:d=5.5,format=gray,geq=lum=N -c:v ffv1 n.mkv",
    );
    let (_, frames) = taken(&sandbox, &dir.path().join("n.mkv"), FRAMES, dir.path()).await.unwrap();
    let numbers: Vec<u8> = frames.iter().map(|frame| frame.squashed()[0]).collect();
    assert_eq!(numbers, [0, 10, 20, 30, 40, 50]);
    assert!(frames.iter().all(|frame| frame.centre()[..] == frame.squashed()[..]));
}

#[tokio::test]
async fn odd_sources_have_pictures_too() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let check = async |how: &str, name: &str, size: (u32, u32), count: usize| {
        make(sandbox.tools(), dir.path(), how);
        let scratch = tempfile::tempdir().unwrap();
        let (made, frames) = taken(&sandbox, &dir.path().join(name), ALL, scratch.path()).await.unwrap();
        assert_eq!(size_of(&sandbox, &scratch.path().join(made.cover.unwrap())).await, size, "{name}");
        assert_eq!((frames.len(), made.sheets.len()), (count, 1), "{name}");
    };
    check("-f lavfi -i testsrc=s=99x77 -frames:v 1 still.png", "still.png", (99, 77), 1).await;
    check("-f lavfi -i testsrc=s=720x576:d=2,setsar=16/15 -c:v mpeg2video sar.mpg", "sar.mpg", (768, 576), 2)
        .await;
    check(
        "-f lavfi -i testsrc=s=64x128:r=2:d=3 -c:v libvpx -f webm -live 1 tall.webm",
        "tall.webm",
        (64, 128),
        3,
    )
    .await;
    check("-f lavfi -i testsrc=s=64x48:d=0.2 -c:v libx264 blink.mp4", "blink.mp4", (64, 48), 1).await;
}

#[tokio::test]
async fn a_cut_off_upload_gives_what_is_there() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let clip = sample("bigbuckbunny-5s-720p.mp4");
    let front = format!("-i {} -c copy -movflags +faststart whole.mp4", clip.display());
    make(sandbox.tools(), dir.path(), &front);
    let whole = std::fs::read(dir.path().join("whole.mp4")).unwrap();
    let cut = dir.path().join("cut.mp4");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let (made, frames) = taken(&sandbox, &cut, ALL, dir.path()).await.unwrap();
    assert!(made.cover.is_some() && (1..=4).contains(&frames.len()), "{made:?}");
    assert_eq!(made.evidence.len(), frames.len());
}

#[tokio::test]
async fn sound_alone_has_no_picture() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    make(sandbox.tools(), dir.path(), "-f lavfi -i sine=d=1 tone.mp3");
    let found = probe(&sandbox, &dir.path().join("tone.mp3"), Duration::from_secs(20)).await.unwrap();
    let refused = StillsPlan::new(&found, ALL).unwrap_err().to_string();
    assert_eq!(refused, "the source has no video track to take pictures from");
}

#[tokio::test]
async fn a_receiver_that_goes_away_ends_the_work() {
    let Some(sandbox) = sandbox().await else { return };
    let dir = tempfile::tempdir().unwrap();
    let (plan, work) = planned(&sandbox, &sample("bigbuckbunny-5s-720p.mp4"), FRAMES, dir.path()).await;
    let (sender, receiver) = mpsc::channel(1);
    drop(receiver);
    let error = stills(&work, &plan, sender, &mut |_| ()).await.unwrap_err();
    assert!(matches!(error, WorkError::Cancelled), "{error}");
}
