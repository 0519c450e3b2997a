//! The host that a request names, and the protection against DNS rebinding.
//!
//! An attacker's site may change the address of its own name to the address of this box. A browser then lets the site's
//! scripts read the page, since both have the same name. The attack needs a name in the public DNS that the attacker
//! controls. So a browser gets the page only by a name that is *vouched for*: an IP address, a name without a dot, a name
//! of a private top-level domain, the host name of the box, or a name of the option `host`.
//!
//! Prometheus may scrape by any name, since only browsers run foreign scripts: `/metrics` refuses a name that is not
//! vouched for only if the headers are those of a browser. No script can remove `Accept-Language` from its requests.
//! `/health` and `/ready` reveal nothing that needs protection.

use std::net::{Ipv4Addr, Ipv6Addr};

use nix::sys::utsname::uname;

use super::gate::framing::Refusal;
use crate::config::{Hosts, MAX_HOST, MAX_HOSTS, Service};

/// Bytes of all names: the names of the Corefile and the host name of the box, each with a space.
const NAMES: usize = (MAX_HOST + 1) * (MAX_HOSTS + 1);

/// Suffixes that do not exist in the public DNS (RFC 6762, 6761, ICANN resolution 2024.07.29.06, RFC 8375).
const PRIVATE: [&[u8]; 4] = [b".local", b".localhost", b".internal", b".home.arpa"];

/// List of the names that are vouched for: the option `host` and the host name of the box. The text of the list is also
/// the message from daemon to worker.
#[derive(Clone, Debug, Default)]
pub struct Names(heapless::Vec<u8, NAMES>);

impl Names {
    /// First word of the message with the names; messages with listening sockets have a [`Service::number`] there.
    pub const WORD: u32 = 3;
    /// Bytes of the longest list.
    pub const MAX: usize = NAMES;

    /// The names of the option `host`, and the present host name of the box.
    pub fn new(hosts: &Hosts) -> Self {
        let mut names = Self::default();
        for host in hosts {
            names.add(host.as_bytes());
        }
        if let Ok(system) = uname() {
            names.add(system.nodename().as_encoded_bytes());
        }
        names
    }

    /// The names of a message.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(heapless::Vec::from_slice(bytes).unwrap_or_default())
    }

    /// The text of the message.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn add(&mut self, name: &[u8]) {
        let length = self.0.len();
        let added = self.0.extend_from_slice(name);
        if added.and_then(|()| self.0.extend_from_slice(b" ")).is_err() {
            // Only a host name of the box that exceeds the limit of the DNS does not fit.
            self.0.truncate(length);
        }
    }

    fn contains(&self, name: &[u8]) -> bool {
        let mut names = self.0.split(|&byte| byte == b' ');
        names.any(|other| without_dot(other).eq_ignore_ascii_case(name))
    }
}

/// Splits a target into the authority of an absolute form (RFC 9112, 3.2.2) and the rest: a path, a query, or nothing.
pub fn split_target(target: &str) -> (Option<&str>, &str) {
    const SCHEME: &str = "http://";
    let absolute = target
        .split_at_checked(SCHEME.len())
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
    let Some((_, rest)) = absolute else {
        return (None, target);
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (Some(authority), rest)
}

/// The path of a target in origin form or absolute form, without its query. An absolute form without path means `/`.
pub fn path_of(target: &str) -> &str {
    let (authority, rest) = split_target(target);
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    if authority.is_some() && path.is_empty() {
        return "/";
    }
    path
}

/// Checks the host of a request with this complete head.
///
/// # Errors
/// [`Refusal::Malformed`] for HTTP/1.1 without `Host`, and for an invalid or a second `Host` (RFC 9112, 3.2);
/// [`Refusal::Method`] for `OPTIONS *`; [`Refusal::Misdirected`] for a host that is not vouched for, and for `https`.
pub fn check(head: &[u8], service: Service, names: &Names) -> Result<(), Refusal> {
    let mut lines = head.split(|&byte| byte == b'\n');
    let line = lines.next().unwrap_or_default().trim_ascii();
    let mut words = line.split(|&byte| byte == b' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let target = target.and_then(|target| str::from_utf8(target).ok());
    let Some((target, version)) = target.zip(version) else {
        // The responder refuses such a request line.
        return Ok(());
    };
    let headers = Headers::read(lines)?;
    if version == b"HTTP/1.1" && headers.host.is_none() {
        return Err(Refusal::Malformed);
    }
    if method == Some(b"OPTIONS") && target == "*" {
        return Err(Refusal::Method);
    }
    if starts_with_ignoring_case(target.as_bytes(), b"https://") {
        return Err(Refusal::Misdirected);
    }
    let header = headers.host.map(Host::parse).transpose()?;
    // The authority of the target takes precedence over `Host` (RFC 9112, 3.2.2).
    let host = match split_target(target).0 {
        Some("") => return Err(Refusal::Malformed),
        Some(authority) => Some(Host::parse(authority.as_bytes())?),
        None => header,
    };
    let needs_vouching = match service {
        Service::Metrics => headers.of_browser || path_of(target) != "/metrics",
        Service::Health | Service::Ready => false,
    };
    match host {
        Some(host) if needs_vouching && !host.is_vouched_for(names) => Err(Refusal::Misdirected),
        _ => Ok(()),
    }
}

/// The headers of a request that the check needs.
#[derive(Default)]
struct Headers<'a> {
    /// Value of `Host`.
    host: Option<&'a [u8]>,
    /// True if a browser sent the request.
    of_browser: bool,
}

impl<'a> Headers<'a> {
    /// Reads the lines after the request line.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for a second `Host`.
    fn read(lines: impl Iterator<Item = &'a [u8]>) -> Result<Self, Refusal> {
        const BROWSER_HEADERS: [&[u8]; 4] = [b"Accept-Language", b"Origin", b"Referer", b"Cookie"];
        let mut headers = Self::default();
        for line in lines {
            // `tiny_http` accepts a line that begins with a space as a header, too.
            let mut parts = line.trim_ascii().splitn(2, |&byte| byte == b':');
            let name = parts.next().unwrap_or_default();
            let value = parts.next().unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"Host") && headers.host.replace(value).is_some() {
                return Err(Refusal::Malformed);
            }
            let is_agent = name.eq_ignore_ascii_case(b"User-Agent");
            headers.of_browser |= (is_agent && starts_with_ignoring_case(value, b"Mozilla/"))
                || starts_with_ignoring_case(name, b"Sec-")
                || BROWSER_HEADERS
                    .iter()
                    .any(|header| name.eq_ignore_ascii_case(header));
        }
        Ok(headers)
    }
}

/// Host of an authority, without its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host<'a> {
    /// An IP address.
    Address,
    /// A name without its final dot, or nothing.
    Name(&'a [u8]),
}

impl<'a> Host<'a> {
    /// Parses `HOST` or `HOST:PORT`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for anything else, such as an authority with user information.
    fn parse(authority: &'a [u8]) -> Result<Self, Refusal> {
        let wrong = Refusal::Malformed;
        let (host, port) = if let Some(rest) = authority.strip_prefix(b"[") {
            let end = rest.iter().position(|&byte| byte == b']').ok_or(wrong)?;
            let (address, port) = rest.split_at_checked(end).ok_or(wrong)?;
            // `%` and a zone (RFC 6874) may follow the address.
            let address = address.split(|&byte| byte == b'%').next().ok_or(wrong)?;
            let address = str::from_utf8(address).map_err(|_| wrong)?;
            address.parse::<Ipv6Addr>().map_err(|_| wrong)?;
            (Self::Address, port.get(1..).unwrap_or_default())
        } else {
            let end = authority.iter().position(|&byte| byte == b':');
            let (name, port) = authority
                .split_at_checked(end.unwrap_or(authority.len()))
                .ok_or(wrong)?;
            if !name.iter().copied().all(may_be_in_name) {
                return Err(wrong);
            }
            let address = str::from_utf8(name).ok();
            if address.is_some_and(|address| address.parse::<Ipv4Addr>().is_ok()) {
                (Self::Address, port)
            } else {
                (Self::Name(without_dot(name)), port)
            }
        };
        match port {
            [] => Ok(host),
            [b':', port @ ..] if port.iter().all(u8::is_ascii_digit) => Ok(host),
            _ => Err(wrong),
        }
    }

    fn is_vouched_for(self, names: &Names) -> bool {
        let Self::Name(name) = self else { return true };
        let ends_with = |end: &&[u8]| {
            let start = name.len().checked_sub(end.len());
            let tail = start.and_then(|start| name.get(start..));
            tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        };
        !name.is_empty()
            && (!name.contains(&b'.') || PRIVATE.iter().any(ends_with) || names.contains(name))
    }
}

/// True for a byte of a registered name (RFC 3986, 3.2.2).
const fn may_be_in_name(byte: u8) -> bool {
    matches!(
        byte,
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'%' | b'!' | b'$' | b'&' | b'\''
            | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

/// A name without its final dot.
fn without_dot(name: &[u8]) -> &[u8] {
    name.strip_suffix(b".").unwrap_or(name)
}

fn starts_with_ignoring_case(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests;
