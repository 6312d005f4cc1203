//! `reelgate sign`: an upload signature.

use clap::Args;
use serde_json::{Map, Value};

use super::exit::Failure;
use super::remote::{Remote, block_on};
use super::tell;

/// What to permit; shared with `upload`.
#[derive(Args, Clone, Debug)]
pub(super) struct Permission {
    /// Task flow that starts when the file is there; "" for none [default: the server's].
    #[arg(long, value_name = "NAME")]
    procedure: Option<String>,
    /// Your own name for the user who uploads; shown in the file's timeline.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Text that comes back in NewFileUpload.
    #[arg(long, value_name = "TEXT")]
    source_context: Option<String>,
    /// Text that comes back in ProcedureStateChanged.
    #[arg(long, value_name = "TEXT")]
    session_context: Option<String>,
    /// Media category.
    #[arg(long, value_name = "ID")]
    class_id: Option<i64>,
}

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    permission: Permission,
    /// How long it is good, seconds [default: the server's, one hour].
    #[arg(long, value_name = "SECONDS")]
    valid_seconds: Option<u64>,
    /// Let it open any number of uploads instead of one.
    #[arg(long)]
    reusable: bool,
    /// Largest file, bytes [default: the server's limit].
    #[arg(long, value_name = "BYTES")]
    max_size: Option<u64>,
    /// Allowed extension; give it again for more [default: any].
    #[arg(long = "type", value_name = "EXTENSION")]
    types: Vec<String>,
    /// Print the whole answer as JSON instead of the signature alone.
    #[arg(long)]
    json: bool,
}

impl Permission {
    /// The body of `POST /v1/upload-signatures`.
    pub(super) fn body(&self) -> Map<String, Value> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let fields = [
            ("procedure", text(&self.procedure)),
            ("user", text(&self.user)),
            ("source_context", text(&self.source_context)),
            ("session_context", text(&self.session_context)),
            ("class_id", self.class_id.map(Value::from)),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let server = arguments.remote.server()?;
    let mut body = arguments.permission.body();
    body.insert("one_time".to_owned(), (!arguments.reusable).into());
    if let Some(seconds) = arguments.valid_seconds {
        body.insert("valid_seconds".to_owned(), seconds.into());
    }
    if let Some(bytes) = arguments.max_size {
        body.insert("max_size".to_owned(), bytes.into());
    }
    if !arguments.types.is_empty() {
        body.insert("types".to_owned(), arguments.types.clone().into());
    }
    block_on(async {
        let answer = server.post("/v1/upload-signatures", &Value::Object(body)).await?;
        let text = match arguments.json {
            true => format!("{answer:#}"),
            false => tell::cell(&answer["signature"]),
        };
        Ok(tell::line(&text)?)
    })
}
