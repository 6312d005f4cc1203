//! `GET|POST /getUploadSignature`: the shape and the defaults of the vendor's sample service (document 584/9371), so
//! that an application written against it only changes the address. Unlike the sample it wants an API key: an open
//! signature service gives the storage away. No CORS headers: origins would have to be allow-listed first.

use std::str::FromStr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::app::App;
use crate::dispatch::{self, Order};
use crate::http::{Caller, Problem, Sign};

/// The sample's answer: `{"code":0,"message":"ok","data":{"signature":"…"}}`. Keys come from the query or from a form
/// or JSON body: `procedure`, `classId`, `oneTimeValid`, `sourceContext`, `sessionContext`.
/// As in the sample, no procedure runs unless one is named.
pub async fn issue(
    State(app): State<App>,
    caller: Result<Caller<Sign>, Problem>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match answer(&app, caller, query.as_deref().unwrap_or(""), &headers, &body).await {
        Ok(signature) => {
            Json(json!({"code": 0, "message": "ok", "data": {"signature": signature}})).into_response()
        }
        Err(problem) => refusal(&problem),
    }
}

async fn answer(
    app: &App,
    caller: Result<Caller<Sign>, Problem>,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, Problem> {
    let caller = caller?;
    let order = Keys::read(query, headers, body)?.order()?;
    let issued = dispatch::issue_sample(app, &caller.scope, &caller.key.id, order).await?;
    Ok(issued.signature.expose_secret().to_owned())
}

/// Clients of the sample look at `code` and `message` only; the HTTP status says the same.
fn refusal(problem: &Problem) -> Response {
    let status = problem.status();
    let body = json!({"code": status.as_u16(), "message": problem.detail()});
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    }
    response
}

/// Keys and their values; later ones win.
struct Keys(Vec<(String, String)>);

impl Keys {
    fn read(query: &str, headers: &HeaderMap, body: &[u8]) -> Result<Self, Problem> {
        let mut keys = Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect());
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        if kind.starts_with("application/x-www-form-urlencoded") {
            keys.0.extend(form_urlencoded::parse(body).into_owned());
        } else if !body.is_empty() {
            keys.add_json(body)?;
        }
        Ok(keys)
    }

    fn add_json(&mut self, body: &[u8]) -> Result<(), Problem> {
        let refused =
            |_| Problem::invalid("the body is neither a form nor a JSON object; send one of them, or none");
        let members: serde_json::Map<String, Value> = serde_json::from_slice(body).map_err(refused)?;
        for (name, value) in members {
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                Value::Bool(flag) => u8::from(flag).to_string(),
                other => other.to_string(),
            };
            self.0.push((name, text));
        }
        Ok(())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn number<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, Problem> {
        let text = self.text(name).filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|_| Problem::invalid(format!("{name} must be {wanted}"))))
            .transpose()
    }

    fn order(&self) -> Result<Order, Problem> {
        let text = |name| self.text(name).unwrap_or_default().to_owned();
        let one_time = match self.number::<u8>("oneTimeValid", "0 or 1")? {
            None | Some(0) => false,
            Some(1) => true,
            Some(_) => return Err(Problem::invalid("oneTimeValid must be 0 or 1")),
        };
        Ok(Order {
            procedure: self.text("procedure").map(str::to_owned),
            source_context: text("sourceContext"),
            session_context: text("sessionContext"),
            class_id: self.number("classId", "an integer")?.unwrap_or(0),
            one_time,
            ..Order::default()
        })
    }
}
