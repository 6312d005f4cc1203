//! XML bodies: any body is read or refused; what was read and written once is read and written the same from then on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use reelgate_wire::cos::xml::{
    CompleteMultipartUpload, CompleteMultipartUploadResult, Error, InitiateMultipartUploadResult,
    ListMultipartUploadsResult, ListPartsResult,
};

macro_rules! settles {
    ($kind:ty, $body:expr) => {
        if let Ok(first) = <$kind>::parse($body) {
            let written = first.to_xml();
            // Characters that XML cannot hold are replaced, which may leave less than is needed.
            if let Ok(second) = <$kind>::parse(written.as_bytes()) {
                let again = second.to_xml();
                assert_eq!(<$kind>::parse(again.as_bytes()), Ok(second));
            }
        }
    };
}

fuzz_target!(|body: &[u8]| {
    settles!(CompleteMultipartUpload, body);
    settles!(CompleteMultipartUploadResult, body);
    settles!(Error, body);
    settles!(InitiateMultipartUploadResult, body);
    settles!(ListMultipartUploadsResult, body);
    settles!(ListPartsResult, body);
});
