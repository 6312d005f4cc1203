//! Redis Streams with `appendfsync always`: an entry is on disk before XADD is answered.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::appends::Writer;
use super::{Options, tool};
use crate::server::{self, Server, free_ports};

/// Its version, if it is there.
pub(super) async fn version(options: &Options) -> Option<String> {
    let output = command(options)?.arg("--version").output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().find_map(|word| word.strip_prefix("v=")).map(str::to_owned)
}

fn command(options: &Options) -> Option<tokio::process::Command> {
    let mut command = server::program(&tool(options, "redis/usr/bin", "redis-server")?);
    // Unpacked, not installed: its libraries lie beside it.
    let libraries = options.tools.join("redis/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    if let Ok(libraries) = libraries.canonicalize() {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    Some(command)
}

/// A fresh server with its data in `directory`.
pub(super) async fn start(options: &Options, directory: &Path) -> Result<Server> {
    let port = free_ports::<1>()?[0];
    let mut command = command(options).context("Redis was not found")?;
    command.args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--appendonly", "yes"]);
    command.args(["--appendfsync", "always", "--save", "", "--dir"]).arg(directory);
    Server::start_at(command, ([127, 0, 0, 1], port).into(), &directory.join("redis.log")).await
}

/// Appends over a connection of its own (RESP2).
pub(super) struct RedisWriter {
    connection: BufReader<TcpStream>,
}

impl RedisWriter {
    pub(super) async fn connect(server: &Server) -> Result<Self> {
        let stream = TcpStream::connect(server.address()?).await?;
        stream.set_nodelay(true)?;
        Ok(Self { connection: BufReader::new(stream) })
    }
}

impl Writer for RedisWriter {
    async fn append(&mut self, payload: &str) -> Result<()> {
        let mut request = b"*5\r\n".to_vec();
        for word in ["XADD", "events", "*", "event", payload] {
            request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        self.connection.write_all(&request).await?;
        // The id of the entry as a bulk string.
        let mut line = String::new();
        self.connection.read_line(&mut line).await?;
        let length = line.trim_end().strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let Some(length) = length else { bail!("Redis answered {line:?}") };
        let mut id = vec![0; length + 2];
        self.connection.read_exact(&mut id).await?;
        Ok(())
    }
}
