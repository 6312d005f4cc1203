//! Error codes (wire reference 4.3; the common ones are the vendor's public list).

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// What goes into `Error.Code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant),+ }

        impl Code {
            /// The code on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
    };
}

codes! {
    /// The `Authorization` header cannot be read.
    InvalidAuthorization = "AuthFailure.InvalidAuthorization",
    /// Nobody has this SecretId (any more).
    SecretIdNotFound = "AuthFailure.SecretIdNotFound",
    /// The clocks differ too much.
    SignatureExpire = "AuthFailure.SignatureExpire",
    /// The signature was made from something else, or with another key.
    SignatureFailure = "AuthFailure.SignatureFailure",
    /// A token that does not belong to the key.
    TokenFailure = "AuthFailure.TokenFailure",
    /// The key does not reach what it asks for.
    UnauthorizedOperation = "AuthFailure.UnauthorizedOperation",
    /// The state does not allow it.
    FailedOperation = "FailedOperation",
    /// Our fault.
    InternalError = "InternalError",
    /// No such action.
    InvalidAction = "InvalidAction",
    /// A parameter has the wrong type or form.
    InvalidParameter = "InvalidParameter",
    /// A parameter has the right type and a value that is not good.
    InvalidParameterValue = "InvalidParameterValue",
    /// Not a FileId of the application.
    InvalidFileId = "InvalidParameterValue.FileId",
    /// A list of FileIds that holds something else.
    InvalidFileIds = "InvalidParameterValue.FileIds",
    /// No FileIds at all.
    FileIdsEmpty = "InvalidParameterValue.FileIdsEmpty",
    /// More FileIds than are taken at once.
    FileIdsTooMany = "InvalidParameterValue.FileIdsTooMany",
    /// Filters that nobody knows.
    InvalidFilters = "InvalidParameterValue.Filters",
    /// Limit out of range.
    InvalidLimit = "InvalidParameterValue.Limit",
    /// Limit above the maximum.
    LimitTooLarge = "InvalidParameterValue.LimitTooLarge",
    /// Offset out of range.
    InvalidOffset = "InvalidParameterValue.Offset",
    /// Offset above the maximum.
    OffsetTooLarge = "InvalidParameterValue.OffsetTooLarge",
    /// An order that is not offered.
    InvalidSort = "InvalidParameterValue.Sort",
    /// Not an application of the caller.
    InvalidSubAppId = "InvalidParameterValue.SubAppId",
    /// Not a task of the application.
    InvalidTaskId = "InvalidParameterValue.TaskId",
    /// A required parameter is not there.
    MissingParameter = "MissingParameter",
    /// Another version of the API.
    NoSuchVersion = "NoSuchVersion",
    /// Too many requests.
    RequestLimitExceeded = "RequestLimitExceeded",
    /// Too many bytes in one request.
    RequestSizeLimitExceeded = "RequestSizeLimitExceeded",
    /// The file was there and is not any more, or never was.
    FileNotExist = "ResourceNotFound.FileNotExist",
    /// A parameter that this action does not have here.
    UnknownParameter = "UnknownParameter",
    /// Neither GET nor POST.
    UnsupportedProtocol = "UnsupportedProtocol",
}
