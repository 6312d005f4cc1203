//! One life of the server: the real binary on rows and bytes that outlive it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

pub(crate) const APP: &str = "1250000001";
pub(crate) const SECRET_ID: &str = "AKIDkill0001";
pub(crate) const SECRET_KEY: &str = "QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B";
/// A key with the scopes sign, read and manage.
pub(crate) const API_KEY: &str = "rgk_test_kill_0001";
const START: Duration = Duration::from_secs(60);

/// What a server is started with.
#[derive(Clone, Copy)]
pub(crate) struct Launch<'a> {
    /// Holds its data, its configuration and its logs.
    pub(crate) directory: &'a Path,
    /// Tells its logs from those of other lives and other servers on the same directory.
    pub(crate) name: &'a str,
    /// The configuration file.
    pub(crate) config: &'a str,
    /// More configuration, as environment variables.
    pub(crate) environment: &'a [(&'a str, &'a str)],
}

/// Killed when dropped.
pub(crate) struct Server {
    pub(crate) access_log: PathBuf,
    pub(crate) address: SocketAddr,
    /// Its process.
    pub(crate) pid: u32,
    child: Child,
}

impl Server {
    /// Starts it on a port that is free and returns when it is open.
    pub(crate) async fn start(launch: Launch<'_>) -> Self {
        Self::start_at(launch, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// The same at an address, such as that of an earlier life.
    #[expect(
        clippy::disallowed_methods,
        reason = "these tests kill the server they start; no media is involved"
    )]
    pub(crate) async fn start_at(launch: Launch<'_>, address: SocketAddr) -> Self {
        let Launch { directory, name, config, environment } = launch;
        let access_log = directory.join(format!("access-{name}.log"));
        let messages = directory.join(format!("server-{name}.log"));
        let config_file = directory.join(format!("reelgate-{name}.toml"));
        std::fs::write(&config_file, config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_reelgate"))
            .args(["serve", "--listen", &address.to_string(), "--config"])
            .arg(config_file)
            .arg("--data-dir")
            .arg(directory.join("data"))
            .env("REELGATE_ROOT__APP_ID", APP)
            .env("REELGATE_ROOT__SECRET_ID", SECRET_ID)
            .env("REELGATE_ROOT__SECRET_KEY", SECRET_KEY)
            .env("REELGATE_ROOT__API_KEY", API_KEY)
            .env("REELGATE_ROOT__ADMIN_TOKEN", "rgk_test_kill_0002")
            .env("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#)
            .env("REELGATE_UPLOAD__SNIFF", "false")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&access_log).unwrap())
            .stderr(File::create(&messages).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let pid = child.id().unwrap();
        let mut server = Self { access_log, address: SocketAddr::from(([127, 0, 0, 1], 0)), pid, child };
        let found = timeout(START, server.listening(&messages)).await;
        server.address =
            found.unwrap_or_else(|_| panic!("the server does not listen; see {}", messages.display()));
        server
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// The address it chose, as it tells people.
    async fn listening(&mut self, messages: &Path) -> SocketAddr {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let said = std::fs::read_to_string(messages).unwrap();
                panic!("the server ended with {status}: {said}");
            }
            let said = std::fs::read_to_string(messages).unwrap();
            let whole = said.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            let mut addresses =
                whole.filter_map(|line| line.trim().strip_prefix("Reelgate listens on http://"));
            if let Some(address) = addresses.next() {
                return address.parse().unwrap();
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
}
