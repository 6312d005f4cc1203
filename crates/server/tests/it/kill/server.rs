//! One life of the server: the real binary on rows and bytes that outlive it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

pub(super) const APP: &str = "1250000001";
pub(super) const API_KEY: &str = "rgk_test_kill_0001";
/// The procedure of this test: playable output from one short step, and a picture from another.
pub(super) const PROCEDURE: &str = "kill";
const CONFIG: &str = "[[procedures]]\nname = \"kill\"\nadaptive = [900020]\ncover = 10\n";
const START: Duration = Duration::from_secs(60);

/// Killed when dropped.
pub(super) struct Server {
    pub(super) access_log: PathBuf,
    pub(super) address: SocketAddr,
    /// Its process.
    pub(super) pid: u32,
    child: Child,
}

impl Server {
    /// Starts it on `directory`; `life` numbers its logs. Returns when its port is open.
    #[expect(
        clippy::disallowed_methods,
        reason = "this test kills the server it starts; no media is involved"
    )]
    pub(super) async fn start(directory: &Path, life: u32) -> Self {
        let access_log = directory.join(format!("access-{life}.log"));
        let messages = directory.join(format!("server-{life}.log"));
        let config = directory.join("reelgate.toml");
        std::fs::write(&config, CONFIG).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_reelgate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .arg("--data-dir")
            .arg(directory.join("data"))
            .env("REELGATE_ROOT__APP_ID", APP)
            .env("REELGATE_ROOT__SECRET_ID", "AKIDkill0001")
            .env("REELGATE_ROOT__SECRET_KEY", "QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B")
            .env("REELGATE_ROOT__API_KEY", API_KEY)
            .env("REELGATE_ROOT__ADMIN_TOKEN", "rgk_test_kill_0002")
            .env("REELGATE_EVENTS__ALLOW_TARGETS", r#"["127.0.0.0/8"]"#)
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
    pub(super) async fn kill(&mut self) {
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
