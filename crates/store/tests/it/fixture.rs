//! A fresh, migrated store per test and engine.

use std::future::Future;

use reelgate_model::{AppId, Clock, Scope, Time};
use reelgate_store::{NewApp, Store, StoreError};
use reelgate_testkit::Database;

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
    pub(crate) database: Database,
}

/// `both!(name, other)` makes a test per engine of each `async fn(Fixture)`.
macro_rules! both {
    ($($test:ident),+ $(,)?) => {
        reelgate_testkit::on_both!(crate::fixture::run: $($test),+);
    };
}
pub(crate) use both;

pub(crate) fn run<F: Future<Output = ()>>(database: Database, test: fn(Fixture) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let clock = Clock::manual(START);
        let store = Store::open(database.url(), clock.clone()).await.unwrap();
        store.migrate().await.unwrap();
        let app = NewApp { id: APP, name: "main".to_owned(), private: false };
        store.write(move |tx| Box::pin(async move { tx.create_app(&app).await })).await.unwrap();
        let url = database.url().to_owned();
        test(Fixture { store: store.clone(), clock, scope: Scope::system(APP), url, database }).await;
        store.close().await;
    });
}

/// Runs a unit with the store's own error.
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
