//! The vector of the wire reference, both traps, tampering, and strangers' parameters.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const SECRET_ID: &str = "AKIDexample0001vodvector";
const SECRET_KEY: &str = "QXbLmVyT3wRkZp8sNdHf2gJc5uAe7x9B";
const NOW: i64 = 1_700_000_000;
const BODY: &str = r#"{"MediaType":"mp4"}"#;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn headers(host: &str) -> Vec<(String, String)> {
    pairs(&[("Host", host), ("Content-Type", "application/json"), ("X-TC-Action", "ApplyUpload")])
}

fn post<'a>(headers: &'a [(String, String)], body: &'a str) -> tc3::Request<'a> {
    tc3::Request { method: "POST", path: "/", query: "", headers, body: body.as_bytes() }
}

fn check(value: &str, request: &tc3::Request<'_>, now: i64) -> Result<(), Refusal> {
    tc3::Authorization::parse(value)?.verify(SECRET_KEY, request, NOW, now)
}

fn code(result: Result<(), Refusal>) -> &'static str {
    result.unwrap_err().code.as_str()
}

#[test]
fn the_vector_is_made_and_verified_and_nothing_else_is() {
    let (headers, other) = (headers("vod.tencentcloudapi.com"), headers("vod.example.com"));
    let request = post(&headers, BODY);
    let value = tc3::authorization(SECRET_ID, SECRET_KEY, "vod", &request, NOW);
    let expected = "8cc986f79ecbd32a85224cbdb22d771faa3fcf4b18324a3f7257b6b2c2c756f5";
    assert!(value.ends_with(&format!("Signature={expected}")), "{value}");
    assert!(value.contains(&format!("Credential={SECRET_ID}/2023-11-14/vod/tc3_request, SignedHeaders=")));
    assert_eq!(check(&value, &request, NOW + 300), Ok(()));
    assert_eq!(check(&value, &request, NOW - 300), Ok(()));
    assert_eq!(code(check(&value, &request, NOW + 301)), "AuthFailure.SignatureExpire");
    assert_eq!(code(check(&value, &request, NOW - 301)), "AuthFailure.SignatureExpire");
    for wrong in [
        post(&headers, r#"{"MediaType":"mp5"}"#),
        post(&other, BODY),
        tc3::Request { method: "GET", ..request },
        tc3::Request { query: "a=b", ..request },
        tc3::Request { path: "/x", ..request },
    ] {
        assert_eq!(code(check(&value, &wrong, NOW)), "AuthFailure.SignatureFailure", "{wrong:?}");
    }
    let parsed = tc3::Authorization::parse(&value).unwrap();
    let other_key = parsed.verify("another", &request, NOW, NOW);
    assert_eq!(code(other_key), "AuthFailure.SignatureFailure");
    let other_day = parsed.verify(SECRET_KEY, &request, NOW + 86_400, NOW + 86_400);
    assert_eq!(code(other_day), "AuthFailure.SignatureFailure");
    let other_second = parsed.verify(SECRET_KEY, &request, NOW + 1, NOW);
    assert_eq!(code(other_second), "AuthFailure.SignatureFailure");
    assert!(!format!("{parsed:?}").contains(expected));
}

#[test]
fn both_traps_are_known() {
    let (with, without) = (headers("127.0.0.1:8081"), headers("127.0.0.1"));
    for signed in [&with, &without] {
        for service in ["vod", "127"] {
            let value = tc3::authorization(SECRET_ID, SECRET_KEY, service, &post(signed, BODY), NOW);
            assert_eq!(check(&value, &post(&with, BODY), NOW), Ok(()), "{service} {signed:?}");
        }
    }
    let value = tc3::authorization(SECRET_ID, SECRET_KEY, "vod", &post(&with, BODY), NOW);
    assert_eq!(code(check(&value, &post(&without, BODY), NOW)), "AuthFailure.SignatureFailure");
}

#[test]
fn more_headers_may_be_signed_as_sent_or_in_lower_case_as_the_vendor_s_text_has_it() {
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};
    let mac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let headers = headers("vod.tencentcloudapi.com");
    for action in ["ApplyUpload", "applyupload"] {
        let body = hex::encode(Sha256::digest(BODY));
        let text = format!(
            "POST\n/\n\ncontent-type:application/json\nhost:vod.tencentcloudapi.com\nx-tc-action:{action}\n\n\
             content-type;host;x-tc-action\n{body}"
        );
        let digest = hex::encode(Sha256::digest(text));
        let key = mac(&mac(&mac(format!("TC3{SECRET_KEY}").as_bytes(), "2023-11-14"), "vod"), "tc3_request");
        let text = format!("TC3-HMAC-SHA256\n{NOW}\n2023-11-14/vod/tc3_request\n{digest}");
        let value = format!(
            "TC3-HMAC-SHA256 Credential={SECRET_ID}/2023-11-14/vod/tc3_request, \
             SignedHeaders=content-type;host;x-tc-action, Signature={}",
            hex::encode(mac(&key, &text))
        );
        assert_eq!(check(&value, &post(&headers, BODY), NOW), Ok(()), "{action}");
    }
}

#[test]
fn a_body_may_be_left_out_of_the_signature_and_a_query_is_signed_as_sent() {
    let mut unsigned = headers("h");
    unsigned.push(("X-TC-Content-SHA256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
    let value = tc3::authorization(SECRET_ID, SECRET_KEY, "vod", &post(&unsigned, "UNSIGNED-PAYLOAD"), NOW);
    assert_eq!(check(&value, &post(&unsigned, BODY), NOW), Ok(()));
    let form = pairs(&[("Host", "h"), ("Content-Type", "application/x-www-form-urlencoded")]);
    let request = tc3::Request { method: "GET", query: "FileIds.0=1&x=%7E", ..post(&form, "") };
    let value = tc3::authorization(SECRET_ID, SECRET_KEY, "vod", &request, NOW);
    assert_eq!(check(&value, &request, NOW), Ok(()));
    let other = tc3::Request { query: "FileIds.0=1&x=~", ..request };
    assert_eq!(code(check(&value, &other, NOW)), "AuthFailure.SignatureFailure");
}

#[test]
fn malformed_authorizations_are_refused() {
    let signature = "0".repeat(64);
    let good = format!(
        "TC3-HMAC-SHA256 Credential=A/2023-11-14/vod/tc3_request, SignedHeaders=content-type;host, Signature={signature}"
    );
    assert!(tc3::Authorization::parse(&good).is_ok());
    for (from, to) in [
        ("TC3-HMAC-SHA256 ", "TC3-HMAC-SHA256"),
        ("TC3", "AWS4"),
        ("Credential=A/", "Credential=/"),
        ("Credential=A/", "Credential="),
        ("tc3_request", "aws4_request"),
        ("content-type;host", "content-type"),
        ("content-type;host", "host"),
        ("Signature=0", "Signature=x"),
        ("Signature=0", "Signature="),
        (", Signature", ", Credential=A, Signature"),
    ] {
        let value = good.replacen(from, to, 1);
        let refusal = tc3::Authorization::parse(&value).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidAuthorization, "{value}");
    }
}

fn signed_form(method: &str) -> Vec<(String, String)> {
    // Independent of this code: python3 -c 'import hmac,base64; …' over
    // POST127.0.0.1:8081/?Action=ApplyUpload&MediaName=a b&…
    let mut form = pairs(&[
        ("MediaType", "mp4"),
        ("MediaName", "a b&c=假"),
        ("Action", "ApplyUpload"),
        ("Nonce", "42"),
        ("Timestamp", "1700000000"),
        ("Version", "2018-07-17"),
        ("SecretId", SECRET_ID),
    ]);
    if !method.is_empty() {
        form.push(("SignatureMethod".to_owned(), method.to_owned()));
    }
    form
}

#[test]
fn version_one_is_verified_for_both_hashes_with_raw_values() {
    for (method, expected) in [
        ("", "11/j9Id1JM/ALYC+nt9hQ+ldHGQ="),
        ("HmacSHA1", "HVHj0a63zkYMAtQ4rAguwfoWVvM="),
        ("HmacSHA256", "X9sdbFoxq4fPAIcwHMUPxAkDZNCam7z1J1QIos3LDWQ="),
    ] {
        let mut form = signed_form(method);
        assert_eq!(form::sign(SECRET_KEY, "POST", "127.0.0.1:8081", &form), expected, "{method}");
        form.push(("Signature".to_owned(), expected.to_owned()));
        assert!(form::Signed::is_in(&form));
        let signed = form::Signed::of(&form).unwrap();
        assert_eq!((signed.secret_id, signed.action), (SECRET_ID, "ApplyUpload"));
        let verify = |key, method, host, now| signed.verify(key, method, host, "/", now);
        assert_eq!(verify(SECRET_KEY, "POST", "127.0.0.1:8081", NOW + 300), Ok(()));
        assert_eq!(
            code(verify(SECRET_KEY, "POST", "127.0.0.1:8081", NOW + 301)),
            "AuthFailure.SignatureExpire"
        );
        assert_eq!(code(verify("other", "POST", "127.0.0.1:8081", NOW)), "AuthFailure.SignatureFailure");
        assert_eq!(code(verify(SECRET_KEY, "GET", "127.0.0.1:8081", NOW)), "AuthFailure.SignatureFailure");
        assert_eq!(code(verify(SECRET_KEY, "POST", "127.0.0.1:8082", NOW)), "AuthFailure.SignatureFailure");
        assert_eq!(form::of_action(&form), signed_form("")[..2]);
    }
    let mut bare = signed_form("HmacSHA256");
    let signature = form::sign(SECRET_KEY, "POST", "127.0.0.1", &bare);
    bare.push(("Signature".to_owned(), signature));
    assert_eq!(
        form::Signed::of(&bare).unwrap().verify(SECRET_KEY, "POST", "127.0.0.1:8081", "/", NOW),
        Ok(())
    );
}

#[test]
fn forms_that_lack_something_say_what() {
    for name in ["Nonce", "Timestamp", "SecretId", "Signature"] {
        let mut form = signed_form("");
        form.push(("Signature".to_owned(), "x".to_owned()));
        form.retain(|(found, _)| found != name);
        let refusal = form::Signed::of(&form).err().unwrap();
        assert_eq!(refusal.code, Code::MissingParameter);
        assert!(refusal.message.contains(name), "{refusal}");
    }
    let mut twice = signed_form("");
    twice.push(("Signature".to_owned(), "x".to_owned()));
    twice.push(("Action".to_owned(), "Other".to_owned()));
    assert_eq!(form::Signed::of(&twice).err().unwrap().code, Code::InvalidParameter);
}

fn flat(given: &[(&str, &str)]) -> Result<Value, Refusal> {
    unflatten(&pairs(given)).map(Value::Object)
}

#[test]
fn flattened_parameters_become_structures() {
    let given =
        [("EventHandles.1", "b"), ("EventHandles.0", "a"), ("A.B.0.C", "x"), ("A.B.0.D", ""), ("N", "7")];
    let expected = json!({"A": {"B": [{"C": "x", "D": ""}]}, "EventHandles": ["a", "b"], "N": "7"});
    assert_eq!(flat(&given), Ok(expected));
    assert_eq!(flat(&[("L.2", "c"), ("L.10", "d"), ("L.0", "a")]), Ok(json!({"L": ["a", "c", "d"]})));
    for wrong in [
        &[("X.999999999", "")] as &[(&str, &str)],
        &[("X.00", "")],
        &[("X.", "")],
        &[("", "")],
        &[(".", "")],
        &[("X", "1"), ("X", "2")],
        &[("X", "1"), ("X.0", "2")],
        &[("X.0", "2"), ("X", "1")],
        &[("a.b.c.d.e.f.g.h.i", "")],
    ] {
        assert_eq!(flat(wrong).unwrap_err().code, Code::InvalidParameter, "{wrong:?}");
    }
}

#[test]
fn wrong_types_missing_and_unknown_parameters_are_told_apart() {
    let read = |body: &str| DescribeMediaInfos::read(Fields::of_json(body.as_bytes()).unwrap());
    let code = |body: &str| read(body).unwrap_err().code;
    assert_eq!(read(r#"{"FileIds":["1"],"Filters":null}"#).unwrap().file_ids, ["1"]);
    assert_eq!(code("{}"), Code::MissingParameter);
    assert_eq!(code(""), Code::MissingParameter);
    assert_eq!(code(r#"{"FileIds":[]}"#), Code::FileIdsEmpty);
    assert_eq!(code(r#"{"FileIds":"1"}"#), Code::InvalidParameter);
    assert_eq!(code(r#"{"FileIds":[1]}"#), Code::InvalidParameter);
    assert_eq!(code(r#"{"FileIds":["1"],"Filters":["everything"]}"#), Code::InvalidFilters);
    assert_eq!(code(r#"{"FileIds":["1"],"Other":1}"#), Code::UnknownParameter);
    assert_eq!(code(r#"{"FileIds":["\u0000"]}"#), Code::InvalidParameter);
    let many = json!({"FileIds": vec!["1"; 21]}).to_string();
    assert_eq!(code(&many), Code::FileIdsTooMany);
    for body in ["[]", "1", "{", "\u{0}", "nul"] {
        assert_eq!(Fields::of_json(body.as_bytes()).unwrap_err().code, Code::InvalidParameter, "{body}");
    }
    let form = Fields::of_pairs(&pairs(&[("FileIds.0", "1"), ("Limit", "5"), ("Sort.Field", "CreateTime")]))
        .unwrap();
    assert_eq!(SearchMedia::read(form).unwrap_err().message, Refusal::missing("Sort.Order").message);
    let deep = Fields::of_json(br#"{"FileId":"1","DeleteParts":[{"Type":"A","Definition":"x"}]}"#).unwrap();
    let refusal = DeleteMedia::read(deep).unwrap_err();
    assert!(refusal.message.contains("DeleteParts.0.Definition"), "{refusal}");
}

#[test]
fn pages_have_the_vendor_s_limits() {
    let read = |body: &str| SearchMedia::read(Fields::of_json(body.as_bytes()).unwrap());
    let found = read("{}").unwrap();
    assert_eq!((found.offset, found.limit, found.ascending), (0, 10, false));
    assert_eq!(read(r#"{"Offset":4990,"Limit":10}"#).unwrap().offset, 4990);
    for (body, code) in [
        (r#"{"Offset":4991}"#, Code::LimitTooLarge),
        (r#"{"Offset":5000}"#, Code::OffsetTooLarge),
        (r#"{"Offset":-1}"#, Code::InvalidOffset),
        (r#"{"Limit":-1}"#, Code::InvalidLimit),
        (r#"{"Limit":9223372036854775807}"#, Code::InvalidLimit),
        (r#"{"Sort":{"Field":"Name","Order":"Asc"}}"#, Code::InvalidSort),
        (r#"{"Text":"x"}"#, Code::UnknownParameter),
    ] {
        assert_eq!(read(body).unwrap_err().code, code, "{body}");
    }
}

#[test]
fn every_answer_has_a_request_id() {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert_eq!(text(answer((), "r").unwrap()), r#"{"Response":{"RequestId":"r"}}"#);
    assert_eq!(text(answer(Value::Null, "r").unwrap()), r#"{"Response":{"RequestId":"r"}}"#);
    assert_eq!(text(answer(json!({"A": 1}), "r").unwrap()), r#"{"Response":{"A":1,"RequestId":"r"}}"#);
    let refused = refusal(&Refusal::missing("FileIds"), "r");
    let expected = r#"{"Response":{"Error":{"Code":"MissingParameter","Message":"the request lacks the parameter FileIds; add it"},"RequestId":"r"}}"#;
    assert_eq!(text(refused), expected);
}

proptest! {
    #[test]
    fn nothing_panics(text in ".{0,200}", names in prop::collection::vec(("[A-Z.0-9]{0,24}", ".{0,8}"), 0..20), now: i64) {
        if let Ok(found) = tc3::Authorization::parse(&text) {
            let _ = found.verify(SECRET_KEY, &post(&[], &text), now, now);
        }
        let names: Vec<(String, String)> = names;
        if let Ok(fields) = Fields::of_pairs(&names) {
            let _ = SearchMedia::read(fields.clone());
            let _ = DeleteMedia::read(fields.clone());
            let _ = DescribeMediaInfos::read(fields);
        }
        if let Ok(signed) = form::Signed::of(&names) {
            let _ = signed.verify(SECRET_KEY, "POST", &text, "/", now);
        }
        let _ = Fields::of_json(text.as_bytes());
    }
}
