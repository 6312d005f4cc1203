//! All rows of Reelgate: one SQL text for SQLite and PostgreSQL.
//!
//! [`Store`] opens the database and hands out the two ways to touch it:
//!
//! - [`Store::write`] runs one *unit of work* on a [`Tx`]. Everything in it is committed together, or nothing is.
//!   A state change, the jobs it causes and the events it means belong into one unit.
//! - [`Store::read`] takes a connection for lookups, a [`Read`]. A [`Tx`] derefs to [`Read`]: whatever can be looked up
//!   can be looked up inside a unit too.
//!
//! ```no_run
//! # use reelgate_model::{AppId, Clock, Scope};
//! # use reelgate_store::{NewApp, Store, StoreError};
//! # async fn example() -> Result<(), StoreError> {
//! let store = Store::open("sqlite://data/reelgate.db", Clock::machine()).await?;
//! store.migrate().await?;
//! store
//!     .write(move |tx| {
//!         Box::pin(async move {
//!             tx.create_app(&NewApp { id: AppId(1), name: "main".to_owned(), private: false }).await
//!         })
//!     })
//!     .await?;
//! let app = store.read().await?.app(AppId(1)).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # How a noun is added
//!
//! One file per noun (`apps.rs` is the shortest example), with, in this order: the row as a struct, what is needed to
//! make one, `impl Read` with the lookups, `impl Tx` with the changes, the decoding of a row.
//!
//! - Methods on application data take `&Scope` first and have `app = $n` in their `WHERE`. Only what a scope is made
//!   from (applications, keys) and the system's own loops (claims, sweeps, fan-out) go without.
//! - A lookup that finds nothing is `Ok(None)`. A list is paged by key and takes a limit.
//! - A change has its guard in the `WHERE` and checks the row count with `ensure_changed`: no read-then-write.
//! - SQL is a `&'static str` with `$1..$n`, integers and flags are `BIGINT`, times [`reelgate_model::Time`] in
//!   milliseconds, enums their `as_str` word; `row.rs` reads them back and says which column was bad.
//! - An insert that may meet an existing row says `ON CONFLICT DO NOTHING` and looks at the row count. PostgreSQL
//!   aborts the whole unit at the first error, so an error is never caught inside a unit in order to go on.
//! - Time comes from [`Tx::now`], ids from [`Tx::new_id`], wake-ups from [`Tx::hint`].
//! - Nothing but the database is awaited inside a unit: on SQLite every other writer waits for it.
//! - Text from outside holds no NUL character by the time it gets here: PostgreSQL cannot store it, and doors refuse it.
//! - Every statement has a test in `tests/it`, which runs on both engines.
//!
//! No HTTP, no business rule and no vendor format lives here.

mod api_keys;
mod apps;
mod audit;
mod connect;
mod console_sessions;
mod cursor;
mod deletion;
mod deliveries;
mod delivery_history;
mod directory;
mod endpoint_secrets;
mod endpoints;
mod error;
mod event_retention;
mod events;
mod handover;
mod hints;
mod jobs;
mod listings;
mod media;
mod media_search;
mod meta;
mod migrate;
mod multiparts;
mod objects;
mod pulls;
mod quotas;
mod received;
mod relay;
mod replays;
mod reviews;
mod revocations;
mod row;
mod secret_keys;
mod sessions;
mod signature_log;
mod signature_segment;
mod store;
mod tasks;
mod tus_uploads;
mod tx;
mod writer;

pub use api_keys::{ApiKey, NewApiKey};
pub use apps::{App, NewApp};
pub use audit::{Audit, NewAudit};
pub use console_sessions::{ConsoleSession, NewConsoleSession};
pub use cursor::{Cursor, ParseCursorError};
pub use deliveries::{Attempt, Delivery};
pub use delivery_history::{DeliveryCounts, DeliveryHistory, DeliveryQuery, MOST_COUNTED};
pub use directory::Directory;
pub use endpoint_secrets::EndpointSecret;
pub use endpoints::{Endpoint, EndpointSettings};
pub use error::StoreError;
pub use event_retention::{Dropped, Unsent};
pub use events::{Event, LogPage, LogRead, NewEvent, Place, Readers, Recorded};
pub use handover::Taken;
pub use hints::{Hint, Hints, Topic};
pub use jobs::{Claim, Job, JobCount, Lease, NewJob};
pub use listings::Keys;
pub use media::{Media, NewMedia, Probed, StoredFile};
pub use media_search::MediaSearch;
pub use multiparts::{Multipart, Part, PartTotals};
pub use objects::{Abandoned, Object};
pub use pulls::{EventConfig, MOST_PULLED, PullHandle, PullState};
pub use quotas::{Amount, Quota};
pub use replays::NewReplay;
pub use reviews::{Review, ReviewFindings};
pub use revocations::{NewRevocation, PermissionFacts, Revocation};
pub use secret_keys::{KeyApps, NewSecretKey, SecretKey};
pub use sessions::{NewSession, Session, SignatureUse};
pub use signature_log::SignatureQuery;
pub use signature_segment::{SignatureEntry, SignatureLine, SignatureSegment};
pub use store::{Store, unit};
pub use tasks::{NewSubtask, NewTask, Subtask, SubtaskEnd, Task};
pub use tus_uploads::TusUpload;
pub use tx::{Engine, Read, Tx};
