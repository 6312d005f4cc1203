//! One private S3 server (SeaweedFS) per test process, with a bucket of its own for every test that wants one.
//!
//! It holds parts to the 5 MiB minimum and knows conditional writes, as the stores do that people use. A shell watches it
//! and stops it when the test process ends, however that ends: the shell reads a pipe that this process holds open.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::{Unavailable, find_program};

/// The region that signatures name; the server takes any.
pub const REGION: &str = "us-east-1";
/// Key pair that may do everything.
pub const ACCESS_KEY: &str = "reelgate-tests";
/// Its secret.
pub const SECRET_KEY: &str = "only-on-this-machine-and-only-now";
/// The bucket, which the server makes at its first use.
pub const BUCKET: &str = "reelgate-tests";
/// How long it may take to start.
const START: Duration = Duration::from_secs(60);

/// A running private server.
#[derive(Debug)]
pub struct S3Server {
    port: u16,
    /// Ends the server when this process does; never read again.
    _watcher: Child,
}

impl S3Server {
    /// The server of this process, started by the first caller.
    pub fn shared() -> Result<&'static Self, Unavailable> {
        static SHARED: OnceLock<Result<S3Server, Unavailable>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    /// Its origin.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    #[expect(clippy::disallowed_methods, reason = "tests start their own S3 server")]
    fn start() -> Result<Self, Unavailable> {
        let weed = binary().ok_or_else(|| {
            Unavailable(
                "SeaweedFS (weed) was found neither in target/tools nor in PATH; run scripts/setup.sh test"
                    .to_owned(),
            )
        })?;
        let failed = |what: &str, error: std::io::Error| Unavailable(format!("cannot {what}: {error}"));
        let base = tempfile::Builder::new().prefix("reelgate-s3-").tempdir();
        let base = base.map_err(|error| failed("make a directory for the S3 server", error))?.keep();
        let identities = format!(
            r#"{{"identities":[{{"name":"tests","credentials":[{{"accessKey":"{ACCESS_KEY}","secretKey":"{SECRET_KEY}"}}],
                "actions":["Admin","Read","Write","List"]}}]}}"#
        );
        let config = base.join("s3.json");
        std::fs::write(&config, identities).map_err(|error| failed("write its configuration", error))?;
        let ports = free_ports();
        // A shell reads the pipe; at its end this process is gone, and with it the reason for the server.
        let script = "\"$0\" server -dir=\"$1\" -s3 -s3.config=\"$2\" -ip=127.0.0.1 -ip.bind=127.0.0.1 -s3.port=$3 \
                      -s3.port.grpc=$4 -master.port=$5 -master.port.grpc=$6 -volume.port=$7 -volume.port.grpc=$8 \
                      -filer.port=$9 -filer.port.grpc=${10} -master.volumeSizeLimitMB=256 -volume.max=40 \
                      </dev/null >\"$1/log\" 2>&1 & server=$!; cat >/dev/null; kill $server; wait $server; rm -rf -- \"$1\"";
        let s3 = ports[0];
        let mut watcher = Command::new("sh")
            .args(["-c", script])
            .arg(weed)
            .arg(&base)
            .arg(&config)
            .args(ports.map(|port| port.to_string()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed("start a shell", error))?;
        let since = Instant::now();
        while !is_ready(s3) {
            if since.elapsed() > START || watcher.try_wait().ok().flatten().is_some() {
                let log = std::fs::read_to_string(base.join("log")).unwrap_or_default();
                let end = log.lines().rev().take(5).collect::<Vec<_>>().join(" | ");
                return Err(Unavailable(format!("the S3 server did not start: {end}")));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { port: s3, _watcher: watcher })
    }
}

/// Whether it answers its health check, which it does when it can take requests.
fn is_ready(port: u16) -> bool {
    let Ok(mut connection) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = connection.write_all(b"GET /healthz HTTP/1.0\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok()
        && connection.set_read_timeout(Some(Duration::from_secs(2))).is_ok()
        && connection.read_exact(&mut answer).is_ok()
        && answer.ends_with(b" 200")
}

/// Where `scripts/setup.sh` puts it, or wherever it is installed.
fn binary() -> Option<PathBuf> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tools/seaweedfs/bin/weed");
    let ours = PathBuf::from(ours);
    if ours.is_file() { Some(ours) } else { find_program(&["weed"]) }
}

/// Ports nobody listens on now, all different because they are held together.
fn free_ports() -> [u16; 8] {
    let probes = [(); 8].map(|()| TcpListener::bind(("127.0.0.1", 0)));
    probes.each_ref().map(|probe| {
        probe.as_ref().ok().and_then(|probe| probe.local_addr().ok()).map_or(0, |address| address.port())
    })
}
