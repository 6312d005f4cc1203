//! AWS Signature Version 4: any header and query is read or refused; what is signed verifies.

#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;
use reelgate_wire::s3::checksum::Algorithm;
use reelgate_wire::s3::sigv4::{Authorization, PayloadHash, Request, Signer, Stamp};
use request::{Input, Pairs};

const SECRET: &str = "secret";
const NOW: i64 = 1_700_000_000;
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

fuzz_target!(|text: &str| {
    let Input { authorization, path, mut query, mut headers } = Input::read(text);
    let find = |name: &str| {
        let found = headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    };
    let hash = find("x-amz-content-sha256");
    let _ = Algorithm::announced(find);
    let _ = PayloadHash::parse(hash, false);
    let payload_hash = hash.unwrap_or(UNSIGNED);
    let request = Request { method: "PUT", path, query: &query, headers: &headers, payload_hash };
    let from_header = Authorization::from_header(authorization, find("x-amz-date")).ok();
    for authorization in from_header.into_iter().chain(Authorization::from_query(&query).ok()) {
        let _ = authorization.check_window(NOW);
        let _ = authorization.verify(SECRET, &request);
    }

    let ours = ["host", "x-amz-content-sha256", "x-amz-date"];
    headers.retain(|(name, _)| !ours.contains(&name.to_ascii_lowercase().as_str()));
    query.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-amz-"));
    // What is too long is refused with that reason.
    if text.len() < 3000 {
        what_is_signed_verifies(path, &query, headers);
    }
});

fn what_is_signed_verifies(path: &str, query: &Pairs, mut headers: Pairs) {
    let (signer, time) = (Signer::new("AKID", SECRET, "eu"), Stamp::of(NOW));
    let host = vec![("host".to_owned(), "h:1".to_owned())];
    let request = Request { method: "PUT", path, query, headers: &host, payload_hash: UNSIGNED };
    let presigned = signer.presigned(&request, &time, 60);
    let authorization = Authorization::from_query(&presigned).expect("a signer writes what is read");
    authorization.check_window(NOW).expect("it was signed now");
    let request = Request { query: &presigned, ..request };
    authorization.verify(SECRET, &request).expect("it was signed with this key");

    headers.extend(host.clone());
    headers.push(("x-amz-date".to_owned(), time.as_str().to_owned()));
    headers.push(("x-amz-content-sha256".to_owned(), UNSIGNED.to_owned()));
    let request = Request { method: "PUT", path, query, headers: &headers, payload_hash: UNSIGNED };
    let (header, _) = signer.authorization(&request, &time);
    let authorization =
        Authorization::from_header(&header, Some(time.as_str())).expect("a signer writes what is read");
    authorization.verify(SECRET, &request).expect("it was signed with this key");
    assert!(authorization.verify("another", &request).is_err());
}
