//! `GET|POST /getUploadSignature`: the shape and the defaults of the vendor's sample service (document 584/9371), so
//! that an application written against it only changes the address; by configuration (`dispatch.sample_shape`) also the
//! shapes of the vendor's two demo backends. Unlike the sample it wants a credential: an open signature service gives
//! the storage away.

use std::str::FromStr;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::asking::{Asking, ORDER};
use super::issue_signature::Refused;
use crate::app::App;
use crate::config::SampleShape;
use crate::dispatch::{self, Form, Order};
use crate::http::Problem;

/// The sample's answer. Keys come from the query or from a form or JSON body: `procedure`, `classId`, `oneTimeValid`,
/// `sourceContext`, `sessionContext`, and ours: `user`, `validSeconds`, `maxSize`, `maxDuration`, `storageRegion`.
/// As in the sample, no procedure runs unless one is named.
pub async fn issue(State(app): State<App>, request: Request) -> Response {
    let shape = app.config.dispatch.sample_shape;
    match answer(&app, request).await {
        Ok(signature) => Json(granted(shape, &signature)).into_response(),
        Err(refused) => refusal(shape, refused),
    }
}

async fn answer(app: &App, request: Request) -> Result<String, Refused> {
    let query = request.uri().query().unwrap_or("").to_owned();
    let (asking, body) = Asking::of(app, request, ORDER).await?;
    let order = Keys::read(&query, &asking.headers, &body.bytes)?.order()?;
    let issued = dispatch::issue(app, &asking.ask(), order, Form::Sample).await?;
    Ok(issued.signature.expose_secret().to_owned())
}

fn granted(shape: SampleShape, signature: &str) -> Value {
    match shape {
        SampleShape::Sample => json!({"code": 0, "message": "ok", "data": {"signature": signature}}),
        SampleShape::Demo => json!({"code": 200, "message": "ok", "data": {"signature": signature}}),
        SampleShape::DemoUploadSign => json!({"Code": 0, "Message": "ok", "Data": {"UploadSign": signature}}),
    }
}

/// Clients of these shapes look at the code and the message only; the HTTP status says the same.
fn refusal(shape: SampleShape, refused: Refused) -> Response {
    let (problem, retry_after) = refused.into_parts();
    let status = problem.status();
    let (code, message) = (status.as_u16(), problem.detail());
    let body = match shape {
        SampleShape::Sample | SampleShape::Demo => json!({"code": code, "message": message}),
        SampleShape::DemoUploadSign => json!({"Code": code, "Message": message}),
    };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, http::HeaderValue::from(seconds));
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
            None => None,
            Some(0) => Some(false),
            Some(1) => Some(true),
            Some(_) => return Err(Problem::invalid("oneTimeValid must be 0 or 1")),
        };
        Ok(Order {
            procedure: self.text("procedure").map(str::to_owned),
            source_context: text("sourceContext"),
            session_context: text("sessionContext"),
            user: text("user"),
            class_id: self.number("classId", "an integer")?,
            validity: self.number("validSeconds", "a number of seconds")?.map(Duration::from_secs),
            max_size: self.number("maxSize", "a number of bytes")?,
            max_duration: self.number("maxDuration", "a number of seconds")?,
            storage_region: self.text("storageRegion").filter(|text| !text.is_empty()).map(str::to_owned),
            one_time,
            ..Order::default()
        })
    }
}
