//! Our log, by the store that the server uses.

use std::future::Future;

use anyhow::{Context, Result};
use reelgate_model::{AppId, Clock, FileId, Scope};
use reelgate_store::{NewApp, NewEvent, Readers, Store, StoreError};

use super::appends::Writer;

/// The first application; others follow it.
const FIRST: i64 = 1_250_000_001;

/// An open store with some applications.
pub(super) struct Log {
    pub(super) store: Store,
    pub(super) scopes: Vec<Scope>,
}

impl Log {
    /// An empty database with `apps` applications.
    pub(super) async fn open(url: &str, apps: i64) -> Result<Self> {
        let store = Store::open(url, Clock::machine()).await.context("the database cannot be opened")?;
        store.migrate().await.context("the tables cannot be made")?;
        let mut scopes = Vec::new();
        for n in 0..apps {
            let app = NewApp { id: AppId(FIRST + n), name: format!("app {n}"), private: false };
            scopes.push(Scope::system(app.id));
            store
                .write::<_, StoreError, _>(move |tx| Box::pin(async move { tx.create_app(&app).await }))
                .await?;
        }
        Ok(Self { store, scopes })
    }

    /// `count` writers, spread over the applications.
    pub(super) fn writers(&self, count: usize) -> Vec<LogWriter> {
        let scope = |n: usize| self.scopes[n % self.scopes.len()].clone();
        (0..count).map(|n| LogWriter { store: self.store.clone(), scope: scope(n) }).collect()
    }

    /// Appends `count` events in units of `together`, each about a file of its own.
    pub(super) async fn fill(&self, count: usize, together: usize, payload: &str) -> Result<()> {
        for start in (0..count).step_by(together) {
            let many = together.min(count - start);
            let (scope, payload) = (self.scopes[0].clone(), payload.to_owned());
            let unit = self.store.write::<_, StoreError, _>(move |tx| {
                Box::pin(async move {
                    for _ in 0..many {
                        tx.append_event(&scope, &upload(&payload)).await?;
                    }
                    Ok(())
                })
            });
            unit.await?;
        }
        Ok(())
    }
}

/// One upload's event, about a file of its own.
fn upload(payload: &str) -> NewEvent {
    NewEvent {
        file: Some(FileId(rand::random_range(1..i64::MAX))),
        kind: "NewFileUpload".to_owned(),
        fact: payload.to_owned(),
        raw: None,
        readers: Readers::All,
    }
}

/// Appends as a use case does: a unit of work each.
pub(super) struct LogWriter {
    store: Store,
    scope: Scope,
}

impl Writer for LogWriter {
    fn append(&mut self, payload: &str) -> impl Future<Output = Result<()>> + Send {
        let (scope, event) = (self.scope.clone(), upload(payload));
        let unit = self.store.write::<_, StoreError, _>(move |tx| {
            Box::pin(async move { tx.append_event(&scope, &event).await.map(drop) })
        });
        async move { Ok(unit.await?) }
    }
}
