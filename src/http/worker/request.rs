//! A request, parsed from a head that the gate forwarded.

use tiny_http::{HTTPVersion, Header, Method};

use crate::config::Service;
use crate::http::gate::framing::SERVICE_HEADER;

/// A request of a client.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    /// Target of the request line.
    pub(super) url: String,
    pub(super) version: HTTPVersion,
    /// Service of the client's connection, from the header that the gate adds.
    pub(super) service: Service,
    /// True if the connection ends with the response.
    pub(super) last: bool,
}

/// Reason to refuse a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalid {
    /// The head is malformed.
    Malformed,
    /// The header `Expect` has a value other than `100-continue`.
    Expectation,
}

impl Invalid {
    /// Status code of the response.
    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Expectation => 417,
        }
    }
}

impl Request {
    /// Parses a complete head. No path needs a body: the gate hides headers that announce one. The response `100 Continue`
    /// is optional, and never sent.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Invalid> {
        let head = std::str::from_utf8(head).map_err(|_| Invalid::Malformed)?;
        let mut lines = head.split("\r\n").map(str::trim);
        let line = lines.next().unwrap_or_default();
        let mut request = Self::from_line(line).ok_or(Invalid::Malformed)?;
        let (mut closes, mut keeps) = (false, false);
        for line in lines.take_while(|line| !line.is_empty()) {
            let header: Header = line.parse().map_err(|()| Invalid::Malformed)?;
            let value = header.value.as_str();
            if header.field.equiv(SERVICE_HEADER) {
                let service = value.parse().ok().and_then(Service::from_number);
                request.service = service.ok_or(Invalid::Malformed)?;
            } else if header.field.equiv("Connection") {
                let value = value.to_ascii_lowercase();
                closes |= value.contains("close") || value.contains("upgrade");
                keeps |= value.contains("keep-alive");
            } else if header.field.equiv("Expect") && !value.eq_ignore_ascii_case("100-continue") {
                return Err(Invalid::Expectation);
            }
        }
        request.last = closes || request.version == HTTPVersion(1, 0) && !keeps;
        Ok(request)
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let method = words.next()?.parse().ok()?;
        let url = words.next()?.to_owned();
        let version = match words.next()? {
            "HTTP/1.0" => HTTPVersion(1, 0),
            "HTTP/1.1" => HTTPVersion(1, 1),
            _ => return None,
        };
        Some(Self {
            method,
            url,
            version,
            service: Service::Ready,
            last: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Request, Invalid> {
        Request::parse(format!("{head}\r\n\r\n").as_bytes())
    }

    #[test]
    fn request_line_has_method_target_and_version() {
        let request = parse("GET /status?x HTTP/1.1").unwrap();
        assert_eq!(
            (request.method, request.url.as_str()),
            (Method::Get, "/status?x")
        );
        let request = parse("BREW * HTTP/1.0").unwrap();
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("BREW", "*")
        );
        assert_eq!(request.version, HTTPVersion(1, 0));
        for line in [
            "",
            "GET",
            "GET /",
            "GET / HTTP/1.2",
            "GET / http/1.1",
            "GET  / HTTP/1.1",
        ] {
            assert_eq!(parse(line).unwrap_err(), Invalid::Malformed, "{line}");
        }
    }

    #[test]
    fn connection_header_and_version_determine_the_last_request() {
        for (head, last) in [
            ("GET / HTTP/1.1", false),
            ("GET / HTTP/1.0", true),
            ("GET / HTTP/1.1\r\nConnection: Close", true),
            ("GET / HTTP/1.1\r\nConnection: keep-alive", false),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive", false),
            ("GET / HTTP/1.0\r\nConnection: x", true),
            ("GET / HTTP/1.1\r\nConnection: upgrade", true),
            ("GET / HTTP/1.1\r\nConnection: x\r\nConnection: close", true),
        ] {
            assert_eq!(parse(head).unwrap().last, last, "{head}");
        }
    }

    #[test]
    fn service_is_read_from_the_header_of_the_gate() {
        for service in Service::ALL {
            let head = format!("GET / HTTP/1.1\r\n{SERVICE_HEADER}: {}", service.number());
            assert_eq!(parse(&head).unwrap().service, service);
        }
        let unknown = parse(&format!("GET / HTTP/1.1\r\n{SERVICE_HEADER}: 9"));
        assert_eq!(unknown.unwrap_err(), Invalid::Malformed);
    }

    #[test]
    fn malformed_headers_and_unknown_expectations_are_refused() {
        for (header, invalid) in [
            ("no colon", Invalid::Malformed),
            ("space : x", Invalid::Malformed),
            ("Expect: more", Invalid::Expectation),
        ] {
            let head = format!("GET / HTTP/1.1\r\nX: y\r\n{header}");
            assert_eq!(parse(&head).unwrap_err(), invalid, "{header}");
        }
        assert!(parse("GET / HTTP/1.1\r\nExpect: 100-Continue").is_ok());
    }
}
