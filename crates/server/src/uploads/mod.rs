//! Uploads: from a signature that was shown to a media that exists. One file for each verb.

pub mod grant;
