//! Error codes of the object leg and their HTTP status (wire reference 3.5).

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $status:literal);+ $(;)?) => {
        /// What goes into `<Code>` of an error answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant),+ }

        impl ErrorCode {
            const ALL: &[Self] = &[$(Self::$variant),+];

            /// The HTTP status that goes with it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

codes! {
    /// No right to do this, or a passed key time.
    AccessDenied = "AccessDenied", 403;
    /// An S3 `Authorization` header cannot be read.
    AuthorizationHeaderMalformed = "AuthorizationHeaderMalformed", 400;
    /// The signature of a presigned S3 URL cannot be read.
    AuthorizationQueryParametersError = "AuthorizationQueryParametersError", 400;
    /// `Content-MD5` or a checksum differs from the bytes.
    BadDigest = "BadDigest", 400;
    /// More bytes than permitted.
    EntityTooLarge = "EntityTooLarge", 400;
    /// A part other than the last is below the minimum.
    EntityTooSmall = "EntityTooSmall", 400;
    /// The temporary credential has ended.
    ExpiredToken = "ExpiredToken", 403;
    /// Fewer bytes than announced.
    IncompleteBody = "IncompleteBody", 400;
    /// Our fault.
    InternalError = "InternalError", 500;
    /// Unknown access key.
    InvalidAccessKeyId = "InvalidAccessKeyId", 403;
    /// A parameter or header is not usable.
    InvalidArgument = "InvalidArgument", 400;
    /// `Content-MD5` is not a digest.
    InvalidDigest = "InvalidDigest", 400;
    /// Complete names a part that is not there or has another ETag.
    InvalidPart = "InvalidPart", 400;
    /// Complete's parts are not in ascending order.
    InvalidPartOrder = "InvalidPartOrder", 400;
    /// The range lies outside the object.
    InvalidRange = "InvalidRange", 416;
    /// The request contradicts itself or the state of the upload.
    InvalidRequest = "InvalidRequest", 400;
    /// The path cannot be decoded.
    InvalidUri = "InvalidURI", 400;
    /// The body is not the expected XML.
    MalformedXml = "MalformedXML", 400;
    /// The trailers of an `aws-chunked` body cannot be read.
    MalformedTrailerError = "MalformedTrailerError", 400;
    /// The method is not offered here.
    MethodNotAllowed = "MethodNotAllowed", 405;
    /// A length is needed.
    MissingContentLength = "MissingContentLength", 411;
    /// No such bucket.
    NoSuchBucket = "NoSuchBucket", 404;
    /// No such object.
    NoSuchKey = "NoSuchKey", 404;
    /// No such multipart upload.
    NoSuchUpload = "NoSuchUpload", 404;
    /// The operation is not built.
    NotImplemented = "NotImplemented", 501;
    /// The other write is still going on.
    OperationAborted = "OperationAborted", 409;
    /// A condition of the request does not hold.
    PreconditionFailed = "PreconditionFailed", 412;
    /// The body came too slowly.
    RequestTimeout = "RequestTimeout", 400;
    /// The clocks differ too much.
    RequestTimeTooSkewed = "RequestTimeTooSkewed", 403;
    /// Temporarily out of service.
    ServiceUnavailable = "ServiceUnavailable", 503;
    /// The signature does not match.
    SignatureDoesNotMatch = "SignatureDoesNotMatch", 403;
    /// Too many requests.
    SlowDown = "SlowDown", 503;
    /// The body has another SHA-256 than the signed one.
    ContentSha256Mismatch = "XAmzContentSHA256Mismatch", 400;
}

impl ErrorCode {
    /// The code of that spelling.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_vendors_and_read_back() {
        assert_eq!(ErrorCode::MalformedXml.as_str(), "MalformedXML");
        assert_eq!(ErrorCode::NoSuchUpload.as_str(), "NoSuchUpload");
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(code.as_str()), Some(*code));
            assert!((400..600).contains(&code.status()), "{code:?}");
        }
    }
}
