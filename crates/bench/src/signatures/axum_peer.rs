//! The peer that sets the mark: axum and nothing else. It signs a string as long as ours, with no caller to check, no
//! policy, no rows and no log. It runs as a process of its own (`reelgate-bench axum-peer`), built like the rest.

use std::io::Write;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

const SECRET_ID: &str = "AKIDexample0001vodvector00000000bench";
const SECRET_KEY: &[u8] = b"QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B";
const VALID_SECONDS: u64 = 86_400;
const MAC_LENGTH: usize = 20;

/// Serves until it is killed; `context` is the length of `sourceContext`.
pub(crate) fn serve(context: usize) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        announce(listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        // One for the whole life of the process, so that no request counts references to it.
        let signer: &'static Signer = Box::leak(Box::new(Signer::new(context)?));
        let router = Router::new().route("/getUploadSignature", get(move || async { signer.answer() }));
        axum::serve(listener, router).await.context("the peer cannot serve")
    })
}

#[expect(clippy::print_stderr, reason = "whoever starts it waits for this line, as for the server's own")]
fn announce(address: std::net::SocketAddr) {
    eprintln!("axum listens on http://{address}");
}

/// What does not change between two requests.
struct Signer {
    /// Has taken in the key already.
    keyed: Hmac<Sha1>,
    /// Everything after `random`.
    tail: String,
}

impl Signer {
    fn new(context: usize) -> Result<Self> {
        let keyed = Hmac::new_from_slice(SECRET_KEY).context("the key cannot be used")?;
        let tail = format!("&procedure=&classId=0&oneTimeValid=0&sourceContext={}", "c".repeat(context));
        Ok(Self { keyed, tail })
    }

    fn answer(&self) -> Response {
        let signed = self.signed(now(), rand::random());
        let mut body = String::with_capacity(64 + signed.len().div_ceil(3) * 4);
        body.push_str(r#"{"code":0,"message":"ok","data":{"signature":""#);
        STANDARD.encode_string(signed, &mut body);
        body.push_str(r#""}}"#);
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    /// The MAC and what it is of.
    fn signed(&self, now: u64, random: u32) -> Vec<u8> {
        let mut signed = Vec::with_capacity(MAC_LENGTH + 128 + self.tail.len());
        signed.resize(MAC_LENGTH, 0);
        let expires = now + VALID_SECONDS;
        // Writing to memory cannot fail.
        let _ = write!(
            signed,
            "secretId={SECRET_ID}&currentTimeStamp={now}&expireTime={expires}&random={random}{}",
            self.tail
        );
        let mac = self.keyed.clone().chain_update(&signed[MAC_LENGTH..]).finalize().into_bytes();
        signed[..MAC_LENGTH].copy_from_slice(&mac);
        signed
    }
}

#[expect(clippy::disallowed_methods, reason = "the peer is a program of its own, without the server's clock")]
fn now() -> u64 {
    std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_the_eight_keys_and_a_context_of_the_length_asked_for() {
        let signed = Signer::new(3).unwrap().signed(1_700_000_000, 7);
        let original = std::str::from_utf8(&signed[MAC_LENGTH..]).unwrap();
        assert_eq!(
            original,
            format!(
                "secretId={SECRET_ID}&currentTimeStamp=1700000000&expireTime=1700086400&random=7&procedure=&classId=0\
                 &oneTimeValid=0&sourceContext=ccc"
            )
        );
        let mac = Hmac::<Sha1>::new_from_slice(SECRET_KEY).unwrap().chain_update(original).finalize();
        assert_eq!(signed[..MAC_LENGTH], mac.into_bytes()[..]);
    }
}
