//! The headers of tus: any text is read or refused; metadata that was read is written so that it reads the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use reelgate_wire::tus::{Expected, Metadata, bytes};

fuzz_target!(|text: &str| {
    if let Ok(metadata) = Metadata::parse(text) {
        assert_eq!(Metadata::parse(&metadata.to_header()), Ok(metadata));
    }
    let _ = Expected::parse(text);
    if let Ok(number) = bytes("Upload-Offset", Some(text)) {
        assert_eq!(text.parse(), Ok(number));
    }
});
