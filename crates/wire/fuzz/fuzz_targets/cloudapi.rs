//! The cloud API: any header, form and body is read or refused; what is signed verifies.

#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;
use reelgate_wire::cloudapi::{DeleteMedia, DescribeMediaInfos, DescribeTaskDetail, Fields, SearchMedia, form, tc3};
use request::Input;

const SECRET: &str = "secret";
const NOW: i64 = 1_700_000_000;

fuzz_target!(|text: &str| {
    let Input { authorization, path, query, headers } = Input::read(text);
    let request = tc3::Request { method: "POST", path, query: "a=b", headers: &headers, body: text.as_bytes() };
    if let Ok(found) = tc3::Authorization::parse(authorization) {
        let _ = found.verify(SECRET, &request, NOW, NOW);
    }
    let value = tc3::authorization("AKID", SECRET, "vod", &request, NOW);
    let found = tc3::Authorization::parse(&value).expect("a signer writes what is read");
    found.verify(SECRET, &request, NOW, NOW).expect("it was signed with this key");

    if let Ok(signed) = form::Signed::of(&query) {
        let _ = signed.verify(SECRET, "POST", path, "/", NOW);
    }
    for fields in [Fields::of_pairs(&form::of_action(&query)), Fields::of_json(authorization.as_bytes())] {
        let Ok(fields) = fields else { continue };
        let _ = DescribeMediaInfos::read(fields.clone());
        let _ = DescribeTaskDetail::read(fields.clone());
        let _ = DeleteMedia::read(fields.clone());
        let _ = SearchMedia::read(fields);
    }
});
