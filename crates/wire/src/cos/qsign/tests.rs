use super::*;
use crate::cos::ErrorCode;

const SECRET: &str = "TEMPKEYexample0001";
const NOW: i64 = 1_700_000_100;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A request as a case of the tests writes it.
struct Case {
    method: &'static str,
    path: &'static str,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Case {
    fn request(&self) -> Request<'_> {
        Request { method: self.method, path: self.path, query: &self.query, headers: &self.headers }
    }

    fn signed(&self) -> String {
        Signer::new("AKIDtmp", SECRET, 1_700_000_000, 1_700_007_200).authorization(&self.request())
    }
}

fn part() -> Case {
    Case {
        method: "PUT",
        path: "/9f3c1a77vodtst1250000001/5a1b2c3d/a b中.mp4",
        query: pairs(&[("partNumber", "2"), ("uploadId", "1700000000abcDEF+/=")]),
        headers: pairs(&[("Content-Length", "8388608")]),
    }
}

fn listing() -> Case {
    Case {
        method: "GET",
        path: "/",
        query: pairs(&[("uploads", ""), ("prefix", "9f3c1a77vodtst1250000001/5a1b2c3d/a b中.mp4")]),
        headers: Vec::new(),
    }
}

fn cover() -> Case {
    Case {
        method: "PUT",
        path: "/cover.png",
        query: Vec::new(),
        headers: pairs(&[
            ("Content-Length", "5"),
            ("Host", "vodtest-1250000001.cos.ap-test-1.myqcloud.com"),
            ("x-cos-security-token", "TOKEN/123=="),
        ]),
    }
}

#[test]
fn the_published_vectors_are_made_and_verified() {
    for (case, lists, signature) in [
        (
            part(),
            "content-length&q-url-param-list=partnumber;uploadid",
            "0226880a7cf8adebe2ed04fae0d36cfa2ff9a697",
        ),
        (listing(), "&q-url-param-list=prefix;uploads", "849003c6fc6a86671a977fa2d8eea53517c8d9c8"),
        (
            cover(),
            "content-length;host;x-cos-security-token&q-url-param-list=",
            "28f82cdd14dc8d3c7e250e1aa623f85a95ab9d36",
        ),
    ] {
        let header = case.signed();
        let time = "1700000000;1700007200";
        assert_eq!(
            header,
            format!(
                "q-sign-algorithm=sha1&q-ak=AKIDtmp&q-sign-time={time}&q-key-time={time}&q-header-list={lists}&q-signature={signature}"
            )
        );
        let authorization = Authorization::from_header(&header).unwrap();
        assert_eq!(authorization.access_key, "AKIDtmp");
        authorization.check_window(NOW).unwrap();
        authorization.verify(SECRET, &case.request()).unwrap();
    }
}

#[test]
fn the_sign_key_is_the_published_one() {
    let time = KeyTime::new(1_700_000_000, 1_700_007_200);
    assert_eq!(canonical::sign_key(SECRET, &time), "7aeab61ceee7e3f5fb52efcf0a3ed9a13917ed7b");
}

/// A listing captured from cos-python-sdk-v5 1.9.44 (wire reference 3.6).
#[test]
fn the_captured_python_listing_verifies() {
    let case = Case {
        method: "GET",
        path: "/",
        query: pairs(&[
            ("uploads", ""),
            ("prefix", "9f3c/5a1b/a b中.mp4"),
            ("delimiter", ""),
            ("key-marker", ""),
            ("upload-id-marker", ""),
            ("max-uploads", "1000"),
            ("encoding-type", "url"),
        ]),
        headers: pairs(&[
            ("Host", "vodtest-1250000001.cos.ap-test-1.myqcloud.com"),
            ("x-cos-security-token", "TOKEN123"),
            ("User-Agent", "cos-python-sdk-v5.1.9.44"),
        ]),
    };
    let header = "q-sign-algorithm=sha1&q-ak=AKIDtmp&q-sign-time=1795442250;1795452310&q-key-time=1795442250;1795452310\
        &q-header-list=host;x-cos-security-token\
        &q-url-param-list=delimiter;encoding-type;key-marker;max-uploads;prefix;upload-id-marker;uploads\
        &q-signature=209b4b8c7a010693fef9b17db773f4ecdb15a362";
    Authorization::from_header(header).unwrap().verify("TEMPKEY", &case.request()).unwrap();
}

#[test]
fn a_signed_host_may_lack_the_port_of_the_host_header() {
    let with_port = |host: &str| Case { headers: pairs(&[("host", host)]), ..cover() };
    let signed_bare = Authorization::from_header(&with_port("127.0.0.1").signed()).unwrap();
    signed_bare.verify(SECRET, &with_port("127.0.0.1:8443").request()).unwrap();
    let signed_full = Authorization::from_header(&with_port("[::1]:8443").signed()).unwrap();
    signed_full.verify(SECRET, &with_port("[::1]:8443").request()).unwrap();
    let other = signed_full.verify(SECRET, &with_port("[::2]:8443").request()).unwrap_err();
    assert_eq!(other.code(), ErrorCode::SignatureDoesNotMatch);
}

#[test]
fn any_other_request_is_refused() {
    let authorization = Authorization::from_header(&part().signed()).unwrap();
    let refuse = |case: Case, expected: ErrorCode| {
        assert_eq!(authorization.verify(SECRET, &case.request()).unwrap_err().code(), expected);
    };
    let mismatch = ErrorCode::SignatureDoesNotMatch;
    refuse(Case { method: "POST", ..part() }, mismatch);
    refuse(Case { path: "/other.mp4", ..part() }, mismatch);
    let other_part = pairs(&[("partNumber", "3"), ("uploadId", "1700000000abcDEF+/=")]);
    refuse(Case { query: other_part, ..part() }, mismatch);
    refuse(Case { query: pairs(&[("partNumber", "2")]), ..part() }, mismatch);
    refuse(Case { headers: pairs(&[("Content-Length", "8388609")]), ..part() }, mismatch);
    refuse(Case { headers: Vec::new(), ..part() }, mismatch);
    let twice = [part().query, pairs(&[("PARTNUMBER", "9")])].concat();
    refuse(Case { query: twice, ..part() }, mismatch);
    let uncovered = [part().query, pairs(&[("uploads", "")])].concat();
    refuse(Case { query: uncovered, ..part() }, ErrorCode::AccessDenied);
    let typed = [part().query, pairs(&[("response-content-type", "text/html")])].concat();
    refuse(Case { query: typed, ..part() }, ErrorCode::AccessDenied);
    assert_eq!(authorization.verify("other", &part().request()).unwrap_err().code(), mismatch);
}

#[test]
fn parameters_that_steer_nothing_need_no_cover() {
    let authorization = Authorization::from_header(&part().signed()).unwrap();
    let more = Case { query: [part().query, pairs(&[("x-id", "UploadPart")])].concat(), ..part() };
    authorization.verify(SECRET, &more.request()).unwrap();
}

#[test]
fn the_window_ends_with_the_vendors_words() {
    let authorization = Authorization::from_header(&part().signed()).unwrap();
    let check =
        |now: i64| authorization.check_window(now).map_err(|refusal| (refusal.code(), refusal.to_string()));
    check(1_700_000_000 - START_TOLERANCE).unwrap();
    check(1_700_007_200).unwrap();
    assert_eq!(check(1_699_999_939).unwrap_err().0, ErrorCode::RequestTimeTooSkewed);
    assert_eq!(check(1_700_007_201), Err((ErrorCode::AccessDenied, "Request has expired".to_owned())));
}

#[test]
fn a_presigned_url_carries_the_same_fields() {
    let header = part().signed();
    let presigned: Vec<(String, String)> = header
        .split('&')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .chain(part().query)
        .collect();
    let authorization = Authorization::from_query(&presigned).unwrap().unwrap();
    authorization.verify(SECRET, &Case { query: presigned, ..part() }.request()).unwrap();
    assert_eq!(Authorization::from_query(&part().query), Ok(None));
}

#[test]
fn what_is_no_signature_is_refused_with_the_reason() {
    let good = part().signed();
    for (text, reason) in [
        (String::new(), "q-sign-algorithm is missing"),
        ("AWS4-HMAC-SHA256 Credential=x".to_owned(), "q-sign-algorithm is missing"),
        (good.replace("=sha1", "=sha256"), "not sha1"),
        (good.replace("q-sign-time=1700000000;", "q-sign-time=1700009000;"), "q-sign-time"),
        (good.replace("q-key-time=1700000000;", "q-key-time=+700000000;"), "q-key-time"),
        (format!("{good}0"), "q-signature is not 40"),
        (good.to_uppercase().replace("Q-", "q-"), "missing"),
        (format!("{good}&q-ak=other"), "q-ak is given twice"),
        (good.replace("AKIDtmp", ""), "q-ak is empty"),
        (good.replace("content-length", &"x;".repeat(3000)), "more than 4096"),
    ] {
        let refusal = Authorization::from_header(&text).unwrap_err();
        assert!(refusal.to_string().contains(reason), "{text}: {refusal}");
    }
}

#[test]
fn debug_leaves_the_signature_and_the_key_out() {
    let header = part().signed();
    let shown =
        format!("{:?} {:?}", Authorization::from_header(&header).unwrap(), Signer::new("a", SECRET, 1, 2));
    assert!(!shown.contains("0226880a") && !shown.contains(SECRET), "{shown}");
}

proptest::proptest! {
    #[test]
    fn no_header_makes_it_panic(text in "(q-[a-z-]{2,16}=[0-9;a-z]{0,20}&?){0,8}\\PC{0,20}") {
        if let Ok(authorization) = Authorization::from_header(&text) {
            let _ = authorization.verify(SECRET, &part().request());
            let _ = authorization.check_window(0);
        }
    }

    #[test]
    fn whatever_is_signed_verifies(path in "/\\PC{0,30}", value in "\\PC{0,30}", header in "[!-~]{0,30}") {
        let query = pairs(&[("prefix", &value), ("uploads", "")]);
        let headers = pairs(&[("X-Cos-Meta", &header), ("Host", "h:1")]);
        let request = Request { method: "PUT", path: &path, query: &query, headers: &headers };
        let signed = Signer::new("AKID", SECRET, 0, 10).authorization(&request);
        proptest::prop_assert!(Authorization::from_header(&signed).unwrap().verify(SECRET, &request).is_ok());
    }
}
