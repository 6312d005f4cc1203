//! The COS request signature: any header and query is read or refused; what is signed verifies.

#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;
use reelgate_wire::cos::qsign::{Authorization, Request, Signer};
use request::Input;

const SECRET: &str = "secret";

fuzz_target!(|text: &str| {
    let input = Input::read(text);
    let request = Request { method: "PUT", path: input.path, query: &input.query, headers: &input.headers };
    let from_query = Authorization::from_query(&input.query).ok().flatten();
    for authorization in Authorization::from_header(input.authorization).ok().into_iter().chain(from_query) {
        let _ = authorization.check_window(1_700_000_000);
        let _ = authorization.verify(SECRET, &request);
    }

    // A name that comes twice, in any case, cannot be verified without ambiguity.
    let unique = |pairs: &request::Pairs| {
        let mut seen = std::collections::BTreeSet::new();
        pairs.iter().filter(|(name, _)| seen.insert(name.to_ascii_lowercase())).cloned().collect::<Vec<_>>()
    };
    let (query, headers) = (unique(&input.query), unique(&input.headers));
    let request = Request { query: &query, headers: &headers, ..request };
    let header = Signer::new("AKID", SECRET, 1_700_000_000, 1_700_000_600).authorization(&request);
    // Lists that are too long are refused with that reason.
    if header.len() < 4096 {
        let authorization = Authorization::from_header(&header).expect("a signer writes what is read");
        let listed = |(name, _): &(String, String)| !name.is_empty();
        if query.iter().all(listed) {
            authorization.verify(SECRET, &request).expect("it was signed with this key");
        }
    }
});
