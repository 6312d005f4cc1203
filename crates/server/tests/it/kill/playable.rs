//! Whether a viewer could watch it: the playlists' segments, fetched and read by ffprobe.

use std::path::Path;
use std::time::Duration;

use reelgate_media::Tools;
use reelgate_media::probe::probe;
use reelgate_media::sandbox::{Mode, Sandbox};
use reqwest::{Client, Url};

/// Fetches every variant of the playlist `hls` from the server behind `origin`. The playlist's own address names a port that
/// its server had in an earlier life.
pub(super) async fn assert_playable(http: &Client, origin: &str, hls: &str, directory: &Path) {
    let tools = Tools::find(&std::env::var_os("PATH").unwrap()).unwrap();
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_reelgate").into(), Mode::On, tools).unwrap();
    let master = Url::parse(origin).unwrap().join(Url::parse(hls).unwrap().path()).unwrap();
    let variants = names(http, &master).await;
    assert_eq!(variants.len(), 2, "{master}");
    for variant in variants {
        let mut bytes = Vec::new();
        for segment in names(http, &variant).await {
            bytes.extend(fetch(http, &segment).await);
        }
        let path = directory.join("played");
        std::fs::write(&path, bytes).unwrap();
        let read = probe(&sandbox, &path, Duration::from_secs(60)).await.unwrap();
        assert_eq!(read.video[0].codec, "h264", "{variant}");
        assert!((read.duration - 5.0).abs() < 1.0, "{variant} lasts {} s", read.duration);
    }
}

/// The addresses that a playlist names.
async fn names(http: &Client, playlist: &Url) -> Vec<Url> {
    let text = String::from_utf8(fetch(http, playlist).await).unwrap();
    let names = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    names.map(|name| playlist.join(name).unwrap()).collect()
}

async fn fetch(http: &Client, url: &Url) -> Vec<u8> {
    let answer = http.get(url.clone()).send().await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    answer.bytes().await.unwrap().to_vec()
}
