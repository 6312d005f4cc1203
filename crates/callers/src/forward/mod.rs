//! Forward auth: the operator's app is asked over HTTP whether somebody may upload, and within which limits.
//!
//! The app sees the caller's own credentials and decides as it does for its own pages. Only an answer that was
//! understood to the last word allows anything; whatever else happens refuses.

mod answer;
mod message;
mod refusal;
mod remembered;
mod settings;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value, json};

pub use answer::{Answer, Narrowing};
pub use refusal::ForwardRefusal;
pub use settings::ForwardSettings;

use crate::outbound;
use crate::settings::SettingsError;
use remembered::Remembered;

/// Longest answer of an app.
const MAX_BODY: usize = 64 * 1024;

/// One app that is asked. Share it behind an `Arc`; it keeps its connections and what was allowed.
pub struct Forward {
    name: String,
    url: Url,
    client: Client,
    timeout: Duration,
    headers: Vec<HeaderName>,
    /// Absent when every upload is to be asked for.
    remembered: Option<Remembered>,
}

/// What came back: the app's decision, or what was seen in its place with the details for the log.
enum Outcome {
    Decided(Result<Answer, ForwardRefusal>),
    Failed { seen: String, cause: String },
}

impl Forward {
    /// Ready to ask. Nothing is sent yet.
    pub fn new(settings: ForwardSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            url: outbound::url(&settings.name, &settings.url)?,
            client: outbound::client(&settings.name)?,
            timeout: settings.timeout,
            headers: settings::headers(&settings.name, &settings.headers)?,
            remembered: (!settings.cache_for.is_zero()).then(|| Remembered::new(settings.cache_for)),
            name: settings.name,
        })
    }

    /// How the operator calls this app.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the request has something that the app could know the caller by.
    pub fn recognises(&self, headers: &HeaderMap) -> bool {
        self.headers.iter().any(|name| headers.contains_key(name))
    }

    /// Asks whether the caller behind `headers`, at the address `client`, may do what `wanted` says.
    pub async fn ask(
        &self,
        headers: &HeaderMap,
        client: IpAddr,
        wanted: &Value,
    ) -> Result<Arc<Answer>, ForwardRefusal> {
        let question = |_: &Remembered| remembered::question(&self.headers, headers, client, wanted);
        let question = self.remembered.as_ref().map(question);
        if let (Some(remembered), Some(question)) = (&self.remembered, &question)
            && let Some(answer) = remembered.get(question)
        {
            return Ok(answer);
        }
        let answer = Arc::new(self.decide(self.request(headers, client, wanted)).await?);
        if let (Some(remembered), Some(question)) = (&self.remembered, question) {
            remembered.remember(question, &answer);
        }
        Ok(answer)
    }

    fn request(&self, headers: &HeaderMap, client: IpAddr, wanted: &Value) -> RequestBuilder {
        let client = client.to_string();
        let mut sent = HeaderMap::new();
        for name in &self.headers {
            for value in headers.get_all(name) {
                sent.append(name.clone(), value.clone());
            }
        }
        sent.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(value) = HeaderValue::from_str(&client) {
            sent.insert("x-forwarded-for", value);
        }
        let body = json!({ "client": client, "upload": wanted });
        self.client.post(self.url.clone()).timeout(self.timeout).headers(sent).json(&body)
    }

    async fn decide(&self, request: RequestBuilder) -> Result<Answer, ForwardRefusal> {
        let outcome = match request.send().await {
            Ok(mut response) => self.judge(&mut response).await,
            Err(error) => self.unheard(error),
        };
        match outcome {
            Outcome::Decided(decision) => decision,
            Outcome::Failed { seen, cause } => {
                tracing::warn!(
                    forward.name = self.name,
                    forward.url = %outbound::shown(&self.url),
                    forward.cause = cause,
                    "an app that is asked about uploads {seen}; the upload is refused"
                );
                Err(ForwardRefusal::Failed { name: self.name.clone(), seen })
            }
        }
    }

    async fn judge(&self, response: &mut Response) -> Outcome {
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            let body = outbound::start_of_body(response, MAX_BODY).await;
            let message = message::of_refusal(&body);
            return Outcome::Decided(Err(ForwardRefusal::Refused { status, message }));
        }
        if status.is_redirection() {
            let seen = format!("answered {status}, and redirects are not followed");
            return Outcome::Failed { seen, cause: String::new() };
        }
        if !status.is_success() {
            return Outcome::Failed { seen: format!("answered {status}"), cause: String::new() };
        }
        match outbound::body(response, MAX_BODY).await {
            Ok(Some(body)) => match Answer::read(&body) {
                Ok(answer) => Outcome::Decided(Ok(answer)),
                Err(cause) => Outcome::Failed {
                    seen: "allowed it with an answer that cannot be understood".to_owned(),
                    cause,
                },
            },
            Ok(None) => {
                Outcome::Failed { seen: "gave an answer longer than 64 KiB".to_owned(), cause: String::new() }
            }
            Err(error) => self.unheard(error),
        }
    }

    fn unheard(&self, error: reqwest::Error) -> Outcome {
        let seen = if error.is_timeout() {
            format!("did not answer within {} s", self.timeout.as_secs_f64())
        } else if error.is_connect() {
            "cannot be connected to".to_owned()
        } else {
            "broke off before it had answered".to_owned()
        };
        Outcome::Failed { seen, cause: outbound::causes(error) }
    }
}

impl std::fmt::Debug for Forward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forward")
            .field("name", &self.name)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
