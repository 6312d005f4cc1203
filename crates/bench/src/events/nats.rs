//! NATS `JetStream` with `sync_interval: always`: a message is on disk before its publication is acknowledged.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::appends::Writer;
use super::{Options, tool};
use crate::machine;
use crate::server::{self, Server, free_ports};

/// Its version, if it is there.
pub(super) async fn version(options: &Options) -> Option<String> {
    let program = tool(options, "nats/bin", "nats-server")?;
    machine::ask(&program.to_string_lossy(), &["--version"]).await
}

/// A fresh server with its data in `directory`, and a stream.
pub(super) async fn start(options: &Options, directory: &Path) -> Result<Server> {
    let port = free_ports::<1>()?[0];
    let configuration = directory.join("nats.conf");
    let text = format!(
        "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n",
        directory.display()
    );
    std::fs::write(&configuration, text).context("the configuration of NATS cannot be written")?;
    let mut command =
        server::program(&tool(options, "nats/bin", "nats-server").context("NATS was not found")?);
    command.arg("--config").arg(&configuration);
    let server =
        Server::start_at(command, ([127, 0, 0, 1], port).into(), &directory.join("nats.log")).await?;
    let mut writer = NatsWriter::connect(&server, 0).await?;
    let stream = r#"{"name":"events","subjects":["events"],"storage":"file","num_replicas":1}"#;
    let answer = writer.ask("$JS.API.STREAM.CREATE.events", stream).await?;
    ensure!(!answer.contains("\"error\""), "NATS made no stream: {answer}");
    Ok(server)
}

/// Publishes over a connection of its own, with an inbox for the acknowledgements.
pub(super) struct NatsWriter {
    connection: BufReader<TcpStream>,
    inbox: String,
}

impl NatsWriter {
    pub(super) async fn connect(server: &Server, number: usize) -> Result<Self> {
        let stream = TcpStream::connect(server.address()?).await?;
        stream.set_nodelay(true)?;
        let mut connection = BufReader::new(stream);
        let mut line = String::new();
        connection.read_line(&mut line).await?;
        ensure!(line.starts_with("INFO "), "NATS greets with {line:?}");
        let inbox = format!("_INBOX.{number}");
        let hello = format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {inbox} 1\r\n");
        connection.write_all(hello.as_bytes()).await?;
        Ok(Self { connection, inbox })
    }

    async fn ask(&mut self, subject: &str, payload: &str) -> Result<String> {
        let request = format!("PUB {subject} {} {}\r\n{payload}\r\n", self.inbox, payload.len());
        self.connection.write_all(request.as_bytes()).await?;
        loop {
            let mut line = String::new();
            ensure!(self.connection.read_line(&mut line).await? > 0, "NATS closed the connection");
            if line.starts_with("PING") {
                self.connection.write_all(b"PONG\r\n").await?;
                continue;
            }
            ensure!(line.starts_with("MSG "), "NATS answered {line:?}");
            let length = line.split_whitespace().last().and_then(|word| word.parse::<usize>().ok());
            let mut body = vec![0; length.context("a message without a length")? + 2];
            self.connection.read_exact(&mut body).await?;
            return Ok(String::from_utf8_lossy(&body).into_owned());
        }
    }
}

impl Writer for NatsWriter {
    async fn append(&mut self, payload: &str) -> Result<()> {
        let answer = self.ask("events", payload).await?;
        ensure!(answer.contains("\"seq\""), "NATS answered {answer:?}");
        Ok(())
    }
}
