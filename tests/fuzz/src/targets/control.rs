//! A packet on the control socket: a request, or none; and a request survives being written again.

use corexdp::control::Request;

/// Tries the bytes as a packet.
pub fn run(input: &[u8]) {
    let Some(request) = Request::parse(input) else {
        return;
    };
    assert_eq!(Request::parse(request.text().as_bytes()), Some(request));
}
