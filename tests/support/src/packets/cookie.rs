//! Server cookies of RFC 9018, and the reference for their verification: written from the RFC, with the SipHash-2-4 of the
//! standard library. `tests/bpf/cookies` checks it with the vectors of the RFC.

use std::hash::Hasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use super::filter::Filter;
use crate::objects::random::Random;

/// 8 bytes of the client, 16 of the server.
pub type Cookie = [u8; 24];

/// Half of all differences of serial numbers (RFC 1982).
const HALF: u32 = 0x7fff_ffff;
/// RFC 9018 section 4.3, in seconds.
const MAX_AGE: u32 = 3600;
const MAX_AHEAD: u32 = 300;

/// Result of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    Valid,
    Forged,
    Stale,
    /// No cookie of RFC 9018.
    No,
}

/// Seconds since 1970, as in cookies.
pub fn wall_clock() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u32::try_from(now.as_secs() & u64::from(u32::MAX)).unwrap()
}

pub fn timestamp(cookie: &Cookie) -> u32 {
    u32::from_be_bytes(cookie[12..16].try_into().unwrap())
}

/// A cookie for this source as RFC 9018 section 4 describes it.
pub fn made(secret: u128, source: &str, time: u32) -> Cookie {
    let mut cookie = *b"a client\x01\0\0\0........____";
    cookie[12..16].copy_from_slice(&time.to_be_bytes());
    sign(&mut cookie, secret, source);
    cookie
}

/// Writes the hash of a cookie.
pub fn sign(cookie: &mut Cookie, secret: u128, source: &str) {
    let hash = hash(cookie, secret, source);
    cookie[16..].copy_from_slice(&hash);
}

fn hash(cookie: &Cookie, secret: u128, source: &str) -> [u8; 8] {
    let key = secret.to_be_bytes();
    let half = |at: usize| u64::from_le_bytes(key[at..at + 8].try_into().unwrap());
    #[expect(deprecated, reason = "no other hash of the library is SipHash-2-4")]
    let mut hash = std::hash::SipHasher::new_with_keys(half(0), half(8));
    hash.write(&cookie[..16]);
    match source.parse().unwrap() {
        IpAddr::V4(address) => hash.write(&address.octets()),
        IpAddr::V6(address) => hash.write(&address.octets()),
    }
    hash.finish().to_le_bytes()
}

/// The verdict of RFC 9018 at the time `now`.
pub fn verdict(cookie: &Cookie, secret: u128, source: &str, now: u32) -> Verdict {
    let age = now.wrapping_sub(timestamp(cookie)).cast_signed();
    if cookie[8] != 1 {
        Verdict::No
    } else if age > MAX_AGE.cast_signed() || age < -MAX_AHEAD.cast_signed() {
        Verdict::Stale
    } else if cookie[16..] == hash(cookie, secret, source) {
        Verdict::Valid
    } else {
        Verdict::Forged
    }
}

/// A COOKIE option of EDNS.
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

/// The kind of a random cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Valid,
    /// The attacker has the client's cookie, and guesses the hash.
    Guessed,
    /// One bit of the hash is another.
    ChangedHash,
    /// One of the reserved bits is another than the hash says.
    ChangedReserved,
    Old,
    Future,
    WrongClient,
    WrongSource,
    WrongSecret,
    WrongVersion,
}

/// Ingredients of a random cookie.
pub struct Maker<'a> {
    pub secret: u128,
    /// Address of the packet with the cookie.
    pub source: &'a str,
    /// Time of the verification.
    pub now: u32,
    /// Seconds by which the verification may be later than `now` without another verdict.
    pub margin: u32,
}

impl Kind {
    pub const ALL: [Self; 10] = [
        Self::Valid,
        Self::Guessed,
        Self::ChangedHash,
        Self::ChangedReserved,
        Self::Old,
        Self::Future,
        Self::WrongClient,
        Self::WrongSource,
        Self::WrongSecret,
        Self::WrongVersion,
    ];

    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Valid => Verdict::Valid,
            Self::Old | Self::Future => Verdict::Stale,
            Self::WrongVersion => Verdict::No,
            _ => Verdict::Forged,
        }
    }
}

impl Maker<'_> {
    /// A random cookie of this kind.
    pub fn cookie(&self, random: &mut Random, kind: Kind) -> Cookie {
        let mut cookie = [0; 24];
        cookie.fill_with(|| byte(random));
        cookie[8] = 1;
        if random.below(2) == 0 {
            cookie[9..12].fill(0);
        }
        if kind == Kind::WrongVersion {
            cookie[8] = [0, 2, byte(random) | 4][random.below(3)];
        }
        let time = self.now.wrapping_sub(self.age(random, kind));
        cookie[12..16].copy_from_slice(&time.to_be_bytes());
        match kind {
            Kind::Guessed => return cookie,
            Kind::WrongSource => {
                let other = neighbour(random, self.source);
                sign(&mut cookie, self.secret, &other);
            }
            Kind::WrongSecret => {
                let bit = random.below(128);
                sign(&mut cookie, self.secret ^ (1 << bit), self.source);
            }
            _ => sign(&mut cookie, self.secret, self.source),
        }
        let changed = match kind {
            Kind::ChangedHash => 16..24,
            Kind::ChangedReserved => 9..12,
            Kind::WrongClient => 0..8,
            _ => return cookie,
        };
        cookie[changed.start + random.below(changed.len())] ^= 1 << random.below(8);
        cookie
    }

    /// The age of a cookie in seconds, which wraps around. Half of the stale ones are stale by less than an hour.
    fn age(&self, random: &mut Random, kind: Kind) -> u32 {
        let first = match kind {
            Kind::Old => MAX_AGE + 1,
            Kind::Future => MAX_AHEAD + 1 + self.margin,
            _ => {
                let range = MAX_AGE + MAX_AHEAD + 1 - 2 * self.margin;
                let age = below(random, range) + self.margin;
                return age.wrapping_sub(MAX_AHEAD);
            }
        };
        let most = [3600, HALF - first - self.margin][random.below(2)];
        let off = first + below(random, most);
        if kind == Kind::Old {
            off
        } else {
            off.wrapping_neg()
        }
    }
}

/// An address that differs from this one by a bit.
fn neighbour(random: &mut Random, source: &str) -> String {
    match source.parse().unwrap() {
        IpAddr::V4(address) => {
            let bit = random.below(32);
            Ipv4Addr::from_bits(address.to_bits() ^ (1 << bit)).to_string()
        }
        IpAddr::V6(address) => {
            let bit = random.below(128);
            Ipv6Addr::from_bits(address.to_bits() ^ (1 << bit)).to_string()
        }
    }
}

fn byte(random: &mut Random) -> u8 {
    u8::try_from(random.below(256)).unwrap()
}

fn below(random: &mut Random, end: u32) -> u32 {
    u32::try_from(random.below(usize::try_from(end).unwrap())).unwrap()
}
