//! Where events may be sent to: the guard against endpoints that point into our own network (SSRF).
//!
//! The address that is really connected to is what counts. So the guard sits in two places: a literal address is
//! checked in the URL ([`Targets::parse`], at setting and before every attempt), a name is resolved by the client
//! through [`Targets`] itself, which hands over checked addresses only. Redirects and proxies are off in
//! [`super::attempt`]; either would go around this.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Longest URL of an endpoint.
const MAX_URL: usize = 1024;

/// Networks that no stranger may make us talk to (IANA special-purpose address registries, RFC 6890), and one
/// public address behind which a cloud keeps its metadata service (168.63.129.16).
const PRIVATE_V4: [(Ipv4Addr, u8); 17] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// The only range of IPv6 that is routed on the internet (RFC 4291 section 2.4); all else is special.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Parts of it that are special all the same: protocol assignments with Teredo and ORCHID (2001::/23),
/// documentation (2001:db8::/32, 3fff::/20).
const PRIVATE_V6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0x0db8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Why an endpoint is refused. Also what an attempt records when a name begins to point somewhere else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL that events can be sent to.
    #[error("the endpoint must be an http or https URL {0}")]
    Malformed(&'static str),
    /// The address is not for the public.
    #[error(
        "{host} is at {address}, an address inside some network; if it is meant, its operator adds the network to \
         events.allow_targets"
    )]
    Private {
        /// As the URL has it.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// The name has no address.
    #[error("{host} has no address: {reason}; check its spelling")]
    Unresolved {
        /// As the URL has it.
        host: String,
        /// What the resolver said.
        reason: String,
    },
}

/// The rule of this server: public addresses, and what the operator allows besides (`events.allow_targets`).
#[derive(Clone, Debug)]
pub struct Targets(Arc<[IpNet]>);

impl Targets {
    /// Public addresses and `allowed` networks.
    pub fn new(allowed: &[IpNet]) -> Self {
        Self(allowed.into())
    }

    /// The URL, if its form is right and its address, when it is a literal one, may be connected to.
    pub fn parse(&self, text: &str) -> Result<Url, TargetError> {
        if text.len() > MAX_URL {
            return Err(TargetError::Malformed("of at most 1024 characters"));
        }
        let url =
            Url::parse(text).map_err(|_| TargetError::Malformed("such as https://app.example.com/events"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Malformed("; other schemes are not spoken"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::Malformed(
                "without user name and password: they would be shown in timelines",
            ));
        }
        if url.fragment().is_some() {
            return Err(TargetError::Malformed("without a fragment, which is never sent"));
        }
        if let Some(address) = literal(&url) {
            let host = url.host_str().unwrap_or_default();
            if !self.permits(address) {
                return Err(TargetError::Private { host: host.to_owned(), address });
            }
        }
        Ok(url)
    }

    /// Like [`Targets::parse`], and resolves a name too. For setting an endpoint: a refusal then comes at once.
    pub async fn parse_and_resolve(&self, text: &str) -> Result<Url, TargetError> {
        let url = self.parse(text)?;
        if literal(&url).is_none() {
            self.resolve_host(url.host_str().unwrap_or_default()).await?;
        }
        Ok(url)
    }

    /// Whether a connection to `address` may be made.
    pub fn permits(&self, address: IpAddr) -> bool {
        let inner = embedded(address);
        let allowed = |one: IpAddr| self.0.iter().any(|network| network.contains(&one));
        allowed(address) || allowed(inner) || is_public(inner)
    }

    /// The addresses behind a name that may be connected to; the others are as if they were not there.
    async fn resolve_host(&self, host: &str) -> Result<Vec<SocketAddr>, TargetError> {
        let unresolved = |reason: String| TargetError::Unresolved { host: host.to_owned(), reason };
        let found =
            tokio::net::lookup_host((host, 0)).await.map_err(|error| unresolved(error.to_string()))?;
        let (permitted, refused): (Vec<SocketAddr>, Vec<SocketAddr>) =
            found.partition(|address| self.permits(address.ip()));
        match (permitted.is_empty(), refused.first()) {
            (false, _) => Ok(permitted),
            (true, Some(private)) => {
                Err(TargetError::Private { host: host.to_owned(), address: private.ip() })
            }
            (true, None) => Err(unresolved("the name exists without addresses".to_owned())),
        }
    }
}

impl Resolve for Targets {
    fn resolve(&self, name: Name) -> Resolving {
        let targets = self.clone();
        Box::pin(async move {
            let addresses = targets.resolve_host(name.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// The address in the URL itself. The URL parser has already turned `0x7f.1`, `2130706433` and the like into one.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// The IPv4 address that an IPv6 one leads to: IPv4-mapped (RFC 4291), NAT64 (RFC 6052), 6to4 (RFC 3056).
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => address,
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !PRIVATE_V4.iter().any(|(network, length)| {
            Ipv4Net::new(*network, *length).is_ok_and(|network| network.contains(&v4))
        }),
        IpAddr::V6(v6) => {
            let within = |(network, length): &(Ipv6Addr, u8)| {
                Ipv6Net::new(*network, *length).is_ok_and(|network| network.contains(&v6))
            };
            within(&GLOBAL_V6) && !PRIVATE_V6.iter().any(within)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(allowed: &[&str]) -> Targets {
        Targets::new(&allowed.iter().map(|network| network.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn addresses_inside_networks_are_refused_in_every_spelling() {
        let guard = targets(&[]);
        for host in [
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "0.0.0.0",
            "10.0.0.1",
            "100.100.100.200",
            "168.63.129.16",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
        ] {
            let refused = guard.parse(&format!("http://{host}/events"));
            assert!(matches!(refused, Err(TargetError::Private { .. })), "{host}: {refused:?}");
        }
    }

    #[test]
    fn public_addresses_and_allowed_networks_pass() {
        let guard = targets(&["10.1.0.0/16", "fd00::/8"]);
        for host in [
            "1.1.1.1",
            "[2606:4700::1111]",
            "[64:ff9b::1.1.1.1]",
            "10.1.2.3",
            "[::ffff:10.1.2.3]",
            "[fd00::1]",
        ] {
            assert!(guard.parse(&format!("https://{host}:8443/")).is_ok(), "{host}");
        }
        assert!(guard.parse("http://10.2.0.1/").is_err());
    }

    #[test]
    fn other_things_than_plain_web_addresses_are_refused() {
        let guard = targets(&["0.0.0.0/0"]);
        for url in [
            "",
            "example.com",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://1.1.1.1/",
            "http://user:secret@example.com/",
            "http://example.com/#part",
            "http://",
            &format!("http://example.com/{}", "x".repeat(MAX_URL)),
        ] {
            assert!(matches!(guard.parse(url), Err(TargetError::Malformed(_))), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_is_judged_by_where_it_leads() {
        let refused = targets(&[]).parse_and_resolve("http://localhost:9/").await;
        assert!(matches!(refused, Err(TargetError::Private { .. })), "{refused:?}");
        assert!(targets(&["127.0.0.0/8", "::1/128"]).parse_and_resolve("http://localhost:9/").await.is_ok());
        let nowhere = targets(&[]).parse_and_resolve("http://nowhere.invalid/").await;
        assert!(matches!(nowhere, Err(TargetError::Unresolved { .. })), "{nowhere:?}");
    }
}
