//! The client upload signature: any text is decoded or refused; what decodes can be signed again and verifies then.

#![no_main]

use libfuzzer_sys::fuzz_target;
use reelgate_wire::upload_signature::{Unverified, sign_original};

const KEY: &[u8] = b"secret";

fuzz_target!(|text: &str| {
    // As it came, and as the original of a signature that is right.
    for text in [text.to_owned(), sign_original(KEY, text)] {
        let Ok(unverified) = Unverified::decode(&text) else { continue };
        let again =
            Unverified::decode(&sign_original(KEY, unverified.original())).expect("it was decoded before");
        assert_eq!(again.parameters(), unverified.parameters());
        let verified = again.verify(KEY).expect("it was signed with this key");
        let _ = verified.parameters().check_window(1_700_000_000);
        let _ = verified.parameters().check_ranges();
        let _ = unverified.verify(b"another");
    }
});
