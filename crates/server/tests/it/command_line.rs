use std::process::Output;

use reelgate_model::Clock;
use serde_json::Value;

use crate::test_app::{ADMIN, BACKEND, TestApp};

/// Runs the real binary against `t` without blocking the server, which lives in this process.
#[expect(clippy::disallowed_methods, reason = "the binary is what is tested")]
async fn reelgate(t: &TestApp, token: &str, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_reelgate"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", t.dir.path()).env("REELGATE_URL", &t.base).env("REELGATE_TOKEN", token);
    command.output().await.unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[track_caller]
fn ends(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", out(output), err(output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_made_and_explained() {
    let t = TestApp::start().await;
    let signed = reelgate(&t, BACKEND, &["sign", "--user", "user-42", "--valid-seconds", "60"]).await;
    ends(&signed, 0);
    let explained = reelgate(&t, BACKEND, &["explain", out(&signed).trim()]).await;
    ends(&explained, 0);
    assert!(out(&explained).contains("The upload doors would take it now."), "{}", out(&explained));
    assert!(out(&explained).contains("60 s left"));
    let odd = reelgate(&t, BACKEND, &["explain", "AAAA"]).await;
    assert!(out(&odd).contains("Refused with code 10004"), "{}", out(&odd));
    let json = reelgate(&t, BACKEND, &["sign", "--json", "--reusable"]).await;
    let json: Value = serde_json::from_str(out(&json)).unwrap();
    assert_eq!(json["one_time"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_and_keys_are_managed() {
    let t = TestApp::start().await;
    ends(&reelgate(&t, ADMIN, &["app", "create", "second", "--id", "1500000077"]).await, 0);
    let list = reelgate(&t, ADMIN, &["app", "list"]).await;
    assert!(out(&list).contains("1500000077  second"), "{}", out(&list));
    let made =
        reelgate(&t, ADMIN, &["key", "create", "phone", "--scope", "sign", "--app", "1500000077"]).await;
    ends(&made, 0);
    let field = |name: &str| {
        let line = out(&made).lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let (id, key) = (field("id"), field("key"));
    ends(&reelgate(&t, &key, &["sign"]).await, 0);
    let keys = reelgate(&t, ADMIN, &["key", "list", "--app", "1500000077"]).await;
    assert!(out(&keys).contains(&id) && !out(&keys).contains(&key), "{}", out(&keys));
    ends(&reelgate(&t, ADMIN, &["key", "revoke", &id]).await, 0);
    let refused = reelgate(&t, &key, &["sign"]).await;
    ends(&refused, 77);
    assert!(!err(&refused).contains(&key) && err(&refused).contains("revoked"), "{}", err(&refused));
    let secret = reelgate(&t, ADMIN, &["key", "create", "server", "--secret"]).await;
    assert!(out(&secret).starts_with("SecretId   AKID"), "{}", out(&secret));
    ends(&reelgate(&t, ADMIN, &["app", "revoke", "1500000077"]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_made_up_or_sent_again_are_refused() {
    let t = TestApp::start().await;
    for (arguments, words) in [
        (&["events", "trigger", "FileDeleted"][..], "NewFileUpload can"),
        (&["events", "replay"], "say which events"),
        (&["events", "replay", "--since", "yesterday"], "neither a time"),
    ] {
        let refused = reelgate(&t, BACKEND, arguments).await;
        ends(&refused, 64);
        assert!(err(&refused).contains(words), "{}", err(&refused));
    }
    assert!(t.events().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_say_what_to_do_and_end_with_their_code() {
    let t = TestApp::start().await;
    for (token, arguments, code, words) in [
        (BACKEND, &["sign", "--procedure", "nothing"][..], 64, "\"nothing\" is not known"),
        (BACKEND, &["app", "list"], 77, "lacks the scope `admin`"),
        ("", &["sign"], 64, "REELGATE_TOKEN"),
        (BACKEND, &["sign", "--url", "http://127.0.0.1:9"], 69, "is `reelgate serve` running there?"),
        (BACKEND, &["sign", "--url", "ftp://x"], 64, "not an http or https address"),
        (BACKEND, &["fly"], 64, "unrecognized subcommand"),
        (BACKEND, &["upload", "/nonexistent.mp4"], 64, "/nonexistent.mp4"),
    ] {
        let output = reelgate(&t, token, arguments).await;
        ends(&output, code);
        assert!(err(&output).contains(words), "{}", err(&output));
    }
    ends(&reelgate(&t, "", &["--help"]).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_printed_and_a_new_database_is_migrated() {
    let t = TestApp::start().await;
    let document = reelgate(&t, "", &["openapi"]).await;
    let document: Value = serde_json::from_str(out(&document)).unwrap();
    assert!(document["paths"]["/v1/upload-signatures"]["post"].is_object());
    let data = t.dir.path().join("fresh");
    std::fs::create_dir(&data).unwrap();
    let migrated = reelgate(&t, "", &["migrate", "--data-dir", data.to_str().unwrap()]).await;
    ends(&migrated, 0);
    assert!(data.join("reelgate.db").exists());
    let bad = reelgate(&t, "", &["migrate", "--config", "/nonexistent.toml"]).await;
    ends(&bad, 78);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_missing() {
    let t = TestApp::start().await;
    let data = t.dir.path().join("fresh");
    let healthy = reelgate(&t, "", &["doctor", "--data-dir", data.to_str().unwrap()]).await;
    for word in ["configuration", "data directory", "database: there is none yet", "models: nsfw-mobilenetv2"]
    {
        assert!(out(&healthy).contains(&format!("ok    {word}")), "{word}: {}", out(&healthy));
    }
    assert!(!data.exists(), "it changes nothing");
    let odd = t.dir.path().join("file");
    std::fs::write(&odd, "not a directory").unwrap();
    let sick = reelgate(&t, "", &["doctor", "--data-dir", odd.to_str().unwrap()]).await;
    ends(&sick, 69);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_over_the_public_wire() {
    let t = TestApp::with(&[], Clock::machine()).await;
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/bigbuckbunny-5s-720p.mp4");
    let uploaded = reelgate(&t, BACKEND, &["upload", sample, "--user", "user-42", "--name", "rabbit"]).await;
    ends(&uploaded, 0);
    let file_id = out(&uploaded).lines().find_map(|line| line.strip_prefix("FileId  ")).unwrap().to_owned();
    assert!(out(&uploaded).contains(&format!("next    reelgate why {file_id}")), "{}", out(&uploaded));
    let media = t.get(BACKEND, &format!("/v1/media/{file_id}")).await;
    assert_eq!(
        (&media.json["name"], &media.json["user"]),
        (&"rabbit".into(), &"user-42".into()),
        "{}",
        media.text
    );
    assert_eq!(media.json["size"], std::fs::metadata(sample).unwrap().len());
    let kept: Vec<_> =
        std::fs::read_dir(t.dir.path().join(".local/state/reelgate/uploads")).unwrap().collect();
    assert!(kept.is_empty(), "nothing is left to go on with: {kept:?}");
    let why = reelgate(&t, BACKEND, &["why", &file_id]).await;
    ends(&why, 0);
    assert!(out(&why).contains("NewFileUpload"), "{}", out(&why));
}
