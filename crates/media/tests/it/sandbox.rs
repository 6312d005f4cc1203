//! What a confined child cannot do, shown with ffmpeg itself as the child.

use std::fs::File;
use std::path::Path;
use std::process::{Output, Stdio};

use reelgate_media::Tools;
use reelgate_media::sandbox::{HELPER_ARGUMENT, HELPER_FAILED, Limits, Mode, Sandbox};

use crate::bench::{HELPER, command, make, said, sandbox, tools};

/// Runs the helper as the server would, with this test as the server.
struct Child<'a> {
    tools: &'a Tools,
    scratch: &'a Path,
    source: Option<&'a Path>,
    confine: bool,
    limits: Limits,
}

impl<'a> Child<'a> {
    fn new(tools: &'a Tools, scratch: &'a Path) -> Self {
        let limits = Limits::for_stills(std::time::Duration::from_secs(20));
        Self { tools, scratch, source: None, confine: true, limits }
    }

    fn order(&self, parent: u32) -> String {
        serde_json::json!({
            "program": self.tools.ffmpeg, "scratch": self.scratch, "source": self.source.is_some(),
            "confine": self.confine, "parent": parent, "limits": self.limits,
        })
        .to_string()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_for(std::process::id(), arguments)
    }

    fn run_for(&self, parent: u32, arguments: &[&str]) -> Output {
        let quiet = ["-v", "error", "-nostdin", "-y"];
        self.become_child(parent, &[&quiet[..], arguments].concat())
    }

    fn become_child(&self, parent: u32, arguments: &[&str]) -> Output {
        let mut command = command(HELPER);
        command.arg(HELPER_ARGUMENT).arg(self.order(parent)).args(arguments);
        command.current_dir(self.scratch).env_clear();
        command.stdin(self.source.map_or_else(Stdio::null, |path| File::open(path).unwrap().into()));
        command.output().unwrap()
    }

    fn copy_to_scratch(&self, from: &str) -> Output {
        self.run(&["-f", "u8", "-i", from, "-f", "u8", "out.raw"])
    }
}

/// The same command with and without confinement, so that a refusal is known to be the sandbox's.
fn check_denied(child: &mut Child<'_>, arguments: &[&str], complaint: &str) {
    child.confine = false;
    let free = child.run(arguments);
    assert!(free.status.success(), "unconfined it should work: {arguments:?}: {}", said(&free));
    child.confine = true;
    let confined = child.run(arguments);
    assert!(!confined.status.success(), "confined it should fail: {arguments:?}");
    assert!(said(&confined).contains(complaint), "{arguments:?}: {}", said(&confined));
}

#[tokio::test]
async fn reads_the_source_and_nothing_beside_it() {
    let Some(_) = sandbox().await else { return };
    let tools = tools().unwrap();
    let (library, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (own, sibling) = (library.path().join("own"), library.path().join("sibling"));
    std::fs::write(&own, [7; 1000]).unwrap();
    std::fs::write(&sibling, [8; 1000]).unwrap();

    let mut child = Child::new(&tools, scratch.path());
    child.source = Some(&own);
    let read = child.copy_to_scratch("file:/proc/self/fd/0");
    assert!(read.status.success(), "{}", said(&read));
    assert_eq!(std::fs::read(scratch.path().join("out.raw")).unwrap(), [7; 1000]);

    for forbidden in [sibling.to_str().unwrap(), "/etc/passwd", "/proc/self/environ", "/proc/cmdline"] {
        check_denied(&mut child, &["-f", "u8", "-i", forbidden, "-f", "u8", "out.raw"], "Permission denied");
    }
}

#[tokio::test]
async fn writes_to_scratch_and_nowhere_else() {
    let Some(_) = sandbox().await else { return };
    let tools = tools().unwrap();
    let (scratch, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut child = Child::new(&tools, scratch.path());
    let target = outside.path().join("planted.wav");
    let tone = ["-f", "lavfi", "-i", "sine=d=0.1"];
    let to =
        |target: &str| -> Vec<String> { tone.iter().chain([&target]).map(|s| (*s).to_owned()).collect() };

    let arguments = to(target.to_str().unwrap());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    check_denied(&mut child, &arguments, "Permission denied");

    // What is there already cannot be overwritten either.
    std::fs::write(&target, "precious").unwrap();
    assert!(!child.run(&arguments).status.success());
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");

    // The source is for reading.
    child.source = Some(&target);
    assert!(!child.run(&[&tone[..], &["-f", "wav", "file:/proc/self/fd/0"]].concat()).status.success());
    assert_eq!(std::fs::read(&target).unwrap(), b"precious");
}

#[tokio::test]
async fn has_no_network_of_any_kind() {
    let Some(_) = sandbox().await else { return };
    let tools = tools().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Child::new(&tools, scratch.path());

    // UDP needs nobody at the other end, so unconfined it works.
    let tone = ["-f", "lavfi", "-i", "sine=d=0.1", "-f", "mpegts"];
    check_denied(&mut child, &[&tone[..], &["udp://127.0.0.1:9"]].concat(), "Operation not permitted");

    for address in ["tcp", "unix"] {
        let (url, _guard) = listener(address, scratch.path());
        check_denied(&mut child, &[&tone[..], &[&url]].concat(), "Operation not permitted");
    }
}

#[tokio::test]
async fn code_that_takes_over_finds_no_way_on() {
    let Some(_) = sandbox().await else { return };
    let Ok(shell) = Path::new("/bin/sh").canonicalize() else { return };
    let scratch = tempfile::tempdir().unwrap();
    // A shell in ffmpeg's place does with its built-in commands what injected code would try.
    let tools = Tools { ffmpeg: shell.clone(), ffprobe: shell };
    let mut child = Child::new(&tools, scratch.path());
    let mut check = |script: &str, complaint: &str| {
        child.confine = false;
        let free = child.become_child(std::process::id(), &["-c", script]);
        assert!(free.status.success(), "unconfined it should work: {script}: {}", said(&free));
        child.confine = true;
        let confined = child.become_child(std::process::id(), &["-c", script]);
        assert!(!confined.status.success(), "confined it should fail: {script}");
        assert!(said(&confined).contains(complaint), "{script}: {}", said(&confined));
    };
    check("(true); true", "fork");
    check("exec /bin/ls /", "Permission denied");
    check("read line < /etc/passwd", "Permission denied");
    check("echo x > /dev/zero", "Permission denied");
    check("kill -0 $PPID", "not permitted");
    let output =
        child.become_child(std::process::id(), &["-c", "ulimit -t unlimited || ulimit -c unlimited; set"]);
    assert!(said(&output).contains("ulimit"), "its limits can be raised: {}", said(&output));
    let environment = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!environment.contains("CARGO"), "{environment}");
}

/// Somebody to connect to, who reads what comes.
fn listener(kind: &str, directory: &Path) -> (String, std::thread::JoinHandle<()>) {
    fn drain(mut stream: impl std::io::Read) {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    }
    match kind {
        "tcp" => {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let url = format!("tcp://{}", listener.local_addr().unwrap());
            (url, std::thread::spawn(move || drain(listener.accept().unwrap().0)))
        }
        _ => {
            let path = directory.join("socket");
            let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
            (
                format!("unix:{}", path.display()),
                std::thread::spawn(move || drain(listener.accept().unwrap().0)),
            )
        }
    }
}

#[tokio::test]
async fn limits_hold() {
    let Some(_) = sandbox().await else { return };
    let tools = tools().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Child::new(&tools, scratch.path());

    child.limits.file_size = 50_000;
    let output = child.run(&["-f", "lavfi", "-i", "sine=d=60", "big.wav"]);
    assert!(!output.status.success(), "a file above the limit was written");
    assert!(std::fs::metadata(scratch.path().join("big.wav")).unwrap().len() <= 50_000);

    // The frame alone is 384 MiB. This ffmpeg says so and goes on without it.
    child.limits.address_space = 700 * 1024 * 1024;
    let greedy = ["-f", "lavfi", "-i", "color=s=16000x16000:d=1", "-frames:v", "1", "-f", "null", "-"];
    let output = child.run(&greedy);
    assert!(said(&output).contains("Cannot allocate memory"), "{}", said(&output));
}

#[tokio::test]
async fn a_helper_that_cannot_confine_does_not_start_the_child() {
    let Some(_) = sandbox().await else { return };
    let tools = tools().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let check = |output: Output, complaint: &str| {
        assert_eq!(output.status.code(), Some(i32::from(HELPER_FAILED)), "{}", said(&output));
        assert!(said(&output).starts_with(&format!("sandbox: {complaint}")), "{}", said(&output));
    };
    let child = Child::new(&tools, scratch.path());
    check(child.run_for(1, &["-version"]), "the server has gone");
    let gone = scratch.path().join("gone");
    let mut child = Child::new(&tools, &gone);
    child.confine = true;
    let mut helper = command(HELPER);
    check(
        helper.arg(HELPER_ARGUMENT).arg(child.order(std::process::id())).output().unwrap(),
        "cannot open the scratch",
    );
    let mut helper = command(HELPER);
    check(helper.arg(HELPER_ARGUMENT).arg("{}").output().unwrap(), "cannot read the order");
}

#[tokio::test]
async fn a_killed_server_takes_its_children_along() {
    let Some(_) = sandbox().await else { return };
    let tools = tools().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut child = Child::new(&tools, scratch.path());
    child.limits.wall = std::time::Duration::from_secs(3600);
    // A shell plays the server: it is the parent, and knows its own process id.
    let (before, after) =
        child.order(4_242_424).split_once("4242424").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let mut server = command("sh");
    server.args([
        "-c",
        r#"helper=$1; order="$2$$$3"; shift 3; "$helper" sandbox-exec "$order" "$@" & wait"#,
        "sh",
    ]);
    server
        .args([HELPER, &before, &after])
        .args("-v error -nostdin -progress pipe:1 -re -f lavfi -i anullsrc".split(' '));
    server.args(["-f", "null", "-"]).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut server = server.spawn().unwrap();

    let mut output = std::io::BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    assert!(!line.is_empty(), "the child never ran");
    server.kill().unwrap();
    server.wait().unwrap();

    // The pipe ends when the last process that holds it is gone: the child.
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || ended.send(std::io::copy(&mut output, &mut std::io::sink())));
    end.recv_timeout(std::time::Duration::from_secs(60)).expect("the child outlived its server").unwrap();
}

#[tokio::test]
async fn without_confinement_the_rest_still_holds() {
    let Some(tools) = tools() else { return };
    let sandbox = Sandbox::new(HELPER.into(), Mode::Off, tools.clone()).unwrap();
    let checked = sandbox.check().await.unwrap();
    assert_eq!(checked.mode, Mode::Off);
    assert!(checked.ffmpeg.starts_with("ffmpeg version"), "{}", checked.ffmpeg);

    let scratch = tempfile::tempdir().unwrap();
    make(&tools, scratch.path(), "-f lavfi -i sine=d=0.1 tone.wav");
    let mut child = Child::new(&tools, scratch.path());
    child.confine = false;
    child.limits.open_files = 3;
    assert!(!child.run(&["-i", "tone.wav", "copy.wav"]).status.success());
}

#[tokio::test]
async fn check_says_what_is_wrong() {
    let Some(tools) = tools() else { return };
    let sandbox = Sandbox::new("/nonexistent/helper".into(), Mode::On, tools).unwrap();
    let error = sandbox.check().await.unwrap_err().to_string();
    assert!(error.contains("ffmpeg in the sandbox: cannot start the sandbox helper"), "{error}");
}
