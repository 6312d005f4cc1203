//! Step: the backend gets a signature for one of its users.

use anyhow::{Context, Result, anyhow, bail};
use reelgate_wire::upload_signature::Unverified;

use super::Stage;
use super::show::Show;

/// The procedure that the uploaded file goes through.
pub(super) const PROCEDURE: &str = "ReelgateShortVideo";

/// Reads the signature as a client would, and finds its making in the server's access log.
pub(super) async fn sign(stage: &Stage, show: &mut Show) -> Result<()> {
    let before = stage.log.length();
    let text = stage.doors.sign(PROCEDURE).await?;
    let signature = Unverified::decode(&text).map_err(|refusal| anyhow!("{refusal:?}"));
    let signature = signature.context("the server's signature cannot be decoded")?;
    let parameters = signature.parameters();
    if parameters.procedure.as_deref() != Some(PROCEDURE) || !parameters.one_time_valid {
        bail!("the signature does not hold procedure {PROCEDURE} for one upload: {parameters:?}");
    }
    let is_ours = |line: &super::access_log::Line| line.path == "/v1/upload-signatures" && line.status == 200;
    let lines =
        stage.log.wait_for(before, "the signature's making", |lines| lines.iter().any(is_ours)).await?;
    for line in lines.iter().filter(|line| is_ours(line)) {
        show.line(&format!("access log: {line}"));
    }
    show.line(&format!(
        "the signature holds: procedure {PROCEDURE}, one upload, good for {} s, SecretId {}…",
        parameters.expire_time - parameters.current_time_stamp,
        signature.secret_id().chars().take(8).collect::<String>()
    ));
    Ok(())
}
