//! `reelgate openapi`: the OpenAPI document of `/v1`.

use super::exit::Failure;
use super::tell;
use crate::http::api;

pub(super) fn run() -> Result<(), Failure> {
    Ok(tell::line(api::document().trim_end())?)
}
