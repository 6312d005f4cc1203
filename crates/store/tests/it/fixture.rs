//! A fresh, migrated store per test and engine.

use std::future::Future;

use reelgate_model::{AppId, Clock, Scope, Time};
use reelgate_store::{NewApp, Store, StoreError};
use reelgate_testkit::{Postgres, skip};

/// When every test begins.
pub(crate) const START: Time = Time(1_780_000_000_000);
/// The application that exists in every test.
pub(crate) const APP: AppId = AppId(1_250_000_001);

/// A store of its own, with a clock that is moved by hand.
pub(crate) struct Fixture {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) scope: Scope,
    /// For a test that opens the same database again.
    pub(crate) url: String,
    _directory: tempfile::TempDir,
}

/// Makes one test per engine from an `async fn(Fixture)` of the surrounding module: `both!(name, other_name)`.
macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[test]
            fn $test() {
                crate::fixture::on_sqlite(super::$test);
            })+
        }
        mod postgres {
            $(#[test]
            fn $test() {
                crate::fixture::on_postgres(concat!(module_path!(), "::", stringify!($test)), super::$test);
            })+
        }
    };
}
pub(crate) use both;

pub(crate) fn on_sqlite<F: Future<Output = ()>>(test: fn(Fixture) -> F) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", directory.path().join("reelgate.db").display());
    run(url, directory, test);
}

pub(crate) fn on_postgres<F: Future<Output = ()>>(name: &str, test: fn(Fixture) -> F) {
    match Postgres::shared() {
        Ok(server) => run(server.new_database(), tempfile::tempdir().unwrap(), test),
        Err(missing) => skip(name, &missing.0),
    }
}

fn run<F: Future<Output = ()>>(url: String, directory: tempfile::TempDir, test: fn(Fixture) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::manual(START);
        let store = Store::open(&url, clock.clone()).await.unwrap();
        store.migrate().await.unwrap();
        let app = NewApp { id: APP, name: "main".to_owned(), private: false };
        store.write(move |tx| Box::pin(async move { tx.create_app(&app).await })).await.unwrap();
        test(Fixture { store: store.clone(), clock, scope: Scope::system(APP), url, _directory: directory })
            .await;
        store.close().await;
    });
}

/// Runs a unit that must succeed.
macro_rules! write {
    ($store:expr, $tx:ident => $work:expr) => {
        $store.write::<_, reelgate_store::StoreError, _>(move |$tx| Box::pin(async move { $work })).await
    };
}
pub(crate) use write;

/// The error is the one that was expected.
pub(crate) fn is_stale<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Stale))
}
