//! How the client reached us: the scheme and host to put into URLs, and the client's own address.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::app::App;
use crate::listen::Peer;

/// Where a request came from and where it thought it went. `X-Forwarded-*` count only when the peer is one of
/// `server.trusted_proxies`.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `http` or `https`, as the client sees it.
    pub scheme: &'static str,
    /// Host header as sent, port included.
    pub host: String,
    /// The client's address.
    pub client: IpAddr,
}

impl Origin {
    /// Reads it from a request's head.
    pub fn of(app: &App, parts: &Parts) -> Self {
        let peer = parts.extensions.get::<Peer>();
        let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.addr.ip().to_canonical());
        let trusted = app.config.trusted_proxies.iter().any(|network| network.contains(&address));
        let forwarded = |name| trusted.then(|| text(&parts.headers, name)).flatten();
        let https = forwarded("x-forwarded-proto")
            .map_or(peer.is_some_and(|peer| peer.tls), |proto| proto.eq_ignore_ascii_case("https"));
        Self {
            scheme: if https { "https" } else { "http" },
            host: text(&parts.headers, header::HOST.as_str()).unwrap_or("localhost").to_owned(),
            client: forwarded("x-forwarded-for").and_then(|list| client_of(app, list)).unwrap_or(address),
        }
    }

    /// The origin under which clients reach this server: configured, or as this client did.
    pub fn public_url(&self, app: &App) -> String {
        app.config.public_url.clone().unwrap_or_else(|| format!("{}://{}", self.scheme, self.host))
    }
}

/// The right-most address of the list that is not one of our proxies: everything left of it can be made up.
fn client_of(app: &App, list: &str) -> Option<IpAddr> {
    let addresses = list.split(',').rev().map(|one| one.trim().parse::<IpAddr>());
    for address in addresses {
        let address = address.ok()?.to_canonical();
        if !app.config.trusted_proxies.iter().any(|network| network.contains(&address)) {
            return Some(address);
        }
    }
    None
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app, parts))
    }
}
