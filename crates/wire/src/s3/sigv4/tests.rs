//! The examples of the vendor's documentation, and tampering.

use proptest::prelude::*;

use super::*;
use crate::cos::ErrorCode;
use crate::sha256::sha256_hex;

const ACCESS: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const HOST: &str = "examplebucket.s3.amazonaws.com";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const DATE: &str = "20130524T000000Z";
const NOW: i64 = 1_369_353_600;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

struct Case {
    method: &'static str,
    path: &'static str,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    payload_hash: &'static str,
    signature: &'static str,
}

impl Case {
    fn request(&self) -> Request<'_> {
        Request {
            method: self.method,
            path: self.path,
            query: &self.query,
            headers: &self.headers,
            payload_hash: self.payload_hash,
        }
    }

    fn authorization(&self) -> Authorization {
        let (value, _) = signer().authorization(&self.request(), &Stamp::parse(DATE).unwrap());
        Authorization::from_header(&value, Some(DATE)).unwrap()
    }
}

fn signer() -> Signer {
    Signer::new(ACCESS, SECRET, "us-east-1")
}

fn get() -> Case {
    Case {
        method: "GET",
        path: "/test.txt",
        query: Vec::new(),
        headers: pairs(&[
            ("Host", HOST),
            ("Range", "bytes=0-9"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", DATE),
        ]),
        payload_hash: EMPTY,
        signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    }
}

fn put() -> Case {
    let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    Case {
        method: "PUT",
        path: "/test%24file.text",
        query: Vec::new(),
        headers: pairs(&[
            ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("Host", HOST),
            ("x-amz-content-sha256", hash),
            ("x-amz-date", DATE),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ]),
        payload_hash: hash,
        signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    }
}

fn lifecycle() -> Case {
    Case {
        method: "GET",
        path: "/",
        query: pairs(&[("lifecycle", "")]),
        headers: pairs(&[("Host", HOST), ("x-amz-content-sha256", EMPTY), ("x-amz-date", DATE)]),
        payload_hash: EMPTY,
        signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    }
}

fn list() -> Case {
    Case {
        query: pairs(&[("prefix", "J"), ("max-keys", "2")]),
        signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ..lifecycle()
    }
}

#[test]
fn the_published_examples_are_made_and_verified() {
    for case in [get(), put(), lifecycle(), list()] {
        let authorization = case.authorization();
        assert_eq!(authorization.signature, case.signature, "{} {}", case.method, case.path);
        assert_eq!(authorization.check_window(NOW + MAX_SKEW), Ok(()));
        authorization.verify(SECRET, &case.request()).unwrap();
        assert!(authorization.verify("another", &case.request()).is_err());
    }
}

#[test]
fn the_published_presigned_url_is_made_and_verified() {
    let headers = pairs(&[("Host", HOST)]);
    let request = Request {
        method: "GET",
        path: "/test.txt",
        query: &[],
        headers: &headers,
        payload_hash: "UNSIGNED-PAYLOAD",
    };
    let query = signer().presigned(&request, &Stamp::parse(DATE).unwrap(), 86_400);
    let expected = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";
    assert_eq!(query.last().unwrap().1, expected);
    let authorization = Authorization::from_query(&query).unwrap();
    let request = Request { query: &query, ..request };
    authorization.verify(SECRET, &request).unwrap();
    assert_eq!(authorization.check_window(NOW + 86_400), Ok(()));
    assert_eq!(authorization.check_window(NOW + 86_401), Err(Refusal::Expired));
    assert!(matches!(authorization.check_window(NOW - MAX_SKEW - 1), Err(Refusal::Skewed { .. })));
    let late = pairs(&[("Host", HOST), ("x-amz-acl", "public-read")]);
    let refused = authorization.verify(SECRET, &Request { headers: &late, ..request }).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::AccessDenied);
}

#[test]
fn the_published_chunks_are_signed() {
    let headers = pairs(&[
        ("Host", "s3.amazonaws.com"),
        ("x-amz-date", DATE),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("Content-Encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("Content-Length", "66824"),
    ]);
    let request = Request {
        method: "PUT",
        path: "/examplebucket/chunkObject.txt",
        query: &[],
        headers: &headers,
        payload_hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    };
    let (value, mut chunks) = signer().authorization(&request, &Stamp::parse(DATE).unwrap());
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    assert!(value.ends_with(seed), "{value}");
    let all = vec![b'a'; 66_560];
    for (bytes, expected) in [
        (&all[..65_536], "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
        (&all[65_536..], "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
        (&[], "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
    ] {
        assert_eq!(chunks.next_chunk(&sha256_hex(bytes)), expected);
    }
}

#[test]
fn what_was_signed_cannot_be_changed() {
    let case = get();
    let authorization = case.authorization();
    let request = case.request();
    let other_headers = [
        pairs(&[
            ("Host", "evil"),
            ("Range", "bytes=0-9"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", DATE),
        ]),
        pairs(&[
            ("Host", HOST),
            ("Range", "bytes=0-99"),
            ("x-amz-content-sha256", EMPTY),
            ("x-amz-date", DATE),
        ]),
        pairs(&[("Host", HOST), ("x-amz-content-sha256", EMPTY), ("x-amz-date", DATE)]),
    ];
    let query = pairs(&[("versionId", "1")]);
    let mut changed = vec![
        Request { method: "PUT", ..request },
        Request { path: "/test.txt2", ..request },
        Request { payload_hash: "UNSIGNED-PAYLOAD", ..request },
        Request { query: &query, ..request },
    ];
    changed.extend(other_headers.iter().map(|headers| Request { headers, ..request }));
    for request in changed {
        let refused = authorization.verify(SECRET, &request).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::SignatureDoesNotMatch, "{request:?}");
    }
    assert!(matches!(authorization.check_window(NOW - MAX_SKEW - 1), Err(Refusal::Skewed { .. })));
    assert!(matches!(authorization.check_window(NOW + MAX_SKEW + 1), Err(Refusal::Skewed { .. })));
}

#[test]
fn hosts_with_and_without_port_and_both_spellings_of_a_path_are_accepted() {
    let signed = pairs(&[("host", "127.0.0.1"), ("x-amz-content-sha256", EMPTY), ("x-amz-date", DATE)]);
    let sent = pairs(&[("host", "127.0.0.1:9000"), ("x-amz-content-sha256", EMPTY), ("x-amz-date", DATE)]);
    let request = Request {
        method: "GET",
        path: "/a%20b/%E4%B8%AD.mp4",
        query: &[],
        headers: &signed,
        payload_hash: EMPTY,
    };
    let (value, _) = signer().authorization(&request, &Stamp::parse(DATE).unwrap());
    let authorization = Authorization::from_header(&value, Some(DATE)).unwrap();
    authorization.verify(SECRET, &Request { headers: &sent, ..request }).unwrap();
    let lower = Request { path: "/a%20b/%e4%b8%ad.mp4", headers: &sent, ..request };
    authorization.verify(SECRET, &lower).unwrap();
}

#[test]
fn what_cannot_be_read_is_named() {
    let good =
        "AWS4-HMAC-SHA256 Credential=A/20130524/r/s3/aws4_request, SignedHeaders=host;x-amz-date, Signature=";
    let good = format!("{good}{}", "0".repeat(64));
    assert!(Authorization::from_header(&good, Some(DATE)).is_ok());
    for (text, date) in [
        ("AWS4-HMAC-SHA256", Some(DATE)),
        ("AWS4-HMAC-SHA256 Credential=A", Some(DATE)),
        (&good.replace("/s3/", "/ec2/"), Some(DATE)),
        (&good.replace("20130524", "20130525"), Some(DATE)),
        (&good.replace("host;", ""), Some(DATE)),
        (&good.replace("Signature=0", "Signature=Z"), Some(DATE)),
        (&good.replace("SignedHeaders", "Signature"), Some(DATE)),
        (&good, None),
        (&good, Some("yesterday")),
    ] {
        let refused = Authorization::from_header(text, date).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::AuthorizationHeaderMalformed, "{text}");
    }
    for (text, presigned, good) in [
        (None, true, true),
        (None, false, false),
        (Some("UNSIGNED-PAYLOAD"), false, true),
        (Some(EMPTY), false, true),
        (Some("E3B0"), false, false),
        (Some("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), false, false),
    ] {
        assert_eq!(PayloadHash::parse(text, presigned).is_ok(), good, "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_gives_an_answer(text in "\\PC{0,200}", name in "X-Amz-[A-Za-z]{4,12}") {
        let _ = Authorization::from_header(&text, Some(DATE));
        let _ = Authorization::from_header(&format!("AWS4-HMAC-SHA256 {text}"), Some(&text));
        let _ = Authorization::from_query(&[(name, text.clone())]);
        let _ = PayloadHash::parse(Some(&text), false);
    }
}
