//! What was answered survives SIGKILL; what was not is there whole or not at all.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use reelgate_model::Clock;
use reelgate_store::{NewAudit, Store};

use crate::fixture::{APP, Fixture, both, write};

both!(acknowledged_units_survive_sigkill);

const URL: &str = "REELGATE_TEST_KILL_URL";

/// The process that is killed: writes pairs of rows from many tasks and prints the number of each pair that was acknowledged.
#[test]
fn writer_process() {
    let Ok(url) = std::env::var(URL) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(&url, Clock::machine()).await.unwrap();
        let writers = (0..16_u64).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in (writer..).step_by(16) {
                    let half = NewAudit { subject: n.to_string(), ..NewAudit::default() };
                    write!(store, tx => {
                        let scope = reelgate_model::Scope::system(APP);
                        tx.audit(&scope, &half).await?;
                        tx.audit(&scope, &half).await
                    })
                    .unwrap();
                    writeln!(std::io::stdout().lock(), "acknowledged {n}").unwrap();
                }
            })
        });
        futures_util::future::join_all(writers).await;
    });
}

#[expect(clippy::disallowed_methods, reason = "only a process of its own can be killed")]
async fn acknowledged_units_survive_sigkill(f: Fixture) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::writer_process", "--exact", "--nocapture"])
        .env(URL, &f.url)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = std::collections::BTreeSet::new();
    let number = |line: &str| line.rsplit_once("acknowledged ").map(|(_, n)| n.to_owned());
    while acknowledged.len() < 200 {
        let line = lines.next().expect("the writer ended by itself").unwrap();
        acknowledged.extend(number(&line));
    }
    child.kill().unwrap();
    // Whatever it still printed was acknowledged too, up to the last whole line.
    acknowledged.extend(lines.map_while(Result::ok).filter_map(|line| number(&line)));
    child.wait().unwrap();

    let reader = Store::open(&f.url, Clock::machine()).await.unwrap();
    let page = reader.read().await.unwrap().audit_page(&f.scope, None, 1_000_000).await.unwrap();
    let mut counts = std::collections::BTreeMap::new();
    for entry in page {
        *counts.entry(entry.subject).or_insert(0) += 1;
    }
    assert!(counts.values().all(|count| *count == 2), "a unit was half written");
    let lost: Vec<_> = acknowledged.iter().filter(|n| !counts.contains_key(*n)).collect();
    assert!(lost.is_empty(), "acknowledged, but not there: {lost:?}");
    reader.close().await;
}
