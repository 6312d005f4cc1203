//! An issuer: its keys, its tokens, and the server it publishes its keys on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256,
};
use aws_lc_rs::{hmac, rand};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::StatusCode;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use reelgate_callers::{Jwt, JwtKeys, JwtSettings};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

pub(crate) const ISSUER: &str = "https://issuer.example";
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const FLOOR: Duration = Duration::from_secs(60);
pub(crate) const MAX_AGE: Duration = Duration::from_secs(3600);
pub(crate) const TIMEOUT: Duration = Duration::from_secs(600);

pub(crate) enum Key {
    Secret(Vec<u8>),
    Rsa(RsaKeyPair),
    P256(EcdsaKeyPair),
}

/// RSA keys take long to make, so all tests share two.
pub(crate) static RSA: LazyLock<Key> =
    LazyLock::new(|| Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static OTHER_RSA: LazyLock<Key> =
    LazyLock::new(|| Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));

impl Key {
    pub(crate) fn p256() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// Signs in the other encoding of ECDSA, which JWTs must not use.
    pub(crate) fn p256_asn1() -> Self {
        Self::P256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap())
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match self {
            Self::Secret(_) => "HS256",
            Self::Rsa(_) => "RS256",
            Self::P256(_) => "ES256",
        }
    }

    /// A token with exactly this header and these claims.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        format!("{signed}.{}", encode(self.signature(signed.as_bytes())))
    }

    /// A token as an honest issuer makes it.
    pub(crate) fn token(&self, id: Option<&str>, claims: &Value) -> String {
        let mut header = json!({ "alg": self.algorithm(), "typ": "JWT" });
        if let Some(id) = id {
            header["kid"] = json!(id);
        }
        self.sign(&header, claims)
    }

    fn signature(&self, signed: &[u8]) -> Vec<u8> {
        let random = rand::SystemRandom::new();
        match self {
            Self::Secret(secret) => {
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed).as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, signed, &mut signature).unwrap();
                signature
            }
            Self::P256(key) => key.sign(&random, signed).unwrap().as_ref().to_vec(),
        }
    }

    fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Secret(_) => panic!("a secret has no public part"),
            Self::Rsa(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::P256(key) => key.public_key().as_der().unwrap().as_ref().to_vec(),
        }
    }

    pub(crate) fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der())
    }

    /// As it is published.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Secret(secret) => json!({ "kty": "oct", "kid": id, "k": encode(secret) }),
            Self::Rsa(_) => {
                let parts = DEFAULT_PROVIDER.key_utils.rsa_pub_components_from_public_key;
                let (n, e) = parts(&self.public_der()).unwrap();
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": encode(n), "e": encode(e) })
            }
            Self::P256(key) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "kid": id, "x": encode(x), "y": encode(y) })
            }
        }
    }
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// Claims that pass at [`crate::NOW`].
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": "reelgate",
        "sub": "alice",
        "exp": crate::NOW.seconds() + 300,
        "realm_access": { "roles": ["editor", "viewer"] },
    })
}

/// [`claims`] with other values; null takes a claim away.
pub(crate) fn claims_with(changes: Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

pub(crate) fn settings(keys: JwtKeys) -> JwtSettings {
    JwtSettings {
        name: "sso".to_owned(),
        keys,
        issuer: Some(ISSUER.to_owned()),
        audiences: vec!["reelgate".to_owned(), "uploads".to_owned()],
        leeway: Duration::from_secs(30),
        user: "sub".parse().unwrap(),
        tags: vec![
            ("role".to_owned(), "realm_access.roles".parse().unwrap()),
            ("tenant".to_owned(), "/https:~1~1example.com~1tenant".parse().unwrap()),
        ],
    }
}

pub(crate) fn hs256() -> Jwt {
    Jwt::new(settings(JwtKeys::Hs256(SECRET.into()))).unwrap()
}

pub(crate) fn secret() -> Key {
    Key::Secret(SECRET.as_bytes().to_vec())
}

/// What the key server does with a request.
#[derive(Clone)]
pub(crate) enum Answer {
    Keys(Vec<Value>),
    Body(Vec<u8>),
    Status(StatusCode),
    Redirect(String),
    /// Nothing, until [`KeyServer::release`].
    Wait(Vec<Value>),
    Never,
}

pub(crate) struct KeyServer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

struct Shared {
    answer: Mutex<Answer>,
    fetches: AtomicUsize,
    fetched: watch::Sender<usize>,
    released: Notify,
}

impl KeyServer {
    pub(crate) async fn start(answer: Answer) -> Self {
        let shared = Arc::new(Shared {
            answer: Mutex::new(answer),
            fetches: AtomicUsize::new(0),
            fetched: watch::Sender::new(0),
            released: Notify::new(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let router = Router::new().route("/keys", get(answer_fetch)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, shared }
    }

    pub(crate) fn jwt(&self) -> Jwt {
        Jwt::new(settings(self.keys())).unwrap()
    }

    pub(crate) fn keys(&self) -> JwtKeys {
        JwtKeys::Jwks { url: self.url.clone(), refresh_floor: FLOOR, max_age: MAX_AGE, timeout: TIMEOUT }
    }

    pub(crate) fn answers(&self, answer: Answer) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// Returns once this many requests have arrived.
    pub(crate) async fn fetched(&self, count: usize) {
        let mut fetched = self.shared.fetched.subscribe();
        crate::at_last(fetched.wait_for(|fetches| *fetches >= count)).await.unwrap();
    }

    /// Lets one [`Answer::Wait`] go, now or as soon as it waits.
    pub(crate) fn release(&self) {
        self.shared.released.notify_one();
    }
}

async fn answer_fetch(State(shared): State<Arc<Shared>>) -> Response {
    let fetches = shared.fetches.fetch_add(1, Ordering::SeqCst) + 1;
    let answer = shared.answer.lock().unwrap().clone();
    shared.fetched.send_replace(fetches);
    match answer {
        Answer::Keys(keys) => json!({ "keys": keys }).to_string().into_response(),
        Answer::Body(body) => body.into_response(),
        Answer::Status(status) => status.into_response(),
        Answer::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
        Answer::Wait(keys) => {
            shared.released.notified().await;
            json!({ "keys": keys }).to_string().into_response()
        }
        Answer::Never => std::future::pending().await,
    }
}
