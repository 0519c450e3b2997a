//! Addresses to listen on, as CoreDNS writes them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::base::escape::Quoted;

/// Default address of CoreDNS for metrics.
pub(super) const DEFAULT: &str = "localhost:9153";
/// Port of [`DEFAULT`].
const DEFAULT_PORT: u16 = 9153;

/// An address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// All addresses of the host, IPv6 and IPv4: `:PORT`.
    Every(u16),
    /// One address.
    One(SocketAddr),
}

impl Address {
    /// Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT`. HOST is an address or `localhost`.
    ///
    /// # Errors
    /// The message for the operator, with the remedy.
    pub fn parse(text: &str) -> Result<Self, String> {
        let quoted = Quoted(text);
        if let Some(fault) = incomplete(text) {
            return Err(format!("{quoted} {fault}"));
        }
        let wrong = || {
            format!("{quoted} is not an address; write HOST:PORT or :PORT, for example {DEFAULT}")
        };
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        if host.is_empty() {
            return Ok(Self::Every(port));
        }
        if host == "localhost" {
            return Ok(Self::One(SocketAddr::new(
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                port,
            )));
        }
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let ip = match bracketed {
            Some(inner) => inner.parse().map(IpAddr::V6).map_err(|_| wrong())?,
            None => host.parse().map(IpAddr::V4).map_err(|_| {
                format!("{quoted} names a host; write its address, since names are not resolved on the box that filters the resolver")
            })?,
        };
        Ok(Self::One(SocketAddr::new(ip, port)))
    }

    /// The port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Every(port) => port,
            Self::One(address) => address.port(),
        }
    }

    /// Socket addresses to try in this order until `bind` succeeds: a kernel without IPv6 still has IPv4.
    pub fn candidates(self) -> [Option<SocketAddr>; 2] {
        match self {
            Self::One(address) => [Some(address), None],
            Self::Every(port) => [
                Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)),
                Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)),
            ],
        }
    }
}

/// The fault of an address whose port or brackets are missing, with the remedy; `None` for all other texts.
fn incomplete(text: &str) -> Option<String> {
    if let Some((host, port)) = text.rsplit_once(':')
        && let (Ok(host), Ok(port)) = (host.parse::<Ipv6Addr>(), port.parse::<u16>())
    {
        let right = SocketAddr::new(host.into(), port);
        return Some(format!(
            "has an IPv6 address without brackets; write {right}"
        ));
    }
    if text == "localhost" {
        return Some(format!(
            "has no port; write HOST:PORT, for example {DEFAULT}"
        ));
    }
    let bracketed = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    let host = bracketed.unwrap_or(text).parse().ok()?;
    let right = SocketAddr::new(host, DEFAULT_PORT);
    Some(format!("has no port; write HOST:PORT, for example {right}"))
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Every(port) => write!(f, ":{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_parse_but_host_names_do_not() {
        for (text, expected) in [
            (":9153", ":9153"),
            ("localhost:9153", "127.0.0.1:9153"),
            ("10.0.0.1:80", "10.0.0.1:80"),
            ("[::1]:80", "[::1]:80"),
            (":0", ":0"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), expected);
        }
        for text in [
            "",
            "9153",
            "localhost",
            ":",
            ":65536",
            ":-1",
            "::1:80",
            "[::1:80",
            "[1.2.3.4]:1",
            "ns.example:1",
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn errors_name_the_missing_port_or_brackets() {
        for (text, fault) in [
            (
                "127.0.0.1",
                "\"127.0.0.1\" has no port; write HOST:PORT, for example 127.0.0.1:9153",
            ),
            (
                "::1",
                "\"::1\" has no port; write HOST:PORT, for example [::1]:9153",
            ),
            (
                "[::1]",
                "\"[::1]\" has no port; write HOST:PORT, for example [::1]:9153",
            ),
            (
                "2001:db8::53",
                "\"2001:db8::53\" has no port; write HOST:PORT, for example [2001:db8::53]:9153",
            ),
            (
                "::1:9153",
                "\"::1:9153\" has an IPv6 address without brackets; write [::1]:9153",
            ),
            (
                "1:2:3:4:5:6:7:8:80",
                "\"1:2:3:4:5:6:7:8:80\" has an IPv6 address without brackets; write [1:2:3:4:5:6:7:8]:80",
            ),
            (
                "localhost",
                "\"localhost\" has no port; write HOST:PORT, for example localhost:9153",
            ),
        ] {
            assert_eq!(Address::parse(text).unwrap_err(), fault);
        }
    }
}
