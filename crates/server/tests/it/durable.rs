//! Durable before acknowledged (design promise 1), as the kernel sees it: the real server under strace.
//!
//! A test that kills processes cannot tell a sync from a page cache that outlives them; the order of system calls can.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reelgate_model::Clock;
use reelgate_testkit::{find_program, skip};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::cos_client::CosClient;
use crate::server_process::{API_KEY, Launch, Server};
use crate::test_app::Answer;
use crate::upload::noise;

const PART: usize = 1 << 20;
/// What makes bytes durable, moves them, or tells somebody.
const CALLS: &str = "trace=fsync,fdatasync,renameat2,rename,renameat,pwrite64,write,writev,sendto,sendmsg,copy_file_range,sendfile,\
     splice,read,pread64,readv";

/// One system call: in the order in which they ended, except that answers count from their beginning.
#[derive(Debug, Clone)]
struct Call {
    text: String,
}

impl Call {
    fn is(&self, names: &[&str], place: &str) -> bool {
        names.iter().any(|name| self.text.starts_with(&format!("{name}("))) && self.text.contains(place)
    }

    fn is_answer(&self) -> bool {
        self.text.contains("\"HTTP/1.1 20")
    }

    /// What it returned, for calls that return a number of bytes.
    fn returned(&self) -> u64 {
        self.text.rsplit_once(" = ").and_then(|(_, text)| text.trim().parse().ok()).unwrap_or(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_their_names_are_durable_before_the_answer() {
    if ["ffmpeg", "ffprobe"].iter().any(|name| find_program(&[name]).is_none()) {
        return skip("durable", "ffmpeg or ffprobe is not installed");
    }
    let Some(strace) = find_program(&["strace"]) else { return skip("durable", "strace is not installed") };
    let directory = tempfile::Builder::new().prefix("reelgate-durable-").tempdir().unwrap();
    let launch = Launch { directory: directory.path(), name: "1", config: "", environment: &[] };
    let server = Server::start(launch).await;
    let origin = format!("http://{}", server.address);
    let cos = open(&origin).await;
    let (key, id) = (cos.video.clone(), cos.initiate(&cos.video).await);
    let Some(mut trace) = Trace::attach(&strace, server.pid, directory.path()).await else { return };

    let first = cos.send_part(&key, &id, 1, noise(1, PART)).await;
    let calls = trace.until_answered(1).await;
    in_order(&calls, &[(&["fdatasync", "fsync"], "/data>"), (&["fdatasync", "fsync"], "reelgate.db-wal>")]);

    // Sent again it lies in a file of its own, whose name must be durable as well.
    let second = cos.send_part(&key, &id, 1, noise(2, PART)).await;
    let calls = trace.until_answered(1).await;
    let side = format!("/staging/{id}>");
    in_order(
        &calls,
        &[
            (&["fdatasync", "fsync"], &format!("/staging/{id}/1.")),
            (&["fsync"], &side),
            (&["fdatasync", "fsync"], "reelgate.db-wal>"),
        ],
    );
    assert_ne!(first, second);

    // Again in its place, for a completion that has nothing to copy.
    let another = cos.initiate(&key).await;
    let etag = cos.send_part(&key, &another, 1, noise(3, PART)).await;
    trace.until_answered(2).await;
    cos.complete(&key, &another, &[(1, etag)]).send().await.expect(200);
    let calls = trace.until_answered(1).await;
    in_order(
        &calls,
        &[
            (&["fsync", "fdatasync"], "/data>"),
            (&["renameat2", "renameat", "rename"], "/staging/"),
            (&["fsync"], "/blobs/"),
            (&["fdatasync", "fsync"], "reelgate.db-wal>"),
        ],
    );
    no_second_copy(&calls);

    cos.call(Method::PUT, &cos.cover).body(Bytes::from_static(b"a cover")).send().await.expect(200);
    let calls = trace.until_answered(1).await;
    in_order(
        &calls,
        &[
            (&["fsync", "fdatasync"], "/incoming/"),
            (&["renameat2", "renameat", "rename"], "/incoming/"),
            (&["fsync"], "/blobs/"),
            (&["fdatasync", "fsync"], "reelgate.db-wal>"),
        ],
    );
    drop(trace);
}

async fn open(origin: &str) -> CosClient {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let order = http.post(format!("{origin}/v1/upload-signatures")).bearer_auth(API_KEY).json(&json!({}));
    let signature = Answer::of(order).await.expect(200).json["signature"].clone();
    let body = json!({ "signature": signature, "videoType": "mp4", "coverType": "png" });
    let apply = http.post(format!("{origin}/v3/index.php?Action=ApplyUploadUGC")).json(&body);
    let apply = Answer::of(apply).await.expect(200).json["data"].clone();
    CosClient::at(origin, http, Clock::machine(), &apply)
}

/// Each of `steps` is found, one after another, all before the answer begins.
#[track_caller]
fn in_order(calls: &[Call], steps: &[(&[&str], &str)]) {
    let answered = calls.iter().rposition(Call::is_answer).expect("it was answered");
    let mut rest = calls[..answered].iter();
    for (names, place) in steps {
        let found = rest.by_ref().find(|call| call.is(names, place));
        assert!(
            found.is_some(),
            "no {} of {place} in its turn before the answer, among:\n{}",
            names.join(" or "),
            calls[..=answered].iter().map(|call| call.text.as_str()).collect::<Vec<_>>().join("\n")
        );
    }
}

/// The bytes are renamed, not moved: nothing near their number is read, written or copied among the stored files.
#[track_caller]
fn no_second_copy(calls: &[Call]) {
    let moving =
        ["pwrite64", "write", "writev", "read", "pread64", "readv", "copy_file_range", "sendfile", "splice"];
    let moved = calls.iter().filter(|call| call.is(&moving, "/objects/")).map(Call::returned).sum::<u64>();
    assert!(moved < 4096, "{moved} bytes of stored files were moved at Complete");
}

/// strace on a running server.
struct Trace {
    child: Child,
    log: PathBuf,
    /// Bytes of the log that were looked at.
    seen: usize,
}

impl Trace {
    /// `None`, having said so, where this process may not look at another one.
    #[expect(
        clippy::disallowed_methods,
        reason = "this test looks at the server's system calls; no media is involved"
    )]
    async fn attach(strace: &Path, pid: u32, directory: &Path) -> Option<Self> {
        let log = directory.join("strace.log");
        let mut child = Command::new(strace)
            .args(["-f", "-y", "-s", "32", "-e", CALLS, "-p", &pid.to_string(), "-o"])
            .arg(&log)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let attached = tokio::time::timeout(Duration::from_secs(30), said.next_line()).await;
        let line = attached.ok().and_then(Result::ok).flatten().unwrap_or_default();
        if !line.contains("attached") {
            skip("durable", &format!("strace cannot attach: {line}"));
            return None;
        }
        // What it says later is read as well, or it would stop at a full pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        Some(Self { child, log, seen: 0 })
    }

    /// The calls since the last look, up to `answers` answers.
    async fn until_answered(&mut self, answers: usize) -> Vec<Call> {
        for _ in 0..200 {
            let text = std::fs::read_to_string(&self.log).unwrap_or_default();
            let new = &text[self.seen..];
            let whole = new.rfind('\n').map_or(0, |end| end + 1);
            let calls = in_order_of_their_end(&new[..whole]);
            if calls.iter().filter(|call| call.is_answer()).count() >= answers {
                self.seen += whole;
                return calls;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "strace has ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no answer was seen in {}", self.log.display());
    }
}

/// Puts calls that others interrupted together again.
fn in_order_of_their_end(log: &str) -> Vec<Call> {
    let mut begun: HashMap<&str, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((pid, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(start) = text.strip_suffix("<unfinished ...>") {
            if start.contains("\"HTTP/1.1 20") {
                calls.push(Call { text: start.to_owned() });
            } else {
                begun.insert(pid, start.to_owned());
            }
        } else if let Some((_, end)) = text.split_once(" resumed>") {
            if let Some(start) = begun.remove(pid) {
                calls.push(Call { text: format!("{}{end}", start.trim_end()) });
            }
        } else {
            calls.push(Call { text: text.to_owned() });
        }
    }
    calls
}
