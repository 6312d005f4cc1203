//! One private PostgreSQL per test process, one database per test.
//!
//! The server listens on a Unix socket in its own temporary directory only, so any number of test processes run side
//! by side. It is watched by a shell that stops it and removes its directory when the test process ends, however it
//! ends: the shell reads a pipe that this process holds open.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// `postgres` is not run by us, but `initdb` and `pg_ctl` look for it beside themselves.
const PROGRAMS: [&str; 4] = ["initdb", "pg_ctl", "createdb", "postgres"];

/// Why there is no PostgreSQL to test with.
#[derive(Clone, Debug)]
pub struct Unavailable(pub String);

/// A running private server.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    socket: PathBuf,
    user: Option<&'static str>,
    databases: AtomicU32,
    /// Ends the server when this process does; never read again.
    _watcher: Child,
}

impl Postgres {
    /// The server of this process, started by the first caller.
    pub fn shared() -> Result<&'static Self, Unavailable> {
        static SHARED: OnceLock<Result<Postgres, Unavailable>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start("off")).as_ref().map_err(Clone::clone)
    }

    /// A server of its own that syncs before it answers: for figures, which are worth nothing without.
    pub fn durable() -> Result<Self, Unavailable> {
        Self::start("on")
    }

    /// What the server calls itself.
    pub fn version(&self) -> String {
        let output = self.command("postgres").arg("--version").output();
        output.map_or_else(
            |error| error.to_string(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    }

    /// Makes an empty database and returns its URL.
    pub fn new_database(&self) -> String {
        let name = format!("t{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let output = self
            .command("createdb")
            .args(["-U", "test", "-h"])
            .arg(&self.socket)
            .arg(&name)
            .output()
            .unwrap_or_else(|error| panic!("cannot run createdb: {error}"));
        assert!(output.status.success(), "createdb {name} failed: {}", text(&output));
        format!("postgres:///{name}?host={}&user=test", self.socket.display())
    }

    fn start(fsync: &str) -> Result<Self, Unavailable> {
        let bin = binaries().ok_or_else(|| {
            Unavailable(
                "no PostgreSQL server was found, neither in PATH nor under /usr/lib/postgresql".to_owned(),
            )
        })?;
        let base = tempfile::Builder::new()
            .prefix("reelgate-pg-")
            .tempdir()
            .map_err(|error| Unavailable(format!("cannot make a directory for PostgreSQL: {error}")))?
            .keep();
        let user = unprivileged_user(&base)?;
        let watcher = watch(&bin, &base, user)?;
        let server =
            Self { bin, socket: base.clone(), user, databases: AtomicU32::new(0), _watcher: watcher };
        let data = base.join("data");
        server.run(
            "initdb",
            &["-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N", "-D"],
            &data,
        )?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync={fsync} -c max_connections=400",
            base.display()
        );
        let log = base.join("log").display().to_string();
        server.run("pg_ctl", &["start", "-w", "-s", "-l", &log, "-o", &options, "-D"], &data)?;
        Ok(server)
    }

    fn run(&self, program: &str, arguments: &[&str], data: &Path) -> Result<(), Unavailable> {
        let output = self
            .command(program)
            .args(arguments)
            .arg(data)
            .stdout(Stdio::null())
            .output()
            .map_err(|error| Unavailable(format!("cannot run {program}: {error}")))?;
        if output.status.success() {
            return Ok(());
        }
        Err(Unavailable(format!("{program} failed: {}", text(&output))))
    }

    fn command(&self, program: &str) -> Command {
        as_user(self.user, &self.bin.join(program), &self.socket)
    }
}

/// Runs `program` as `user`, in a directory that this user can enter.
#[expect(clippy::disallowed_methods, reason = "tests start their own database server")]
fn as_user(user: Option<&str>, program: &Path, directory: &Path) -> Command {
    let mut command = match user {
        None => Command::new(program),
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
            command
        }
    };
    command.current_dir(directory);
    command
}

/// PostgreSQL refuses to run as root: `None` if we are somebody else, else a user to become, who then owns `base`.
fn unprivileged_user(base: &Path) -> Result<Option<&'static str>, Unavailable> {
    let owner =
        base.metadata().map_err(|error| Unavailable(format!("cannot read {}: {error}", base.display())))?;
    if owner.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    for user in ["postgres", "nobody"] {
        let ids = users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields.first() == Some(&user))
                .then(|| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?)))?
        });
        if let Some((uid, gid)) = ids {
            std::os::unix::fs::chown(base, Some(uid), Some(gid))
                .map_err(|error| Unavailable(format!("cannot give {} to {user}: {error}", base.display())))?;
            return Ok(Some(user));
        }
    }
    Err(Unavailable(
        "running as root, and there is no user postgres or nobody to run the server as".to_owned(),
    ))
}

/// Starts the shell that cleans up. Its standard input closes when this process ends, even by SIGKILL.
#[expect(clippy::disallowed_methods, reason = "tests start their own database server")]
fn watch(bin: &Path, base: &Path, user: Option<&str>) -> Result<Child, Unavailable> {
    let stop = as_user(user, &bin.join("pg_ctl"), base);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", r#"trap "" INT TERM HUP; base="$1"; shift; echo; read -r _; "$@" stop -s -m immediate -D "$base/data"; rm -rf "$base""#, "sh"])
        .arg(base)
        .arg(stop.get_program())
        .args(stop.get_args())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let failed = |error: std::io::Error| Unavailable(format!("cannot run sh: {error}"));
    let mut child = shell.spawn().map_err(failed)?;
    // The shell says when it ignores signals, so that Ctrl-C during start leaves nothing behind.
    child.stdout.take().expect("it was piped a moment ago").read_exact(&mut [0]).map_err(failed)?;
    child.stdin.as_mut().expect("it was piped a moment ago").flush().map_err(failed)?;
    Ok(child)
}

/// Where the server's programs are: in one directory of `PATH`, or where Debian keeps them, newest first.
fn binaries() -> Option<PathBuf> {
    let complete = |bin: &PathBuf| PROGRAMS.iter().all(|program| bin.join(program).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    if let Some(bin) = std::env::split_paths(&path).find(complete) {
        return Some(bin);
    }
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .filter(|(_, bin)| complete(bin))
        .collect();
    versions.sort();
    versions.pop().map(|(_, bin)| bin)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}
