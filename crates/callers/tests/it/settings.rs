//! Settings that stop the start, each with a sentence, and nothing secret shown.

use std::time::Duration;

use http::HeaderName;
use reelgate_callers::{Algorithm, Forward, ForwardSettings, Jwt, JwtKeys};

use crate::issuer::{Key, RSA, SECRET, pem, settings};

fn refused(keys: JwtKeys) -> String {
    Jwt::new(settings(keys)).unwrap_err().to_string()
}

/// DER: a tag, the length in its shortest form, the content.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..128 => vec![tag, length[1]],
        128..256 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content.to_vec()].concat()
}

/// An RSA key of 1024 bits, which no library of today would make.
fn short_rsa() -> String {
    let modulus = [vec![0, 0xc1], vec![0x5b; 127]].concat();
    let key = der(0x30, &[der(2, &modulus), der(2, &[1, 0, 1])].concat());
    let oid = der(0x30, &[der(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), der(5, &[])].concat());
    pem("PUBLIC KEY", &der(0x30, &[oid, der(3, &[vec![0], key].concat())].concat()))
}

#[test]
fn short_secrets_are_refused() {
    assert_eq!(
        refused(JwtKeys::Hs256("0123456789abcdef0123456789abcde".into())),
        "the HS256 secret of sso has 31 bytes; give one of at least 32 random bytes"
    );
    assert!(Jwt::new(settings(JwtKeys::Hs256(SECRET.into()))).is_ok());
}

#[test]
fn keys_that_do_not_fit_are_refused() {
    let p256 = Key::p256().public_pem();
    let p384 = {
        use aws_lc_rs::encoding::AsDer;
        use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
        let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
        pem("PUBLIC KEY", key.public_key().as_der().unwrap().as_ref())
    };
    let (rs, es) = (Algorithm::Rs256, Algorithm::Es256);
    for (algorithm, pem, problem) in [
        (rs, String::new(), "it is not PEM; give a text that begins with -----BEGIN PUBLIC KEY-----"),
        (
            rs,
            "/etc/key.pem".to_owned(),
            "it is not PEM; give a text that begins with -----BEGIN PUBLIC KEY-----",
        ),
        (rs, p256.clone(), "it is no valid RSA key; give one for RS256"),
        (rs, pem("PUBLIC KEY", b"junk"), "it is no valid RSA key; give one for RS256"),
        (rs, short_rsa(), "its RSA key has not 2048 to 8192 bits; give a longer or shorter one"),
        (es, RSA.public_pem(), "it is no valid key on the curve P-256; give one for ES256"),
        (es, p384, "it is no valid key on the curve P-256; give one for ES256"),
        (
            es,
            pem("PRIVATE KEY", b"junk"),
            "it is a private key, which belongs to the issuer alone; give the public one, as openssl pkey -pubout \
             writes it",
        ),
        (
            rs,
            pem("CERTIFICATE", b"junk"),
            "its PEM block is not a PUBLIC KEY; make one with openssl, for example x509 -pubkey",
        ),
    ] {
        let expected = format!("the key of sso cannot be used for {}: {problem}", algorithm.name());
        assert_eq!(refused(JwtKeys::Pem { algorithm, pem }), expected);
    }
}

#[test]
fn urls_that_cannot_be_asked_are_refused() {
    for (url, problem) in [
        ("issuer.example/keys", "is none; write one such as https://app.example.com/path"),
        ("file:///etc/passwd", "must begin with http:// or https://"),
        (
            "https://user:hunter2@issuer.example/",
            "must not hold a user name or password: it is written into logs",
        ),
        ("https://issuer.example/#keys", "has a fragment, which is never sent; leave it out"),
    ] {
        let second = Duration::from_secs(1);
        let url = url.to_owned();
        let keys =
            JwtKeys::Jwks { url: url.clone(), refresh_floor: second, max_age: second, timeout: second };
        assert_eq!(refused(keys), format!("the URL of sso {problem}"));
        let asked = Forward::new(ForwardSettings { url, ..forward(&["cookie"]) });
        assert_eq!(asked.unwrap_err().to_string(), format!("the URL of app {problem}"));
    }
}

#[test]
fn headers_that_cannot_be_copied_are_refused() {
    let refused = |headers: &[&'static str]| Forward::new(forward(headers)).unwrap_err().to_string();
    assert_eq!(
        refused(&[]),
        "the headers of app cannot be copied: none is named, so nobody would ever be asked; name authorization or \
         cookie"
    );
    for header in ["host", "content-length", "transfer-encoding", "x-forwarded-for", "user-agent"] {
        assert_eq!(
            refused(&["cookie", header]),
            format!(
                "the headers of app cannot be copied: {header} belongs to the connection or is set by this server; \
                 leave it out"
            )
        );
    }
    assert!(Forward::new(forward(&["authorization", "x-session"])).is_ok());
}

#[test]
fn nothing_secret_is_shown() {
    let hs256 = settings(JwtKeys::Hs256(SECRET.into()));
    assert!(!format!("{hs256:?}").contains(SECRET));
    assert!(!format!("{:?}", Jwt::new(hs256).unwrap()).contains(SECRET));
    let pem = JwtKeys::Pem { algorithm: Algorithm::Es256, pem: "hunter2".to_owned() };
    assert!(!format!("{pem:?}").contains("hunter2"));
    assert!(!Jwt::new(settings(pem)).unwrap_err().to_string().contains("hunter2"));
}

fn forward(headers: &[&'static str]) -> ForwardSettings {
    ForwardSettings {
        name: "app".to_owned(),
        url: "http://127.0.0.1:1/".to_owned(),
        timeout: Duration::from_secs(1),
        cache_for: Duration::ZERO,
        headers: headers.iter().map(|name| HeaderName::from_static(name)).collect(),
    }
}
