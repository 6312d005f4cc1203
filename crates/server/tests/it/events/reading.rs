//! The log by cursor and as a stream: nothing is missed, nothing comes twice.

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use reelgate_model::FileId;
use reelgate_store::StoreError;
use serde_json::Value;

use super::served::{KEY, Served};

/// Reads page by page until `count` events have come.
async fn follow(served: &Served, mut after: String, count: usize, more: &str) -> (Vec<Value>, String) {
    let mut events = Vec::new();
    while events.len() < count {
        let path = format!("/v1/events?limit=7&after={after}{more}");
        let (status, page) = served.call(Method::GET, &path, None).await;
        assert_eq!(status, 200, "{page}");
        events.extend(page["events"].as_array().unwrap().clone());
        page["next"].as_str().unwrap().clone_into(&mut after);
        tokio::task::yield_now().await;
    }
    (events, after)
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_while_others_write() {
    let served = Served::new().await;
    let (_, end) = served.call(Method::GET, "/v1/events?after=end", None).await;
    let begin = end["next"].as_str().unwrap().to_owned();
    let write = async {
        for n in 0..100_i64 {
            served.bench.happen(FileId(n % 9 + 1), &format!("{n}")).await;
        }
    };
    let ((), (events, next)) = tokio::join!(write, follow(&served, begin.clone(), 100, ""));
    let distinct: BTreeSet<_> = ids(&events).into_iter().collect();
    assert_eq!((distinct.len(), events.len()), (100, 100));
    for file in 1..=9_i64 {
        let own = events.iter().filter(|event| event["file_id"] == file.to_string().as_str());
        let numbers: Vec<_> = own.map(|event| event["file_seq"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=i64::try_from(numbers.len()).unwrap()).collect::<Vec<_>>());
    }
    let one = &events[0];
    assert_eq!((&one["type"], &one["test"]), (&"ProcedureStateChanged".into(), &false.into()));
    assert_eq!(one["data"]["ProcedureStateChangeEvent"]["TaskId"], "0");
    let (again, _) = follow(&served, one["cursor"].as_str().unwrap().to_owned(), 99, "").await;
    assert_eq!(ids(&again)[..99], ids(&events)[1..]);
    let (status, empty) = served.call(Method::GET, &format!("/v1/events?after={next}"), None).await;
    assert_eq!((status, &empty["events"], &empty["more"]), (200, &Value::Array(vec![]), &false.into()));
    let (some, _) = follow(&served, begin, 11, "&file_id=9&type=ProcedureStateChanged,Other").await;
    assert!(some.iter().all(|event| event["file_id"] == "9"));
}

#[tokio::test]
async fn a_reader_that_wants_little_gets_on_all_the_same() {
    let served = Served::new().await;
    for n in 0..50 {
        served.bench.happen(FileId(1), &format!("{n}")).await;
    }
    served.bench.happen(FileId(2), "rare").await;
    let (_, page) = served.call(Method::GET, "/v1/events?limit=3&file_id=2", None).await;
    assert_eq!(page["events"].as_array().unwrap().len(), 1, "{page}");
    let (_, none) = served.call(Method::GET, "/v1/events?limit=3&type=Never", None).await;
    assert_eq!((&none["events"], &none["more"]), (&Value::Array(vec![]), &false.into()));
}

#[tokio::test]
async fn cursors_that_cannot_be_gone_on_from_say_so() {
    let served = Served::new().await;
    served.bench.happen(FileId(1), "old").await;
    let (_, page) = served.call(Method::GET, "/v1/events", None).await;
    let old = page["next"].as_str().unwrap().to_owned();
    let (_, start) = served.call(Method::GET, "/v1/events?limit=1", None).await;
    let first = start["events"][0]["cursor"].as_str().unwrap().to_owned();
    assert_eq!(first, old);
    for bad in ["x", "1.2.3", &format!("{old}.1")] {
        let (status, problem) = served.call(Method::GET, &format!("/v1/events?after={bad}"), None).await;
        assert_eq!((status, &problem["code"]), (422, &"cursor_malformed".into()), "{bad}");
    }
    let write = served.bench.app.store.write::<_, StoreError, _>(|tx| Box::pin(tx.renew_epoch()));
    write.await.unwrap();
    let (status, problem) = served.call(Method::GET, &format!("/v1/events?after={old}"), None).await;
    assert_eq!((status, &problem["code"]), (410, &"cursor_reset".into()));
    let start = problem["start"].as_str().unwrap();
    let (_, again) = served.call(Method::GET, &format!("/v1/events?after={start}"), None).await;
    assert_eq!(again["events"].as_array().unwrap().len(), 1, "from the start of what there is");
    served.bench.pass(Duration::from_secs(10));
    let before = served.bench.clock.now();
    let drop = served
        .bench
        .app
        .store
        .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.drop_events(before).await }));
    drop.await.unwrap();
    let (status, problem) = served.call(Method::GET, &format!("/v1/events?after={start}"), None).await;
    assert_eq!((status, &problem["code"]), (410, &"cursor_expired".into()));
    let stranger = served.http.get(format!("{}/v1/events", served.url)).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

struct Stream {
    response: reqwest::Response,
    pending: String,
}

impl Stream {
    async fn open(served: &Served, path: &str, last: Option<&str>) -> Self {
        let mut request = served.http.get(format!("{}{path}", served.url)).bearer_auth(KEY);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, pending: String::new() }
    }

    /// Id, name and data of the next event.
    async fn next(&mut self) -> (String, String, Value) {
        loop {
            if let Some((block, rest)) = self.pending.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim_start().to_owned()).unwrap_or_default()
                };
                let found = (field("id:"), field("event:"), field("data:"));
                self.pending = rest.to_owned();
                if !found.1.is_empty() {
                    return (found.0, found.1, serde_json::from_str(&found.2).unwrap());
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.pending.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn a_stream_that_broke_off_goes_on_without_a_gap() {
    let served = Served::new().await;
    served.bench.happen(FileId(1), "before").await;
    let mut stream = Stream::open(&served, "/v1/events/stream", None).await;
    let (mut last, mut tasks) = (String::new(), Vec::new());
    for n in 0..30 {
        served.bench.happen(FileId(1), &format!("{n}")).await;
        if n % 10 == 9 {
            // What is recorded while nobody listens comes when somebody does.
            drop(stream);
            served.bench.happen(FileId(1), &format!("{n} meanwhile")).await;
            let seen = Some(last.as_str()).filter(|last| !last.is_empty());
            stream = Stream::open(&served, "/v1/events", seen.or(Some(""))).await;
            if n == 9 {
                // Nothing had been read of the first stream: the place it began at is not known to the client.
                served.bench.happen(FileId(1), "first").await;
            }
        }
        if n >= 9 {
            let (id, name, data) = stream.next().await;
            assert_eq!(
                (name.as_str(), data["cursor"].as_str()),
                ("ProcedureStateChanged", Some(id.as_str()))
            );
            last = id;
            tasks.push(data["data"]["ProcedureStateChangeEvent"]["TaskId"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(tasks[0], "first");
    let expected: Vec<String> = (10..20).map(|n| n.to_string()).collect();
    assert_eq!(tasks[1..11], expected);
    assert_eq!(tasks[11], "19 meanwhile");
    let write = served.bench.app.store.write::<_, StoreError, _>(|tx| Box::pin(tx.renew_epoch()));
    write.await.unwrap();
    let mut lost = Stream::open(&served, "/v1/events/stream", Some(&last)).await;
    let (_, name, data) = lost.next().await;
    assert_eq!((name.as_str(), &data["code"]), ("reelgate.reset", &"cursor_reset".into()));
}
