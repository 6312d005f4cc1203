//! Configuration: read as written (`raw`), then resolved once, at start, to what it means (this file).
//!
//! Sources, later wins: built-in defaults, the TOML file, the environment (`REELGATE_<SECTION>__<KEY>`), the
//! command line. Two settings that contradict each other stop the start with a sentence.

mod callers;
mod policies;
mod procedures;
mod raw;
mod resolve;
mod storage;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use reelgate_model::AppId;
use secrecy::SecretString;

pub use callers::{CallerDefinition, CallerSettings};
pub use policies::{Policy, PolicyDefinition, Rate};
pub use procedures::{ProcedureDefinition, Procedures, REVIEW_PORN, ReviewMode};
pub use raw::{CommandLine, Raw};

use crate::roles::Role;

/// What the configuration means. Built by [`Config::load`].
#[derive(Debug)]
pub struct Config {
    /// Where rows, bytes, scratch files and the master key live unless told otherwise.
    pub data_dir: PathBuf,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Origin under which clients reach this server, without a trailing slash; `None`: derived from the request.
    pub public_url: Option<String>,
    /// Origin of media URLs, without a trailing slash; `None`: the public URL.
    pub play_url: Option<String>,
    /// Peers whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Certificate chain and key in PEM; `None`: plain HTTP (behind a terminator, or local).
    pub tls: Option<TlsFiles>,
    /// `sqlite://…` or `postgres://…`.
    pub database_url: String,
    /// Directory of the disk backend.
    pub storage_dir: PathBuf,
    /// The directory is really shared between machines: skip the one-process lock.
    pub storage_shared: bool,
    /// The bucket of the S3 backend, instead of the directory.
    pub storage_bucket: Option<reelgate_objects::S3Config>,
    /// Uploads.
    pub upload: Upload,
    /// Events and their delivery.
    pub events: Events,
    /// ffmpeg, its sandbox, and the worker.
    pub media: Media,
    /// Who gets a signature, and what it grants.
    pub dispatch: Dispatch,
    /// Whose upload doors the signatures are for.
    pub mode: Mode,
    /// Procedures by name.
    pub procedures: Procedures,
    /// First-run credentials.
    pub root: Root,
    /// What runs in this process.
    pub roles: Vec<Role>,
}

/// Where the TLS certificate and key are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// PEM chain, leaf first.
    pub cert: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

/// Rules of the upload doors.
#[derive(Debug)]
pub struct Upload {
    /// Names of the UGC door; the first one is told to clients as `domain`.
    pub hosts: Vec<String>,
    /// Patterns of the object leg such as `{bucket}.cos.{region}.example.test`.
    pub object_domains: Vec<String>,
    /// The one region of this server, as the vendor spells regions.
    pub region: String,
    /// Bucket name without the application id.
    pub bucket: String,
    /// Life of temporary credentials.
    pub credential_ttl: Duration,
    /// Life of an upload session; at least a day.
    pub session_ttl: Duration,
    /// Largest file in bytes when the permission does not say less.
    pub max_size: u64,
    /// Bytes of the storage's file system that stay free: what would leave less is not taken.
    pub min_free: u64,
    /// Whether the head of a file decides if it is taken at all.
    pub sniff: bool,
    /// Slowest body, bytes per second over a minute.
    pub min_rate: u64,
    /// Most bytes that the open uploads of one application may have announced together.
    pub max_in_flight: Option<u64>,
}

/// Rules of event delivery.
#[derive(Clone, Debug)]
pub struct Events {
    /// Private ranges that endpoints may live in; everything else private is refused.
    pub allow_targets: Vec<IpNet>,
    /// Pauses between attempts; after the last one the delivery is dead.
    pub retry: Vec<Duration>,
    /// How long an endpoint may take to answer.
    pub timeout: Duration,
    /// How long events are kept.
    pub retention: Duration,
    /// An endpoint that has failed for so long is disabled.
    pub disable_after: Duration,
}

/// Rules of the worker.
#[derive(Debug)]
pub struct Media {
    /// Whether children are sandboxed. `Off` only when the configuration says so in as many words.
    pub sandbox: bool,
    /// Where sources and results lie while a task works on them.
    pub scratch_dir: PathBuf,
    /// Most bytes that scratch files may take together.
    pub scratch_quota: u64,
    /// Steps worked on at once in this process.
    pub concurrency: usize,
    /// Longest time a procedure may take.
    pub task_deadline: Duration,
}

/// Rules of the signature service.
#[derive(Debug)]
pub struct Dispatch {
    /// Procedure when neither the caller nor its policy names one; empty: none.
    pub procedure: String,
    /// Who is believed, in the order in which credentials are looked at.
    pub callers: Vec<CallerSettings>,
    /// What callers may have; the first that matches decides, the last one matches everybody.
    pub policies: Vec<Policy>,
    /// How `/getUploadSignature` answers.
    pub sample_shape: SampleShape,
    /// Web origins that may call the signature service from a browser, with credentials.
    pub origins: Vec<http::HeaderValue>,
    /// How long the log of the signature service is kept.
    pub log_for: Duration,
}

/// Answer shapes of the vendor's sample and of its two demo backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleShape {
    /// `{"code":0,"message":"ok","data":{"signature":…}}` (document 584/9371).
    Sample,
    /// The same with success code 200.
    Demo,
    /// `{"Code":0,"Message":"","Data":{"UploadSign":…}}`.
    DemoUploadSign,
}

/// Whose upload doors the signatures are for.
#[derive(Debug)]
pub enum Mode {
    /// This server's own.
    Local,
    /// The real cloud's.
    Tencent(Tencent),
}

impl Mode {
    /// Whether the real cloud takes the uploads.
    pub fn is_tencent(&self) -> bool {
        matches!(self, Self::Tencent(_))
    }
}

/// The account in the real cloud.
#[derive(Debug)]
pub struct Tencent {
    /// SecretId of the account.
    pub secret_id: String,
    /// Its SecretKey.
    pub secret_key: SecretString,
    /// Application to upload to; `None`: the main one of the account.
    pub sub_app_id: Option<AppId>,
    /// Host of the cloud API, or its origin, for readers of its events.
    pub endpoint: String,
    /// The last segment of the address that the cloud posts its callbacks to; derived from the master key if it is not given.
    pub callback_token: Option<SecretString>,
    /// SignKeys of the cloud's event configuration, one of which must have signed each callback; none: nothing is checked.
    pub sign_keys: Vec<SecretString>,
    /// Whether events are pulled from the cloud's queue.
    pub pull: bool,
    /// Pause between two comparisons of the log with the cloud.
    pub reconcile: Duration,
}

/// Credentials given from outside; what is missing is generated at first start.
#[derive(Debug)]
pub struct Root {
    /// The account's AppId, which is also the main application's id.
    pub app_id: Option<AppId>,
    /// SecretId of the first key pair.
    pub secret_id: Option<String>,
    /// SecretKey of the first key pair.
    pub secret_key: Option<SecretString>,
    /// API key of a backend.
    pub api_key: Option<SecretString>,
    /// API key with the scope `admin`, also the console's password.
    pub admin_token: Option<SecretString>,
    /// Master key, 64 hex digits; otherwise `master.key` in the data directory.
    pub master_key: Option<SecretString>,
}
