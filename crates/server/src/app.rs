//! The one `App`: everything that use cases are handed. Handlers, workers and tests get the same one.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result, bail};
use reelgate_media::Tools;
use reelgate_media::sandbox::{Mode, Sandbox};
use reelgate_model::{AppId, Clock, FileIds};
use reelgate_objects::{Disk, Objects, S3};
use reelgate_store::Store;

use crate::config::Config;
use crate::directory::Directory;
use crate::dispatch::Dispatch;
use crate::roles::Role;
use crate::uploads::Turns;
use crate::vault::Vault;

/// The application, shared by reference.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What an [`App`] is made of.
pub struct Parts {
    /// What the configuration means.
    pub config: Config,
    /// The database's time.
    pub clock: Clock,
    /// Rows.
    pub store: Store,
    /// Bytes; `None` in a process none of whose roles touches them.
    pub objects: Option<Arc<dyn Objects>>,
    /// Master key.
    pub vault: Vault,
    /// Source of FileIds.
    pub file_ids: FileIds,
    /// The only way to start ffmpeg; `None` in a process none of whose roles looks at media.
    pub sandbox: Option<Sandbox>,
    /// Applications and keys, in memory.
    pub directory: Directory,
    /// The signature service.
    pub dispatch: Dispatch,
    /// Whose turn it is to open an upload.
    pub turns: Turns,
    /// Origin of media URLs, without a trailing slash. Background work has no request to take it from.
    pub play_origin: String,
    /// The main application, known once `bootstrap::first_run` has been here.
    pub main_app: OnceLock<AppId>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Puts an application together. Tests bring their own parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Opens everything that `config` names: the data directory, the database (migrated), the objects.
    /// `address` is the one listened on; URLs fall back to it when no origin is configured.
    pub async fn open(config: Config, address: SocketAddr, clock: Clock) -> Result<Self> {
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("data directory {} cannot be created", config.data_dir.display()))?;
        let vault = Vault::open(config.root.master_key.as_ref(), &config.data_dir)?;
        let store = Store::open(&config.database_url, clock.clone())
            .await
            .context("the database cannot be opened")?;
        store.migrate().await.context("the database cannot be migrated")?;
        let objects = if needs(&config, &TOUCH_BYTES) { Some(open_objects(&config).await?) } else { None };
        let sandbox = if needs(&config, &LOOK_AT_MEDIA) { Some(open_sandbox(&config).await?) } else { None };
        let dispatch = Dispatch::open(&config, &clock, &store)?;
        let play_origin = play_origin(&config, address);
        let app = Self::new(Parts {
            play_origin,
            main_app: OnceLock::new(),
            config,
            clock,
            store,
            objects,
            vault,
            file_ids: FileIds::new(),
            sandbox,
            directory: Directory::default(),
            dispatch,
            turns: Turns::default(),
        });
        app.check_master_key().await?;
        Ok(app)
    }

    /// The account's main application, which `vodSubAppId` means when it is empty or 0.
    ///
    /// # Panics
    /// Before `bootstrap::first_run`, which every start goes through.
    pub fn main_app(&self) -> AppId {
        *self.main_app.get().expect("bootstrap::first_run runs before any door opens")
    }

    /// Bytes.
    ///
    /// # Panics
    /// In a process none of whose roles touches them.
    pub fn objects(&self) -> &Arc<dyn Objects> {
        self.objects.as_ref().expect("roles that touch bytes are started with a storage")
    }

    /// The only way to start ffmpeg.
    ///
    /// # Panics
    /// In a process none of whose roles looks at media.
    pub fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().expect("roles that look at media are started with a sandbox")
    }

    /// Every process on one database must hold the same master key, or half of all requests would fail.
    async fn check_master_key(&self) -> Result<()> {
        let ours = self.vault.fingerprint();
        let first = ours.clone();
        let stored = self
            .store
            .write(move |tx| Box::pin(async move { tx.set_meta_if_absent("master_key", &first).await }))
            .await
            .context("the master key's fingerprint cannot be checked")?;
        if stored != ours {
            bail!(
                "this process's master key is not the one this database was set up with; bring the old master.key \
                 (or REELGATE_ROOT__MASTER_KEY) back"
            );
        }
        Ok(())
    }
}

/// Roles that open the storage.
const TOUCH_BYTES: [Role; 4] = [Role::Gateway, Role::Api, Role::Worker, Role::Upkeep];
/// Roles that start ffprobe or ffmpeg.
const LOOK_AT_MEDIA: [Role; 2] = [Role::Gateway, Role::Worker];

/// In front of the real cloud nothing is stored here.
fn needs(config: &Config, roles: &[Role]) -> bool {
    !config.mode.is_tencent() && roles.iter().any(|role| config.roles.contains(role))
}

fn play_origin(config: &Config, address: SocketAddr) -> String {
    let configured = config.play_url.as_ref().or(config.public_url.as_ref());
    configured.cloned().unwrap_or_else(|| {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let host = if address.ip().is_unspecified() { "localhost".to_owned() } else { host_of(address) };
        format!("{scheme}://{host}:{}", address.port())
    })
}

fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}

async fn open_objects(config: &Config) -> Result<Arc<dyn Objects>> {
    if let Some(bucket) = &config.storage_bucket {
        let store = S3::new(bucket).context("the S3 storage cannot be used")?;
        let checked = store.check().await;
        checked.with_context(|| format!("bucket {} of {} cannot be used", bucket.bucket, bucket.endpoint))?;
        return Ok(Arc::new(store));
    }
    let disk = Disk::open(&config.storage_dir, config.storage_shared)
        .with_context(|| format!("storage directory {} cannot be opened", config.storage_dir.display()))?;
    Ok(Arc::new(disk))
}

async fn open_sandbox(config: &Config) -> Result<Sandbox> {
    let helper = std::env::current_exe().context("the path of this program is unknown")?;
    let tools = Tools::find(&std::env::var_os("PATH").unwrap_or_default())?;
    let mode = if config.media.sandbox { Mode::On } else { Mode::Off };
    let sandbox = Sandbox::new(helper, mode, tools).context("the sandbox cannot be started")?;
    sandbox.check().await.context(
        "ffmpeg cannot be run; where the kernel cannot confine it, media.sandbox = \"off\" runs strangers' media \
         unprotected",
    )?;
    Ok(sandbox)
}
