//! Packets on the control socket: a parsed request, written and parsed again, is the same.

use corexdp::control::Request;

/// Checks the bytes as a packet.
pub fn run(input: &[u8]) {
    let Some(request) = Request::parse(input) else {
        return;
    };
    let packet = request.packet();
    assert_eq!(Request::parse(&packet), Some(request));
}
