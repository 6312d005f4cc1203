use super::*;
use crate::cos::ErrorCode;

fn parts(body: &str) -> Result<Vec<(u32, String)>, XmlError> {
    let request = CompleteMultipartUpload::parse(body.as_bytes())?;
    Ok(request.parts.into_iter().map(|part| (part.number, part.etag)).collect())
}

/// The bodies that clients were seen to send (observed traffic, sections 1, 2 and 5).
#[test]
fn every_spelling_of_complete_is_read() {
    let expected = Ok(vec![(1, "2fe6".to_owned()), (2, "abcd".to_owned())]);
    for body in [
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;2fe6&quot;</ETag></Part><Part><PartNumber>2</PartNumber><ETag>&quot;abcd&quot;</ETag></Part></CompleteMultipartUpload>"#,
        r#"<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Part><ETag>"2fe6"</ETag><PartNumber>1</PartNumber></Part><Part><ETag>"abcd"</ETag><PartNumber>2</PartNumber></Part></CompleteMultipartUpload>"#,
        "<CompleteMultipartUpload>\r\n  <Part>\n <PartNumber> 1 </PartNumber><ETag> 2fe6 </ETag><ChecksumCRC32>AAAA</ChecksumCRC32></Part><Part><PartNumber>2</PartNumber><ETag>&#34;abcd&#x22;</ETag></Part>\n</CompleteMultipartUpload>\n",
        r#"<c:CompleteMultipartUpload xmlns:c="u"><c:Part><c:PartNumber>1</c:PartNumber><c:ETag><![CDATA["2fe6"]]></c:ETag></c:Part><c:Part><c:PartNumber>2</c:PartNumber><c:ETag>abcd</c:ETag></c:Part></c:CompleteMultipartUpload>"#,
        "\u{feff}<!-- c --><CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>2fe6</ETag></Part><Part><PartNumber>2</PartNumber><ETag>abcd</ETag></Part></CompleteMultipartUpload>",
    ] {
        assert_eq!(parts(body), expected, "{body}");
    }
}

#[test]
fn what_is_no_complete_is_refused_with_the_reason() {
    let one = |number: &str, etag: &str| {
        format!(
            "<CompleteMultipartUpload><Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
        )
    };
    for (body, reason) in [
        (String::new(), "ends before its root"),
        ("<CompleteMultipartUpload>".to_owned(), "ends before"),
        ("<CompleteMultipartUpload/>".to_owned(), "no Part"),
        ("<Other/>".to_owned(), "root element is"),
        ("<a/><CompleteMultipartUpload/>".to_owned(), "more than one root"),
        ("<a></b>".to_owned(), "not well-formed"),
        ("text<a/>".to_owned(), "text outside"),
        (one("0", "x"), "outside 1 to 10000"),
        (one("10001", "x"), "outside 1 to 10000"),
        (one("-1", "x"), "not a number"),
        (one("1", ""), "no ETag"),
        (one("1", "&xxe;"), "entity"),
        (one("1", "&#xD800;"), "entity"),
        (format!("<!DOCTYPE a [<!ENTITY x \"y\">]>{}", one("1", "&x;")), "document type"),
        ("<a>".repeat(100), "deeper than"),
        (" ".repeat(MAX_BYTES + 1), "more than 1048576"),
    ] {
        let error = parts(&body).unwrap_err();
        assert_eq!(error.code(), ErrorCode::MalformedXml);
        assert!(error.to_string().contains(reason), "{}: {error}", &body[..body.len().min(80)]);
    }
    assert!(CompleteMultipartUpload::parse(&[0xff, 0xfe, b'<']).is_err());
}

#[test]
fn parts_out_of_order_have_their_own_code() {
    let two = |first: u32, second: u32| {
        CompleteMultipartUpload {
            parts: [first, second].map(|number| CompletedPart { number, etag: "e".to_owned() }).to_vec(),
        }
        .to_xml()
    };
    assert_eq!(parts(&two(1, 7)).unwrap().len(), 2);
    assert_eq!(parts(&two(2, 1)).unwrap_err().code(), ErrorCode::InvalidPartOrder);
    assert_eq!(parts(&two(2, 2)), Err(XmlError::PartOrder { number: 2, previous: 2 }));
}

#[test]
fn ten_thousand_parts_fit() {
    let etag = "0123456789abcdef0123456789abcdef".to_owned();
    let request = CompleteMultipartUpload {
        parts: (1..=MAX_PARTS).map(|number| CompletedPart { number, etag: etag.clone() }).collect(),
    };
    let body = request.to_xml();
    assert!(body.len() <= MAX_BYTES, "{} bytes", body.len());
    assert_eq!(CompleteMultipartUpload::parse(body.as_bytes()), Ok(request));
}

fn parts_result() -> ListPartsResult {
    ListPartsResult {
        bucket: "vodtest-1250000001".to_owned(),
        url_encoded: false,
        key: "9f3c/5a1b/a & b.mp4".to_owned(),
        upload_id: "1700000000c0ffee".to_owned(),
        part_number_marker: 0,
        next_part_number_marker: None,
        max_parts: 1000,
        parts: vec![ListedPart {
            number: 1,
            last_modified: "2023-11-14T22:13:25.000Z".to_owned(),
            etag: "0cc175b9c0f1b6a831c399e269772661".to_owned(),
            size: 8_388_608,
        }],
    }
}

#[test]
fn list_parts_is_written_as_the_reference_has_it() {
    let result = parts_result();
    assert_eq!(
        result.to_xml(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListPartsResult><Bucket>vodtest-1250000001</Bucket><Encoding-type/>\
         <Key>9f3c/5a1b/a &amp; b.mp4</Key><UploadId>1700000000c0ffee</UploadId>\
         <Initiator><ID>1</ID><DisplayName>1</DisplayName></Initiator><Owner><ID>1</ID><DisplayName>1</DisplayName></Owner>\
         <PartNumberMarker>0</PartNumberMarker><Part><PartNumber>1</PartNumber>\
         <LastModified>2023-11-14T22:13:25.000Z</LastModified><ETag>\"0cc175b9c0f1b6a831c399e269772661\"</ETag>\
         <Size>8388608</Size></Part><StorageClass>Standard</StorageClass><MaxParts>1000</MaxParts>\
         <IsTruncated>false</IsTruncated></ListPartsResult>"
    );
    assert_eq!(ListPartsResult::parse(result.to_xml().as_bytes()), Ok(result));
}

#[test]
fn truncated_and_encoded_listings_read_back() {
    let truncated = ListPartsResult {
        url_encoded: true,
        key: "a b+中/x%.mp4".to_owned(),
        part_number_marker: 3,
        next_part_number_marker: Some(4),
        ..parts_result()
    };
    let body = truncated.to_xml();
    assert!(body.contains("<Key>a%20b%2B%E4%B8%AD/x%25.mp4</Key>"), "{body}");
    assert!(body.contains("<NextPartNumberMarker>4</NextPartNumberMarker>"), "{body}");
    assert_eq!(ListPartsResult::parse(body.as_bytes()), Ok(truncated));

    let uploads = ListMultipartUploadsResult {
        bucket: "vodtest-1250000001".to_owned(),
        url_encoded: true,
        key_marker: "k m".to_owned(),
        upload_id_marker: "u".to_owned(),
        next: Some(("k n".to_owned(), "v".to_owned())),
        max_uploads: 1,
        prefix: "9f3c/中".to_owned(),
        delimiter: "/".to_owned(),
        uploads: vec![ListedUpload {
            key: "9f3c/中 1.mp4".to_owned(),
            upload_id: "id".to_owned(),
            initiated: "2023-11-14T22:13:20.000Z".to_owned(),
        }],
    };
    assert_eq!(ListMultipartUploadsResult::parse(uploads.to_xml().as_bytes()), Ok(uploads.clone()));
    let plain = ListMultipartUploadsResult { url_encoded: false, next: None, ..uploads };
    assert!(plain.to_xml().contains("<Key>9f3c/中 1.mp4</Key>"));
    assert_eq!(ListMultipartUploadsResult::parse(plain.to_xml().as_bytes()), Ok(plain));
}

#[test]
fn the_other_answers_read_back() {
    let initiated = InitiateMultipartUploadResult {
        bucket: "b-1".to_owned(),
        key: "k<&>\"'.mp4".to_owned(),
        upload_id: "u".to_owned(),
    };
    assert_eq!(InitiateMultipartUploadResult::parse(initiated.to_xml().as_bytes()), Ok(initiated));
    let completed = CompleteMultipartUploadResult {
        location: "http://h/k?a=1&b=2".to_owned(),
        bucket: "b-1".to_owned(),
        key: "k".to_owned(),
        etag: "d3f0-3".to_owned(),
    };
    assert!(completed.to_xml().contains("<ETag>\"d3f0-3\"</ETag>"));
    assert_eq!(CompleteMultipartUploadResult::parse(completed.to_xml().as_bytes()), Ok(completed));
    let error = Error::new(ErrorCode::NoSuchUpload, "upload <x> not found", "/9f3c/Kq3xZp.mp4", "NjRi");
    for element in ["Code", "Message", "Resource", "RequestId", "TraceId"] {
        assert!(error.to_xml().contains(&format!("<{element}>")), "{element}");
    }
    assert_eq!(Error::parse(error.to_xml().as_bytes()), Ok(error));
}

#[test]
fn characters_that_xml_cannot_hold_do_not_break_the_answer() {
    let error = Error { message: "a\u{1}b\rc".to_owned(), ..Error::default() };
    assert_eq!(Error::parse(error.to_xml().as_bytes()).unwrap().message, "a\u{fffd}b\u{fffd}c");
}

proptest::proptest! {
    #[test]
    fn no_body_makes_it_panic(body in "(<[a-zA-Z!?/]{0,24}>|[ -~]{0,8}|&[a-z#0-9]{0,6};){0,30}", bytes in proptest::prelude::any::<Vec<u8>>()) {
        let _ = CompleteMultipartUpload::parse(body.as_bytes());
        let _ = ListPartsResult::parse(&bytes);
        let _ = Error::parse(&bytes);
    }
}
