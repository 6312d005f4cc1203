//! Framed bodies: any body is decoded or refused, alike however it is split; what is decoded has the announced length.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use reelgate_wire::s3::chunked::{Decoder, Refusal};
use reelgate_wire::s3::sigv4::{ChunkKey, Request, Signer, Stamp};

fuzz_target!(|data: &[u8]| {
    // Two bytes say how long the object is and where the body is split.
    let [announced, step, body @ ..] = data else { return };
    let (announced, step) = (u64::from(*announced), usize::from(*step).max(1));
    for (signed, trailer) in [(false, true), (true, false), (true, true)] {
        let decoder = || Decoder::new(signed.then(key), trailer, announced);
        let whole = decode(decoder(), body, body.len().max(1));
        assert_eq!(decode(decoder(), body, step), whole);
        if let Ok((object, _)) = whole {
            assert_eq!(object.len() as u64, announced);
        }
    }
});

type Decoded = (Vec<u8>, Vec<(String, String)>);

fn decode(mut decoder: Decoder, body: &[u8], step: usize) -> Result<Decoded, Refusal> {
    let mut object = Vec::new();
    for piece in body.chunks(step) {
        decoder.push(Bytes::copy_from_slice(piece), &mut object)?;
    }
    Ok((object.concat(), decoder.finish()?.to_vec()))
}

/// Of the request that the seeds belong to.
fn key() -> ChunkKey {
    let headers = [
        ("host", "h"),
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
        ("x-amz-date", "20231114T221320Z"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let payload_hash = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let request = Request { method: "PUT", path: "/b/k", query: &[], headers: &headers, payload_hash };
    Signer::new("AKID", "secret", "eu").authorization(&request, &Stamp::of(1_700_000_000)).1
}
