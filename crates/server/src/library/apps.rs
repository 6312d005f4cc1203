//! Applications of the account: list, create, revoke. Only an administrator of the main application may.

use reelgate_model::{AppId, Scope};
use reelgate_store::{App as Application, NewApp, NewAudit, StoreError};

use crate::app::App;

/// Longest name of an application or key, characters.
pub(super) const MAX_NAME: usize = 100;
/// Ids are drawn from the range in which the vendor's SubAppIds lie.
const IDS: std::ops::Range<i64> = 1_500_000_000..1_600_000_000;

/// An application to be created.
#[derive(Debug, Clone)]
pub struct NewApplication {
    /// Its SubAppId; `None`: drawn.
    pub id: Option<AppId>,
    /// What people call it.
    pub name: String,
    /// Whether its media stay private until the verdict.
    pub private: bool,
}

/// Why applications were not listed or changed.
#[derive(Debug, thiserror::Error)]
pub enum AppsError {
    /// The caller administers another application than the main one.
    #[error("only an admin key of the main application {main} may manage applications; use one")]
    NotMain {
        /// The main application.
        main: AppId,
    },
    /// The name does not fit.
    #[error("the name has {0} characters; an application needs 1 to {MAX_NAME}")]
    Name(usize),
    /// The id is taken.
    #[error("application {0} exists already; choose another id or leave it out")]
    Exists(AppId),
    /// There is nothing to revoke.
    #[error("application {0} does not exist or is revoked already")]
    NotFound(AppId),
    /// Without it nobody could administer anything.
    #[error("application {0} is the main one and cannot be revoked")]
    Main(AppId),
    /// Not the caller's fault.
    #[error("the applications could not be read or changed")]
    Store(#[from] StoreError),
}

fn ensure_main(app: &App, scope: &Scope) -> Result<AppId, AppsError> {
    let main = app.main_app();
    if scope.app() == main { Ok(main) } else { Err(AppsError::NotMain { main }) }
}

/// Up to `limit` applications with ids above `after`, revoked ones included.
pub async fn list(
    app: &App,
    scope: &Scope,
    after: Option<AppId>,
    limit: u32,
) -> Result<Vec<Application>, AppsError> {
    ensure_main(app, scope)?;
    Ok(app.store.read().await?.apps(after, limit).await?)
}

/// Makes an application and notes who did.
pub async fn create(
    app: &App,
    scope: &Scope,
    new: NewApplication,
    remote: String,
) -> Result<Application, AppsError> {
    ensure_main(app, scope)?;
    check_name(&new.name).map_err(AppsError::Name)?;
    let id = new.id.unwrap_or_else(|| AppId(rand::random_range(IDS)));
    let row = NewApp { id, name: new.name, private: new.private };
    let scope = Scope::new(id, scope.principal().clone());
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.create_app(&row).await.map_err(|error| match error {
                    StoreError::AlreadyExists => AppsError::Exists(id),
                    other => other.into(),
                })?;
                let subject = id.to_string();
                let entry = NewAudit { action: "app.create".to_owned(), subject, detail: row.name, remote };
                tx.audit(&scope, &entry).await?;
                tx.app(id).await?.ok_or(AppsError::NotFound(id))
            })
        })
        .await;
    app.directory.changed();
    done
}

/// Revokes an application: nothing is accepted for it from then on. Its media stay.
pub async fn revoke(app: &App, scope: &Scope, id: AppId, remote: String) -> Result<Application, AppsError> {
    if ensure_main(app, scope)? == id {
        return Err(AppsError::Main(id));
    }
    let scope = Scope::new(id, scope.principal().clone());
    let done = app
        .store
        .write(move |tx| {
            Box::pin(async move {
                tx.revoke_app(id).await.map_err(|error| match error {
                    StoreError::Stale => AppsError::NotFound(id),
                    other => other.into(),
                })?;
                let subject = id.to_string();
                let entry =
                    NewAudit { action: "app.revoke".to_owned(), subject, detail: String::new(), remote };
                tx.audit(&scope, &entry).await?;
                tx.app(id).await?.ok_or(AppsError::NotFound(id))
            })
        })
        .await;
    app.directory.changed();
    done
}

/// The number of characters, if it is not a name.
pub(super) fn check_name(name: &str) -> Result<(), usize> {
    let length = name.trim().chars().count();
    if (1..=MAX_NAME).contains(&length) && !name.chars().any(char::is_control) { Ok(()) } else { Err(length) }
}
