//! At least once, in the order of each file, and never for ever.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use reelgate_model::{DeliveryState, FileId};
use reelgate_server::events::{Fact, delivery, endpoint};
use reelgate_store::StoreError;
use tokio_util::sync::CancellationToken;

use super::receiver::{Receiver, answer};
use super::{Bench, FILE};

const OTHER: FileId = FileId(7);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn events_of_a_file_come_in_order_though_the_first_attempt_fails() {
    let bench = Bench::new().await;
    let receiver = Receiver::start(|before, _| answer(if before == 0 { 500 } else { 204 })).await;
    bench.happen(FILE, "before").await;
    bench.endpoint(&receiver.url).await;
    for task in ["one", "two", "three"] {
        bench.happen(FILE, task).await;
    }
    assert_eq!(bench.step().await, 1, "only the first event of the file is on its way");
    assert_eq!(bench.step().await, 0, "it is not sent again before its time, and the others wait for it");
    bench.happen(OTHER, "other").await;
    assert_eq!(bench.step().await, 1, "another file is not held up");
    bench.pass(SECOND.mul_f64(1.1));
    while bench.step().await > 0 {}
    assert_eq!(receiver.tasks(), ["one", "other", "one", "two", "three"]);

    let received = receiver.received();
    let history = bench.history(FILE).await;
    assert!(history.iter().all(|(delivery, _)| delivery.state == DeliveryState::Delivered));
    let (first, attempts) = &history[0];
    for again in [&received[0], &received[2]] {
        assert_eq!(again.header("reelgate-event-id"), first.event_id);
        assert_eq!(again.header("reelgate-event-seq"), first.place.seq.to_string());
        assert_eq!(again.header("content-type"), "application/json");
        assert!(again.header("user-agent").starts_with("reelgate/"));
        assert_eq!(again.body, received[0].body);
    }
    assert_eq!(received[0].body["EventType"], "ProcedureStateChanged");
    let told: Vec<_> = attempts.iter().map(|one| (one.number, one.status, one.answer.as_str())).collect();
    assert_eq!(told, [(1, Some(500), "seen"), (2, Some(204), "")]);
    assert!(attempts[0].error.contains("500"), "{}", attempts[0].error);
}

#[tokio::test]
async fn after_the_last_pause_the_letter_is_dead_and_its_file_released() {
    let bench = Bench::new().await;
    let receiver = Receiver::start(|_, one| answer(if one.task() == "bad" { 503 } else { 200 })).await;
    bench.endpoint(&receiver.url).await;
    bench.happen(FILE, "bad").await;
    bench.happen(FILE, "good").await;
    for pause in [1, 10] {
        assert_eq!(bench.step().await, 1);
        bench.pass(Duration::from_secs(pause) - Duration::from_millis(1));
        assert_eq!(bench.step().await, 0, "not before {pause} s are over");
        bench.pass(Duration::from_millis(pause * 100 + 1));
    }
    while bench.step().await > 0 {}
    assert_eq!(receiver.tasks(), ["bad", "bad", "bad", "good"]);
    let history = bench.history(FILE).await;
    assert_eq!((history[0].0.state, history[0].1.len()), (DeliveryState::Dead, 3));
    assert_eq!(history[1].0.state, DeliveryState::Delivered);
    let log = bench.log(FILE).await;
    assert_eq!(log, ["ProcedureStateChanged", "ProcedureStateChanged", "reelgate.DeliveryDead"]);
    bench.pass(Duration::from_secs(86_400));
    assert_eq!(bench.step().await, 0, "our own event is not pushed");
}

#[tokio::test]
async fn retry_after_makes_a_pause_longer_but_not_endless() {
    let bench = Bench::new().await;
    let receiver = Receiver::start(|before, _| {
        let asked = if before == 0 { "5" } else { "999999" };
        Response::builder().status(429).header("retry-after", asked).body(Body::empty()).unwrap()
    })
    .await;
    bench.endpoint(&receiver.url).await;
    bench.happen(FILE, "one").await;
    assert_eq!(bench.step().await, 1);
    bench.pass(SECOND * 4);
    assert_eq!(bench.step().await, 0);
    bench.pass(SECOND);
    assert_eq!(bench.step().await, 1);
    bench.pass(SECOND * 3599);
    assert_eq!(bench.step().await, 0);
    bench.pass(SECOND);
    assert_eq!(bench.step().await, 1);
}

#[tokio::test]
async fn a_sender_that_died_costs_time_and_no_attempt() {
    let bench = Bench::new().await;
    let receiver = Receiver::start(|_, _| answer(200)).await;
    bench.endpoint(&receiver.url).await;
    bench.happen(FILE, "one").await;
    let mut read = bench.app.store.read().await.unwrap();
    let endpoint = read.endpoints_to_serve(bench.clock.now(), "", 10).await.unwrap().remove(0);
    drop(read);
    // Another process hands the event over, claims it, and is killed before it sends.
    let lease = bench.app.config.events.timeout + SECOND * 30;
    let write = bench.app.store.write::<_, StoreError, _>(move |tx| {
        Box::pin(async move { tx.take_deliveries(&endpoint, lease, 1).await })
    });
    assert_eq!(write.await.unwrap().deliveries.len(), 1);
    assert_eq!(bench.step().await, 0, "it is in somebody's hands");
    bench.pass(lease);
    assert_eq!(bench.step().await, 1);
    assert_eq!(receiver.tasks(), ["one"]);
    let history = bench.history(FILE).await;
    assert_eq!((history[0].0.state, history[0].1.len()), (DeliveryState::Delivered, 1));
}

#[tokio::test]
async fn an_endpoint_that_never_answers_is_left_and_one_that_never_ends_is_cut() {
    let bench = Bench::with(&[
        ("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#),
        ("REELGATE_EVENTS__TIMEOUT", "0.3"),
    ])
    .await;
    // It accepts connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.endpoint(&format!("http://{}/", silent.local_addr().unwrap())).await;
    bench.happen(FILE, "one").await;
    assert_eq!(bench.step().await, 1);
    let attempt = bench.history(FILE).await[0].1[0].clone();
    assert_eq!((attempt.status, attempt.error.as_str()), (None, "no answer within 0.3 s"));

    let endless = Receiver::start(|_, _| {
        let chunks = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 65_536])));
        Response::new(Body::from_stream(chunks))
    })
    .await;
    bench.endpoint(&endless.url).await;
    assert_eq!(bench.step().await, 1, "a moved endpoint gets at once what it has not taken");
    let (delivery, attempts) = bench.history(FILE).await.remove(0);
    assert_eq!(delivery.state, DeliveryState::Delivered);
    assert_eq!((attempts[1].status, attempts[1].answer.len()), (Some(200), 1024));
}

#[tokio::test]
async fn what_a_removed_endpoint_has_not_taken_is_given_up_with_a_reason() {
    let bench = Bench::new().await;
    let receiver = Receiver::start(|_, _| answer(500)).await;
    bench.endpoint(&receiver.url).await;
    bench.happen(FILE, "one").await;
    bench.happen(FILE, "two").await;
    bench.step().await;
    let main = endpoint::get_main(&bench.app, &bench.scope).await.unwrap();
    endpoint::remove(&bench.app, &bench.scope, &main.id, String::new()).await.unwrap();
    bench.pass(Duration::from_secs(86_400));
    assert_eq!(bench.step().await, 0);
    for (delivery, _) in bench.history(FILE).await {
        let came = (delivery.state, delivery.reason.as_str());
        assert_eq!(came, (DeliveryState::Dead, "the endpoint was removed"));
    }
    let mut own = bench.own().await;
    let Some(Fact::EndpointDisabled { endpoint_id, given_up, .. }) = own.pop() else { panic!("{own:?}") };
    assert_eq!((endpoint_id, given_up), (main.id, 2));
    assert_eq!(receiver.tasks(), ["one"]);
}

#[tokio::test]
async fn two_processes_send_each_event_once() {
    let bench = Bench::new().await;
    let receiver = Receiver::start(|_, _| answer(200)).await;
    bench.endpoint(&receiver.url).await;
    for n in 0..60_i64 {
        bench.happen(FileId(n % 7 + 1), &format!("{n:02}")).await;
    }
    let other = delivery::Courier::new(bench.app.clone()).unwrap();
    let work = |courier: delivery::Courier| async move {
        let mut idle = 0;
        while idle < 5 {
            idle = if courier.step().await.unwrap() == 0 { idle + 1 } else { 0 };
        }
    };
    tokio::join!(work(bench.courier.clone()), work(other));
    let tasks = receiver.tasks();
    assert_eq!(tasks.len(), 60);
    for file in 0..7 {
        let own = |n: &&String| n.parse::<i64>().unwrap() % 7 == file;
        let (came, mut sorted): (Vec<_>, Vec<_>) =
            (tasks.iter().filter(own).collect(), tasks.iter().filter(own).collect());
        sorted.sort();
        sorted.dedup();
        assert_eq!(came, sorted, "events of one file, in order, none twice");
    }
}

#[tokio::test]
async fn the_role_delivers_by_itself_and_stops_when_told() {
    let bench = Bench::new().await;
    let (seen, mut came) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::start(move |_, one| {
        seen.send(one.task().to_owned()).unwrap();
        answer(200)
    })
    .await;
    bench.endpoint(&receiver.url).await;
    let stop = CancellationToken::new();
    let role = tokio::spawn(delivery::run(bench.app.clone(), stop.clone()));
    for task in ["one", "two"] {
        bench.happen(FILE, task).await;
        assert_eq!(came.recv().await.as_deref(), Some(task));
    }
    stop.cancel();
    role.await.unwrap();
    let history = bench.history(FILE).await;
    assert!(history.iter().all(|(delivery, _)| delivery.state == DeliveryState::Delivered), "it drains");
}
