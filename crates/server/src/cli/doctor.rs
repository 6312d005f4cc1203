//! `reelgate doctor`: looks at this machine the way `serve` would use it, or at the stored bytes beside a running server. Changes
//! nothing but a file of its own.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use reelgate_media::Tools;
use reelgate_media::review::{NsfwModels, Precision};
use reelgate_media::sandbox::{Mode, Sandbox};
use reelgate_model::Clock;
use reelgate_store::{Engine, Store, StoreError};

use super::exit::Failure;
use super::remote::block_on;
use super::{ConfigArgs, doctor_bytes, tell};
use crate::config::Config;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) config: ConfigArgs,
    /// Read all stored objects again and compare them with their rows; also beside a running server.
    #[arg(long, conflicts_with = "reconcile")]
    pub(super) verify: bool,
    /// List rows without bytes and bytes without rows, with a proposal for each; changes nothing.
    #[arg(long)]
    reconcile: bool,
    /// With --verify: only the objects of this application.
    #[arg(long, value_name = "APP", requires = "verify")]
    pub(super) app: Option<i64>,
    /// With --verify: only the objects of this file.
    #[arg(long, value_name = "FILE_ID", requires = "verify")]
    pub(super) file: Option<i64>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let config = Config::load(&arguments.config.line(), std::env::vars()).map_err(Failure::config)?;
    if arguments.verify || arguments.reconcile {
        return block_on(doctor_bytes::look(arguments, &config));
    }
    block_on(async {
        let mut report = Report { failed: 0 };
        report.note("configuration", Ok("it can be read and does not contradict itself".to_owned()))?;
        report.note("data directory", writable(&config.data_dir))?;
        report.note("database", database(&config).await)?;
        // In front of the real cloud nothing is stored or processed here.
        if !config.mode.is_tencent() {
            match &config.storage_bucket {
                None => report.note("storage", writable(&config.storage_dir))?,
                Some(bucket) => report.note("storage", doctor_bytes::bucket(bucket).await)?,
            }
            report.note("scratch", writable(&config.media.scratch_dir))?;
            report.note("ffmpeg", ffmpeg(&config).await)?;
            report.note("models", models())?;
        }
        if report.failed > 0 {
            let sentence =
                anyhow::anyhow!("{} of the above must be mended before `reelgate serve`", report.failed);
            return Err(Failure::unavailable(sentence));
        }
        Ok(())
    })
}

/// Below this the first larger upload would fill the disk.
const LEAST_FREE: u64 = 1 << 30;

struct Report {
    failed: usize,
}

impl Report {
    fn note(&mut self, what: &str, found: Result<String>) -> Result<()> {
        match found {
            Ok(sentence) => tell::line(&format!("ok    {what}: {sentence}")),
            Err(error) => {
                self.failed += 1;
                tell::line(&format!("FAIL  {what}: {error:#}"))
            }
        }
    }
}

/// Writes a file durably and removes it again. A directory that is not there yet is looked for further up.
fn writable(directory: &Path) -> Result<String> {
    let shown = directory.display();
    let existing = directory.ancestors().find(|path| path.exists());
    let existing = existing.with_context(|| format!("no directory above {shown} exists"))?;
    if !existing.is_dir() {
        bail!("{} is not a directory; move it away or configure another place", existing.display());
    }
    let mut file = tempfile_in(existing)?;
    let begun = Instant::now();
    file.write_durably()
        .with_context(|| format!("{} cannot be written; check owner and mode", existing.display()))?;
    let took = begun.elapsed().as_millis();
    let free = free_bytes(existing)?;
    if free < LEAST_FREE {
        bail!("{} has {} left; free at least {}", existing.display(), mebibytes(free), mebibytes(LEAST_FREE));
    }
    let free = mebibytes(free);
    if existing == directory {
        Ok(format!("{shown} takes a file and syncs it ({took} ms), {free} free"))
    } else {
        Ok(format!(
            "{shown} will be made in {}, which takes a file and syncs it ({took} ms)",
            existing.display()
        ))
    }
}

/// What unprivileged programs may still write there.
fn free_bytes(directory: &Path) -> Result<u64> {
    let found = nix::sys::statvfs::statvfs(directory);
    let found =
        found.with_context(|| format!("the free space of {} cannot be asked for", directory.display()))?;
    Ok(found.blocks_available() * found.fragment_size())
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// A file that is gone when it is dropped.
struct Probe {
    path: std::path::PathBuf,
    file: std::fs::File,
}

fn tempfile_in(directory: &Path) -> Result<Probe> {
    let path = directory.join(format!(".reelgate-doctor-{}", uuid::Uuid::new_v4().simple()));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let file =
        file.with_context(|| format!("{} cannot be written; check owner and mode", directory.display()))?;
    Ok(Probe { path, file })
}

impl Probe {
    fn write_durably(&mut self) -> std::io::Result<()> {
        std::io::Write::write_all(&mut self.file, &[0; 4096])?;
        self.file.sync_all()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn database(config: &Config) -> Result<String> {
    if let Some(path) = config.database_url.strip_prefix("sqlite://")
        && !Path::new(path).exists()
    {
        return Ok("there is none yet; the first start makes it".to_owned());
    }
    let clock = Clock::machine();
    let machine = Clock::machine();
    let store = Store::open(&config.database_url, clock.clone()).await.context("it cannot be opened")?;
    let migrated = store.check_migrated().await;
    let engine = store.engine();
    store.close().await;
    let offset = clock.now().0 - machine.now().0;
    let state = match migrated {
        Ok(()) => "has every migration of this binary",
        Err(StoreError::NotMigrated { .. }) => "lacks migrations, which the next start adds",
        Err(error) => return Err(error.into()),
    };
    match engine {
        Engine::Sqlite => Ok(format!("SQLite {state}")),
        Engine::Postgres if offset.abs() > 5_000 => {
            bail!("PostgreSQL's clock is {offset} ms ahead of this machine's; set both by NTP")
        }
        Engine::Postgres => {
            Ok(format!("PostgreSQL {state}; its clock is {offset} ms ahead of this machine's"))
        }
    }
}

async fn ffmpeg(config: &Config) -> Result<String> {
    let helper = std::env::current_exe().context("the path of this program is unknown")?;
    let tools = Tools::find(&std::env::var_os("PATH").unwrap_or_default())?;
    let mode = if config.media.sandbox { Mode::On } else { Mode::Off };
    let sandbox = Sandbox::new(helper, mode, tools).context("the sandbox cannot be started")?;
    let found = sandbox.check().await.context(
        "it cannot be run; where the kernel cannot confine it, media.sandbox = \"off\" runs strangers' media unprotected",
    )?;
    let confined = match found.mode {
        Mode::On => "confined by landlock and seccomp",
        Mode::Off => "NOT confined: media.sandbox is \"off\"",
    };
    Ok(format!("{}; {}; {confined}", found.ffmpeg, found.ffprobe))
}

fn models() -> Result<String> {
    let models = NsfwModels::new(Precision::Both);
    let checked = models.self_test().context("the review models do not work on this machine")?;
    let names: Vec<_> =
        checked.iter().map(|model| format!("{} {}", model.name, &model.sha256[..12])).collect();
    Ok(format!("{} give the scores they should", names.join(" and ")))
}
