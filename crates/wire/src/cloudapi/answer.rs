//! The envelope of every answer (wire reference 4.1).

use serde::Serialize;

use super::Refusal;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<T> {
    response: Response<T>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<T> {
    #[serde(flatten)]
    content: T,
    request_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
}

/// The body of a successful answer. `content` is a structure or a map; `()` and null give an answer with nothing but the
/// `RequestId`.
///
/// # Errors
/// `content` is something else, such as a list.
pub fn answer<T: Serialize>(content: T, request_id: &str) -> serde_json::Result<Vec<u8>> {
    envelope(content, request_id)
}

/// The body of an answer that refuses. HTTP status 200 goes with it, too: clients read no other.
pub fn refusal(refusal: &Refusal, request_id: &str) -> Vec<u8> {
    let error = Error { code: refusal.code.as_str(), message: &refusal.message };
    envelope(Failed { error }, request_id).unwrap_or_default()
}

fn envelope<T: Serialize>(content: T, request_id: &str) -> serde_json::Result<Vec<u8>> {
    let response = Response { content, request_id: request_id.to_owned() };
    serde_json::to_vec(&Envelope { response })
}
