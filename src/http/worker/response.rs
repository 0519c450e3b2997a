//! Responses, printed by `tiny_http`.

use std::io::{self, Write as _};

use tiny_http::{HTTPVersion, Header, Response, StatusCode};

use super::request::Invalid;
use crate::http::routes::HTML;
use crate::views::POLICY;

/// Headers of every response with content.
const ALWAYS: [(&str, &str); 3] = [
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
];
/// Headers of HTML. The browser may load and run only the page's own style and script.
const HTML_HEADERS: [(&str, &str); 2] = [
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "no-referrer"),
];

/// Head of a response with content of this type and length.
pub(super) fn head(
    status: u16,
    version: &HTTPVersion,
    content_type: &str,
    length: usize,
) -> Vec<u8> {
    let mut headers = vec![("Content-Type", content_type)];
    headers.extend_from_slice(&ALWAYS);
    if status == 405 {
        headers.push(("Allow", "GET, HEAD"));
    }
    if content_type == HTML {
        headers.extend_from_slice(&HTML_HEADERS);
    }
    print(status, version, &headers, length)
}

/// Response to an invalid request.
pub(super) fn refusal(invalid: Invalid) -> Vec<u8> {
    print(invalid.status(), &HTTPVersion(1, 1), &[], 0)
}

fn print(status: u16, version: &HTTPVersion, headers: &[(&str, &str)], length: usize) -> Vec<u8> {
    let status = StatusCode(status);
    let mut response = Response::new(status, Vec::new(), io::empty(), Some(length), None)
        // Never in chunks: the gate finds the end of a response by its length.
        .with_chunked_threshold(usize::MAX);
    for &(name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            response.add_header(header);
        }
    }
    let mut out = Vec::new();
    // Writing to a `Vec` cannot fail.
    let _ = response.raw_print(out.by_ref(), version.clone(), &[], true, None);
    out
}
