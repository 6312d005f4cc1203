//! `reelgate revoke`: take permission back.

use clap::Args;
use serde_json::json;

use super::exit::Failure;
use super::remote::{Remote, block_on};
use super::tell::{cell, line};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    what: What,
    /// Why, for people.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct What {
    /// One permission, by its id.
    #[arg(long, value_name = "ID")]
    permission: Option<String>,
    /// Every permission of a user that was issued up to now.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Every permission that was issued up to now with an API key, or through an entry of dispatch.callers.
    #[arg(long, value_name = "ID")]
    key: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    let What { permission, user, key } = &arguments.what;
    let mut body = json!({ "reason": arguments.reason });
    for (name, value) in [("permission_id", permission), ("user", user), ("key", key)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    block_on(async {
        let done = server.post("/v1/revocations", &body).await?;
        let (kind, subject) = (cell(&done["kind"]), cell(&done["subject"]));
        let ended = cell(&done["sessions_ended"]);
        Ok(line(&format!("{kind} {subject}: permissions revoked; upload sessions ended: {ended}"))?)
    })
}
