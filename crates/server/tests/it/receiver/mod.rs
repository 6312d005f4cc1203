//! The receiver in front of a cloud that is another Reelgate, over a road on which events are lost, doubled, late, reordered and made
//! up: what the cloud has, the log has, each once.

mod callbacks;
mod road;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reelgate_model::Clock;
use reelgate_server::events::fact::{Fact, ReceivedFact};
use reelgate_server::events::receive::{puller, reconcile};
use reelgate_server::events::{delivery, vendor_config};
use reelgate_wire::cloudapi::{EventMode, ModifyEventConfig};
use serde_json::json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::test_app::{BACKEND, SECRET_ID, SECRET_KEY, TestApp};
use crate::upload::noise;
use road::Road;

/// Uploads of the test.
const UPLOADS: usize = 1_000;
/// Clients that upload at once.
const CLIENTS: usize = 8;
pub(super) const TOKEN: &str = "token-of-the-callbacks-0001";
pub(super) const SIGN_KEY: &str = "AbC123xyz";
const LOOPBACK: (&str, &str) = ("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#);

/// The cloud: everything on its own machine, calling back to `callbacks`.
async fn cloud() -> TestApp {
    TestApp::with(&[LOOPBACK, ("REELGATE_EVENTS__RETRY", "[0.2, 0.5, 1, 2]")], Clock::machine()).await
}

async fn call_back(cloud: &TestApp, callbacks: &str) {
    let change = ModifyEventConfig {
        mode: Some(EventMode::Push),
        notification_url: Some(callbacks.to_owned()),
        upload_switch: Some(true),
        delete_switch: Some(true),
        sign_key: Some(SIGN_KEY.to_owned()),
    };
    vendor_config::modify(&cloud.app, &cloud.scope, change, String::new()).await.unwrap();
}

/// The app's two services in front of the cloud, whose API is at `endpoint`.
pub(super) async fn receiver(endpoint: &str) -> TestApp {
    let settings = [
        LOOPBACK,
        ("REELGATE_MODE", "tencent"),
        ("REELGATE_TENCENT__SECRET_ID", SECRET_ID),
        ("REELGATE_TENCENT__SECRET_KEY", SECRET_KEY),
        ("REELGATE_TENCENT__ENDPOINT", endpoint),
        ("REELGATE_TENCENT__CALLBACK_TOKEN", TOKEN),
        ("REELGATE_TENCENT__SIGN_KEYS", "Other1,AbC123xyz"),
    ];
    TestApp::with(&settings, Clock::machine()).await
}

/// One upload: permission from the receiver's signature service, bytes to the cloud. Returns the FileId.
async fn upload(cloud: &TestApp, front: &TestApp, n: usize) -> String {
    let order = json!({"user": format!("user-{}", n % 7), "source_context": format!("upload {n}")});
    let issued = front.post(BACKEND, "/v1/upload-signatures", order).await.expect(200);
    let signature = issued.json["signature"].as_str().unwrap();
    let upload = cloud.apply(signature, json!({"videoName": format!("n{n}"), "videoType": "mp4"})).await;
    let put =
        upload.cos.call(http::Method::PUT, &upload.cos.video).body(noise(u64::try_from(n).unwrap(), 64));
    put.send().await.expect(200);
    let body = json!({"signature": signature, "vodSessionKey": upload.session_key});
    let committed = cloud.ugc_data("CommitUploadUGC", body).await;
    committed["video"]["fileId"].as_str().or(committed["fileId"].as_str()).unwrap().to_owned()
}

/// How often each upload is in the log of the receiver, by FileId; and what is known of it.
async fn logged(front: &TestApp) -> BTreeMap<String, Vec<ReceivedFact>> {
    let mut found: BTreeMap<String, Vec<ReceivedFact>> = BTreeMap::new();
    for event in front.events().await.into_iter().filter(|event| event.kind == "NewFileUpload") {
        let Ok(Fact::Received(fact)) = serde_json::from_str(&event.fact) else { panic!("{}", event.fact) };
        found.entry(fact.file_id.clone()).or_default().push(*fact);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_uploads_are_a_thousand_in_the_log() {
    let cloud = Arc::new(cloud().await);
    let road = Road::new(&cloud.base).await;
    let front = Arc::new(receiver(&road.origin).await);
    road.leads_to(&front.base);
    call_back(&cloud, &format!("{}/callbacks/vod/{TOKEN}", road.origin)).await;
    // Downstream of the receiver everything is as ever.
    let sink = road::Sink::start().await;
    front.post(BACKEND, "/v1/event-endpoints", json!({"url": sink.url})).await.expect(201);
    let stop = CancellationToken::new();
    for app in [&cloud.app, &front.app] {
        tokio::spawn(delivery::run(app.clone(), stop.clone()));
    }
    tokio::spawn(puller::run(front.app.clone(), stop.clone()));

    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let (cloud, front) = (Arc::clone(&cloud), Arc::clone(&front));
        clients.spawn(async move {
            let mut files = Vec::new();
            for n in (client..UPLOADS).step_by(CLIENTS) {
                files.push(upload(&cloud, &front, n).await);
            }
            files
        });
    }
    let files: Vec<String> = clients.join_all().await.concat();
    assert_eq!(files.len(), UPLOADS);

    // What gets through at all is there soon, however the road was.
    let passable = files.iter().filter(|file| !Road::swallows(file)).count();
    assert!(passable < UPLOADS, "some never get through");
    tokio::time::timeout(Duration::from_secs(120), async {
        while logged(&front).await.len() < passable {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await
    .expect("every event that gets through");
    // A minute later somebody asks for the rest.
    front.clock.set_offset_ms(90_000);
    let difference = reconcile_through(&front).await;
    assert!(difference.media >= UPLOADS, "{difference:?}");
    assert_eq!(told_to_be_missing(&front).await, UPLOADS - passable);

    let found = logged(&front).await;
    let mut wanted = files.clone();
    wanted.sort();
    assert_eq!(found.keys().cloned().collect::<Vec<_>>(), wanted, "ids, not counts");
    for (file, facts) in &found {
        let [fact] = facts.as_slice() else { panic!("{file} is in the log {} times", facts.len()) };
        assert_eq!(fact.repaired, Road::swallows(file));
        assert!(fact.user.starts_with("user-") && fact.permission_id.len() == 24, "{fact:?}");
    }
    road.say();
    everything_else_is_as_it_came(&front, &road).await;
    sink.has_all(&wanted).await;
    stop.cancel();
}

/// The API of the cloud fails now and then; the next round asks again.
async fn reconcile_through(front: &TestApp) -> reconcile::Difference {
    for _ in 0..50 {
        match reconcile::round(&front.app).await {
            Ok(difference) => return difference,
            Err(error) => assert!(format!("{error:#}").contains("cloud API"), "{error:#}"),
        }
    }
    panic!("no round of fifty went through");
}

/// How many uploads the log says were missing.
async fn told_to_be_missing(front: &TestApp) -> usize {
    let facts = front.events().await;
    let repaired = facts.iter().filter(|event| event.kind == "reelgate.Reconciled").map(|event| {
        let Ok(Fact::Reconciled { repaired, .. }) = serde_json::from_str(&event.fact) else {
            panic!("{}", event.fact)
        };
        repaired.len()
    });
    repaired.sum()
}

/// Types that nobody knows are kept byte for byte; no event has our suffix in it.
async fn everything_else_is_as_it_came(front: &TestApp, road: &Road) {
    let events = front.events().await;
    let mut unknown: Vec<Vec<u8>> = events
        .iter()
        .filter(|event| event.kind == "BrandNew")
        .map(|event| event.raw.clone().unwrap())
        .collect();
    let mut sent = road.unknown();
    unknown.sort();
    sent.sort();
    assert_eq!(unknown, sent);
    assert!(!sent.is_empty());
    for event in events.iter().filter(|event| event.kind == "NewFileUpload") {
        let raw = String::from_utf8(event.raw.clone().unwrap()).unwrap();
        assert!(!raw.contains("|rg1.") && !raw.contains("\"Sign\"") && !raw.contains("EventHandle"), "{raw}");
    }
    let again = reconcile_through(front).await;
    assert_eq!(again.repaired, Vec::<String>::new());
}
