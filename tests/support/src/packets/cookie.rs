//! Server cookies of RFC 9018, and the time at which a program verifies them.

use std::hash::Hasher as _;
use std::net::IpAddr;

use nix::time::{ClockId, clock_gettime};

use super::filter::Filter;

/// A cookie option: 8 bytes of the client, 16 of the server.
pub type Cookie = [u8; 24];

/// A cookie for this source as RFC 9018 section 4 describes it, by the SipHash-2-4 of the standard library.
pub fn made(secret: u128, source: &str, time: u32) -> Cookie {
    let mut cookie = *b"a client\x01\0\0\0........____";
    cookie[12..16].copy_from_slice(&time.to_be_bytes());
    sign(&mut cookie, secret, source);
    cookie
}

/// Writes the hash of a cookie.
pub fn sign(cookie: &mut Cookie, secret: u128, source: &str) {
    let key = secret.to_be_bytes();
    let half = |at: usize| u64::from_le_bytes(key[at..at + 8].try_into().unwrap());
    #[expect(deprecated, reason = "no other hash of the library is SipHash-2-4")]
    let mut hash = std::hash::SipHasher::new_with_keys(half(0), half(8));
    hash.write(&cookie[..16]);
    match source.parse().unwrap() {
        IpAddr::V4(address) => hash.write(&address.octets()),
        IpAddr::V6(address) => hash.write(&address.octets()),
    }
    cookie[16..].copy_from_slice(&hash.finish().to_le_bytes());
}

/// A COOKIE option with these bytes.
pub fn option(cookie: &[u8]) -> Vec<u8> {
    let length = u8::try_from(cookie.len()).unwrap();
    [&[0, 10, 0, length], cookie].concat()
}

/// Writes a secret, in the byte order of the configuration of DNS servers.
pub fn set_secret(filter: &Filter, number: usize, secret: u128) {
    filter.entry(&format!("@secrets {number} key=0x{secret:032x}"));
}

/// Sets the program's clock to the middle of a second, in seconds since 1970.
pub fn set_clock(filter: &Filter, time: i64) {
    let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap();
    let boot = boot.tv_sec() * 1_000_000_000 + boot.tv_nsec();
    let offset = time * 1_000_000_000 + 300_000_000 - boot;
    filter.entry(&format!("@wall_clock 0 offset={offset}"));
}
