//! The play door: what it serves, as what, and what it refuses.

use http::Method;
use reelgate_model::{FileId, Suggestion};
use reelgate_store::StoreError;

use crate::fetched::Fetched;
use crate::flows::{Upload, manual_clock, media, scope};
use crate::test_app::{MAIN, TestApp};

async fn ask(t: &TestApp, method: Method, path: &str, headers: &[(&str, &str)]) -> Fetched {
    let mut request = t.http.request(method, t.url(&format!("/play/{path}")));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Fetched::of(request).await
}

async fn uploaded(t: &TestApp, bytes: &[u8], name: &str) -> (FileId, String) {
    let upload = Upload { bytes: bytes.to_vec(), name, ..Upload::sample("") };
    let file = upload.commit(t).await;
    (file, format!("{}/{file}/{name}", MAIN))
}

/// Strangers' bytes never run as our page, refusals included.
#[track_caller]
fn is_guarded(answer: &Fetched) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(answer.header("access-control-expose-headers").contains("Content-Range"));
}

#[tokio::test]
async fn a_page_that_was_uploaded_as_a_video_is_a_download() {
    let Some(t) = manual_clock(&[]).await else { return };
    let (_, path) = uploaded(&t, b"<html><script>alert(1)</script></html>", "movie.html").await;
    let answer = ask(&t, Method::GET, &path, &[]).await.expect(200);
    is_guarded(&answer);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.header("content-disposition"), "attachment");
}

#[tokio::test]
async fn ranges_conditions_and_head_are_answered_as_players_need_them() {
    let Some(t) = manual_clock(&[]).await else { return };
    let bytes = Upload::sample("").bytes;
    let size = bytes.len();
    // The name lies; the type comes from what was found.
    let (_, path) = uploaded(&t, &bytes, "movie.svg").await;
    let whole = ask(&t, Method::GET, &path, &[]).await.expect(200);
    is_guarded(&whole);
    assert_eq!(whole.header("content-type"), "video/mp4");
    assert_eq!(whole.header("content-disposition"), "");
    assert_eq!(whole.body, bytes);
    let head = ask(&t, Method::HEAD, &path, &[("range", "bytes=0-9")]).await.expect(200);
    assert_eq!((head.header("content-length"), head.body.len()), (size.to_string().as_str(), 0));
    let part = ask(&t, Method::GET, &path, &[("range", "bytes=100-199")]).await.expect(206);
    assert_eq!(part.body, bytes[100..200]);
    assert_eq!(part.header("content-range"), format!("bytes 100-199/{size}"));
    let last = ask(&t, Method::GET, &path, &[("range", "bytes=-7")]).await.expect(206);
    assert_eq!(last.body, bytes[size - 7..]);
    let etag = whole.header("etag");
    let known = [("if-none-match", etag)];
    is_guarded(&ask(&t, Method::GET, &path, &known).await.expect(304));
    let changed = [("range", "bytes=0-0"), ("if-range", "\"other\"")];
    assert_eq!(ask(&t, Method::GET, &path, &changed).await.expect(200).body.len(), size);
    let same = [("range", "bytes=0-0"), ("if-range", etag)];
    assert_eq!(ask(&t, Method::GET, &path, &same).await.expect(206).body.len(), 1);
    let behind = ask(&t, Method::GET, &path, &[("range", "bytes=999999999-")]).await.expect(416);
    is_guarded(&behind);
    assert_eq!(behind.header("content-range"), format!("bytes */{size}"));
    let preflight = ask(&t, Method::OPTIONS, &path, &[("origin", "https://example.com")]).await.expect(204);
    assert!(preflight.header("access-control-allow-headers").contains("Range"));
}

#[tokio::test]
async fn nothing_is_served_that_no_row_names() {
    let Some(t) = manual_clock(&[]).await else { return };
    let (file, path) = uploaded(&t, b"text", "a.mp4").await;
    let app = MAIN;
    let blob = media(&t, file).await.source.blob;
    let inside = blob.rsplit('/').next().unwrap();
    for wrong in [
        format!("{app}/{file}/{inside}"),
        format!("{app}/{file}/other.mp4"),
        format!("{app}/{file}/"),
        format!("{app}/{file}"),
        format!("7/{file}/a.mp4"),
        format!("{app}/1/a.mp4"),
        format!("{app}/{file}/nodir/a.mp4"),
        format!("{app}/{file}/..%2F{file}%2Fa.mp4"),
        format!("{app}/{file}/%2e%2e/%2e%2e/secret"),
        format!("{app}/{file}/a.mp4%00"),
        "x/y/z".to_owned(),
    ] {
        let answer = ask(&t, Method::GET, &wrong, &[]).await.expect(404);
        if !wrong.contains("%2e") {
            is_guarded(&answer);
        }
    }
    ask(&t, Method::GET, &path, &[]).await.expect(200);
}

#[tokio::test]
async fn a_private_application_shows_nothing_before_a_review_has_passed_it() {
    let Some(t) = manual_clock(&[]).await else { return };
    let app = MAIN;
    let private: Result<(), StoreError> =
        t.app.store.write(move |tx| Box::pin(async move { tx.set_app_private(app, true).await })).await;
    private.unwrap();
    let (file, path) = uploaded(&t, b"text", "a.mp4").await;
    for (verdict, status) in [
        (None, 403),
        (Some(Suggestion::Review), 403),
        (Some(Suggestion::Block), 403),
        (Some(Suggestion::Pass), 200),
    ] {
        if let Some(verdict) = verdict {
            let scope = scope();
            let set: Result<(), StoreError> = t
                .app
                .store
                .write(move |tx| Box::pin(async move { tx.set_verdict(&scope, file, verdict).await }))
                .await;
            set.unwrap();
        }
        let answer = ask(&t, Method::GET, &path, &[]).await.expect(status);
        is_guarded(&answer);
        assert!(status == 200 || answer.text().contains("until a review has passed"));
        assert!(status == 403 || answer.header("cache-control") == "private, no-cache");
    }
}
