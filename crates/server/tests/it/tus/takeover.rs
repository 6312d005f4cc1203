//! Two clients, or one and its ghost: never are their bytes mixed.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Created, video};
use crate::test_app::TestApp;
use crate::upload::noise;

/// The old connection hangs; the client comes back on the same node.
#[tokio::test]
async fn a_client_that_comes_back_takes_the_upload_over() {
    let app = TestApp::start().await;
    let data = video(24 << 20);
    let upload = Created::new(&app, data.len()).await;
    let mut ghost = upload.begin(0, data.len(), &data[..5 << 20]).await;
    come_back(&upload, &upload, &data, &mut ghost).await;
}

/// The client comes back on another node, which shares nothing but rows and bytes with the one its ghost is at.
#[tokio::test]
async fn another_node_takes_the_upload_over() {
    let Some(app) = TestApp::on_postgres().await else { return };
    let other = app.another_node().await;
    let data = video(24 << 20);
    let upload = Created::new(&app, data.len()).await;
    let mut ghost = upload.begin(0, data.len(), &data[..5 << 20]).await;
    come_back(&upload, &upload.at(&other), &data, &mut ghost).await;
}

async fn come_back(
    at_ghost: &Created<'_>,
    upload: &Created<'_>,
    data: &bytes::Bytes,
    ghost: &mut tokio::net::TcpStream,
) {
    // As long as it takes for the bytes to arrive there.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let offset = upload.offset().await;
    assert_eq!(offset, 5 << 20, "what the ghost had brought is there, to the byte");
    // It lives on and sends other bytes than the client does.
    let haunt = async {
        let _ = ghost.write_all(&noise(13, 3 << 20)).await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), ghost.read_to_end(&mut answer)).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let (answer, haunted) = tokio::join!(upload.patch(offset, data.slice(offset..)), haunt);
    answer.expect(204);
    assert!(haunted.is_empty() || haunted.starts_with("HTTP/1.1 423"), "{haunted}");
    assert!(at_ghost.stored().await == *data, "the bytes are the client's");
}

/// A holder that died does not give its lease back; when it is over, the next one gets it.
#[tokio::test]
async fn a_dead_holder_is_overtaken_when_its_lease_ends() {
    let app = TestApp::start().await;
    let data = video(1000);
    let upload = Created::new(&app, data.len()).await;
    let session = upload.path.strip_prefix("/files/").unwrap()[..32].to_owned();
    let scope = app.scope.clone();
    let work = reelgate_store::unit::<bool, reelgate_store::StoreError, _>(move |tx| {
        Box::pin(async move { tx.lease_tus_upload(&scope, &session, "dead", Duration::from_secs(15)).await })
    });
    assert!(app.app.store.write(work).await.unwrap());
    let waiting = upload.patch(0, data.clone());
    let later = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        app.advance(16);
    };
    let (answer, ()) = tokio::join!(waiting, later);
    answer.expect(204);
    assert_eq!(upload.stored().await, data);
}
