//! `reelgate upload`: a file over the public wire, as any client would send it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use reelgate_client::{BoxError, Endpoint, Phase, Progress, SignatureSource, Upload, UploadError, Uploaded};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::exit::Failure;
use super::remote::{Remote, Server, block_on};
use super::sign::Permission;
use super::tell;

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    permission: Permission,
    /// The file to upload.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Title of the media [default: the file's name without its extension].
    #[arg(long, value_name = "TITLE")]
    name: Option<String>,
    /// Where to keep what it takes to go on after an interruption [default: in the user's state directory].
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Parts under way at once.
    #[arg(long, value_name = "N", default_value_t = 4)]
    parallel: usize,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    let state = match &arguments.state {
        Some(path) => path.clone(),
        None => state_file(server.base(), &arguments.file)?,
    };
    let signatures = signatures(server.clone(), Value::Object(arguments.permission.body()));
    let mut upload = Upload::new(Endpoint::path_style(server.base()), signatures, &arguments.file)
        .state_file(state)
        .parallel(arguments.parallel);
    if let Some(name) = &arguments.name {
        upload = upload.name(name);
    }
    block_on(async {
        let shown = tokio::spawn(show(upload.progress()));
        let ended = tokio::select! {
            uploaded = upload.run() => uploaded.map_err(failed),
            _ = tokio::signal::ctrl_c() => {
                let sentence = anyhow!("interrupted; run the same command again and it goes on where it was");
                Err(Failure::interrupted(sentence))
            }
        };
        // The sending end of the progress is gone with the upload, so this ends.
        let _ = shown.await;
        Ok(tell_end(&ended?)?)
    })
}

/// A fresh one-time signature for every call of the UGC door.
fn signatures(server: Server, body: Value) -> SignatureSource {
    SignatureSource::new(move || {
        let (server, body) = (server.clone(), body.clone());
        async move {
            let answer = server.post("/v1/upload-signatures", &body).await;
            let answer = answer.map_err(|failure| BoxError::from(failure.into_cause()))?;
            let signature = answer["signature"].as_str().ok_or("the answer holds no signature")?;
            Ok(signature.to_owned())
        }
    })
}

/// One state file for each file and server, readable by its owner only.
fn state_file(server: &str, file: &Path) -> Result<PathBuf, Failure> {
    use std::os::unix::fs::DirBuilderExt;

    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    let base = base.ok_or_else(|| {
        Failure::usage(anyhow!("neither HOME nor XDG_STATE_HOME is set; give --state FILE"))
    })?;
    let directory = base.join("reelgate/uploads");
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).with_context(|| {
        format!("the state directory {} cannot be made; give --state FILE", directory.display())
    })?;
    let file = std::path::absolute(file).context("the file's path has no absolute form")?;
    let mut digest = Sha256::new();
    digest.update(server);
    digest.update([0]);
    digest.update(file.as_os_str().as_encoded_bytes());
    Ok(directory.join(format!("{}.json", &hex::encode(digest.finalize())[..32])))
}

async fn show(mut progress: watch::Receiver<Progress>) {
    let template = "{msg:<10} [{bar:32}] {percent:>3} %  {bytes}/{total_bytes}  {bytes_per_sec}  {eta}";
    let style = ProgressStyle::with_template(template).expect("the template is fixed and tested");
    let bar = ProgressBar::new(0).with_style(style.progress_chars("=> "));
    bar.enable_steady_tick(Duration::from_millis(200));
    loop {
        let now = *progress.borrow_and_update();
        bar.set_length(now.total);
        bar.set_message(word(now.phase));
        bar.set_position(now.bytes);
        if progress.changed().await.is_err() {
            break;
        }
    }
    bar.abandon();
}

fn word(phase: Phase) -> &'static str {
    match phase {
        Phase::Opening => "opening",
        Phase::Comparing => "comparing",
        Phase::Sending => "sending",
        Phase::Completing => "joining",
        Phase::Committing => "committing",
        Phase::Done => "done",
    }
}

fn tell_end(uploaded: &Uploaded) -> anyhow::Result<()> {
    tell::line(&format!("FileId  {}", tell::plain(&uploaded.file_id)))?;
    tell::line(&format!("URL     {}", tell::plain(&uploaded.video_url)))?;
    if uploaded.parts_resumed > 0 {
        let (sent, resumed) = (uploaded.parts_sent, uploaded.parts_resumed);
        tell::line(&format!("parts   {sent} sent now, {resumed} were there from an earlier run"))?;
    }
    tell::line(&format!("next    reelgate why {}", tell::plain(&uploaded.file_id)))
}

fn failed(error: UploadError) -> Failure {
    let usage = matches!(
        error,
        UploadError::Endpoint(_)
            | UploadError::File { .. }
            | UploadError::Empty(_)
            | UploadError::FileChanged(_)
    );
    let forbidden = matches!(error, UploadError::Refused { .. } | UploadError::Signature(_));
    let cause = anyhow::Error::new(error);
    match (usage, forbidden) {
        (true, _) => Failure::usage(cause),
        (_, true) => Failure::forbidden(cause),
        _ => Failure::unavailable(
            cause.context("the upload did not finish; run the same command again to go on"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_progress_bar_follows_to_the_end() {
        let (sender, receiver) = watch::channel(Progress::default());
        let shown = tokio::spawn(show(receiver));
        sender.send_modify(|progress| progress.total = 10);
        drop(sender);
        shown.await.unwrap();
    }
}
