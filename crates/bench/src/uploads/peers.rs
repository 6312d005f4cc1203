//! The servers that take the files: Reelgate, the sink, and what people would use instead, each as its documentation
//! says it is fastest. Every one is a fresh process on an empty directory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::Options;
use super::connection::Connection;
use super::content::Stretch;
use super::doors::{Door, SECRET_ID, SECRET_KEY};
use crate::choice::Choice;
use crate::machine;
use crate::server::{self, Server, free_ports};

/// How a target takes files.
pub(crate) fn door(choice: Choice) -> Option<Door> {
    Some(match choice {
        Choice::Sink | Choice::SinkDigests | Choice::Nginx => Door::Put,
        Choice::Seaweedfs => Door::S3,
        Choice::TusNode | Choice::Rustus => Door::Tus,
        Choice::CosPut => Door::CosPut,
        Choice::CosMultipart => Door::CosMultipart,
        Choice::Tus => Door::ReelgateTus,
        _ => return None,
    })
}

/// What is installed of a target: its version, or why it cannot be measured.
pub(crate) async fn find(choice: Choice, options: &Options) -> std::result::Result<String, String> {
    let run = |program: PathBuf, argument: &'static str| async move {
        machine::ask(&program.to_string_lossy(), &[argument]).await
    };
    let missing = |what: &str| format!("{what}; `sh scripts/setup.sh bench` installs it where it can");
    match choice {
        Choice::Nginx => {
            let Some(program) = nginx(options) else { return Err(missing("nginx was not found")) };
            // It says its version on standard error only.
            Ok(program.display().to_string())
        }
        Choice::Seaweedfs => {
            let version = run(weed(options), "version").await;
            version.ok_or_else(|| missing("SeaweedFS was not found"))
        }
        Choice::Rustus => {
            let version = run(rustus(options), "--version").await;
            version.ok_or_else(|| missing("rustus was not found"))
        }
        Choice::TusNode => {
            if machine::ask("node", &["--version"]).await.is_none() {
                return Err("Node was not found".to_owned());
            }
            let version = machine::node_package(&options.tus_peer, "@tus/server");
            version.map(|version| format!("@tus/server {version}")).ok_or_else(|| {
                format!("@tus/server is not installed; run `npm ci` in {}", options.tus_peer.display())
            })
        }
        Choice::Sink | Choice::SinkDigests => Ok(format!("hyper {}", machine::version("hyper"))),
        _ => Ok(format!("Reelgate {}", env!("CARGO_PKG_VERSION"))),
    }
}

/// Starts a target on `directory`.
pub(crate) async fn start(choice: Choice, options: &Options, directory: &Path) -> Result<Server> {
    match choice {
        Choice::Sink => Server::start(sink(directory, false)?).await,
        Choice::SinkDigests => Server::start(sink(directory, true)?).await,
        Choice::TusNode => {
            let mut command = server::program(Path::new("node"));
            command.arg(options.tus_peer.join("server.js")).arg(directory).env("NODE_ENV", "production");
            Server::start(command).await
        }
        Choice::Nginx => start_nginx(options, directory).await,
        Choice::Seaweedfs => start_seaweedfs(options, directory).await,
        Choice::Rustus => {
            let port = free_ports::<1>()?[0];
            let mut command = server::program(&rustus(options));
            command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--log-level", "ERROR"]);
            // A file goes in one PATCH; its limit is 10 MB unless told.
            command.args(["--max-body-size", "1099511627776"]);
            command.args(["--url", "/files", "--data-dir"]).arg(directory.join("data"));
            command.arg("--info-dir").arg(directory.join("info"));
            Server::start_at(command, local(port), &directory.join("log")).await
        }
        _ => Server::start(reelgate(options, directory)).await,
    }
}

/// Reelgate as a gateway, nothing else in its process.
pub(crate) fn reelgate(options: &Options, directory: &Path) -> Command {
    let mut command = server::reelgate(&options.server, directory, "gateway");
    command.env("REELGATE_ROOT__SECRET_ID", SECRET_ID).env("REELGATE_ROOT__SECRET_KEY", SECRET_KEY);
    // The machine's disk may be fuller than a server's should be.
    command.env("REELGATE_UPLOAD__MIN_FREE", "0");
    command
}

/// This program once more, as the peer.
fn sink(directory: &Path, digests: bool) -> Result<Command> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    let mut command = server::program(&program);
    command.arg("sink-peer").arg(directory);
    if digests {
        command.arg("--digests");
    }
    Ok(command)
}

/// With a configuration of its own: as many workers as cores, no log, connections kept.
async fn start_nginx(options: &Options, directory: &Path) -> Result<Server> {
    let program = nginx(options).context("nginx was not found")?;
    let port = free_ports::<1>()?[0];
    let here = directory.display();
    let configuration = format!(
        "user root;\nworker_processes auto;\ndaemon off;\npid {here}/pid;\nerror_log {here}/log error;\n\
         events {{ worker_connections 1024; }}\nhttp {{\n  access_log off;\n  keepalive_requests 1000000;\n  \
         client_max_body_size 0;\n  client_body_buffer_size 1m;\n  client_body_temp_path {here}/body;\n  \
         proxy_temp_path {here}/p; fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;\n  \
         server {{ listen 127.0.0.1:{port}; location / {{ root {here}/files; dav_methods PUT; }} }}\n}}\n"
    );
    std::fs::create_dir(directory.join("files"))?;
    let file = directory.join("nginx.conf");
    std::fs::write(&file, configuration)?;
    let mut command = server::program(&program);
    command.arg("-p").arg(directory).arg("-c").arg(&file);
    Server::start_at(command, local(port), &directory.join("start")).await
}

/// Master, volume server, filer and S3 door in one process, its smallest installation; without access keys, so that
/// nothing is signed.
async fn start_seaweedfs(options: &Options, directory: &Path) -> Result<Server> {
    let [master, volume, filer, s3, master_grpc, volume_grpc, filer_grpc, s3_grpc] = free_ports::<8>()?;
    let mut command = server::program(&weed(options));
    command.args(["-logtostderr=false", "-v=-1"]).arg(format!("-logdir={}", directory.display()));
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", "-volume.max=100"]);
    // Its doors for tables have fixed ports; 0 leaves them shut.
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.args(["-master.volumeSizeLimitMB=1024", "-master.volumePreallocate=false"]);
    command.arg(format!("-dir={}", directory.display()));
    for (name, port) in [
        ("master.port", master),
        ("master.port.grpc", master_grpc),
        ("volume.port", volume),
        ("volume.port.grpc", volume_grpc),
        ("filer.port", filer),
        ("filer.port.grpc", filer_grpc),
        ("s3.port", s3),
        ("s3.port.grpc", s3_grpc),
    ] {
        command.arg(format!("-{name}={port}"));
    }
    let server = Server::start_at(command, local(s3), &directory.join("start")).await?;
    make_bucket(local(s3)).await?;
    Ok(server)
}

/// Its parts find each other in the seconds after the port is open; until then it answers with errors.
async fn make_bucket(address: SocketAddr) -> Result<()> {
    const ATTEMPTS: u32 = 60;
    let mut connection = Connection::new(address);
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let made = connection.ask("PUT", "/bench", &[], Stretch::default()).await;
        let tried = match made {
            Ok(_) => connection.ask("PUT", "/bench/try", &[], Stretch::of("try")).await,
            Err(error) => Err(error),
        };
        match tried {
            Ok(_) => return Ok(()),
            Err(error) if error.to_string().contains("BucketAlready") => {
                if connection.ask("PUT", "/bench/try", &[], Stretch::of("try")).await.is_ok() {
                    return Ok(());
                }
            }
            Err(error) => last = Some(error),
        }
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
    bail!("SeaweedFS took no object: {last:?}")
}

fn nginx(options: &Options) -> Option<PathBuf> {
    let places =
        [options.tools.join("nginx/usr/sbin/nginx"), "/usr/sbin/nginx".into(), "/usr/bin/nginx".into()];
    places.into_iter().find(|place| place.is_file())
}

fn weed(options: &Options) -> PathBuf {
    options.tools.join("seaweedfs/bin/weed")
}

fn rustus(options: &Options) -> PathBuf {
    options.tools.join("rustus/bin/rustus")
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_door() {
        for choice in Choice::TAKERS {
            assert!(door(choice).is_some(), "{choice:?}");
        }
        assert!(door(Choice::Memory).is_none());
    }
}
