//! `dns` and `guard`: server cookies (RFC 9018) that the program verifies.

mod rates;
mod valid;

use std::time::{Duration, Instant};

use support::packets::cookie::Verdict::{self, Forged, No, Stale, Valid};
use support::packets::cookie::{Cookie, option, set_clock, set_secret, timestamp};
use support::packets::filter::Filter;
use support::packets::frame::{Packet, ip4, ip6};
use support::packets::message::{Message, query};
use support::packets::sandbox::PASS;
use support::wait::wait_until;

use super::dns::total;

const PROGRAMS: [&str; 2] = ["dns", "guard"];

/// The secret of RFC 9018 appendix A.1 to A.3, and the two of A.4.
const SECRET: u128 = 0xe5e9_73e5_a6b2_a43f_48e7_dc84_9e37_bfcf;
const OLD_SECRET: u128 = 0xdd3b_df93_44b6_78b1_85a6_f5cb_60fc_a715;
const NEW_SECRET: u128 = 0x4455_36bc_d251_3298_075a_5d37_9663_c962;

struct Vector {
    section: &'static str,
    secret: u128,
    source: &'static str,
    client: u64,
    server: u128,
}

const VECTORS: [Vector; 6] = [
    Vector {
        section: "A.1",
        secret: SECRET,
        source: "198.51.100.100",
        client: 0x2464_c4ab_cf10_c957,
        server: 0x0100_0000_5cf7_9f11_1f81_30c3_eee2_9480,
    },
    Vector {
        section: "A.2",
        secret: SECRET,
        source: "198.51.100.100",
        client: 0x2464_c4ab_cf10_c957,
        server: 0x0100_0000_5cf7_a871_d4a5_64a1_442a_ca77,
    },
    Vector {
        section: "A.3, with reserved bits",
        secret: SECRET,
        source: "203.0.113.203",
        client: 0xfc93_fc62_807d_db86,
        server: 0x01ab_cdef_5cf7_8f71_a314_227b_6679_ebf5,
    },
    Vector {
        section: "A.3, renewed",
        secret: SECRET,
        source: "203.0.113.203",
        client: 0xfc93_fc62_807d_db86,
        server: 0x0100_0000_5cf7_a9ac_f73a_7810_aca2_381e,
    },
    Vector {
        section: "A.4, with the old secret",
        secret: OLD_SECRET,
        source: "2001:db8:220:1:59de:d0f4:8769:82b8",
        client: 0x2268_1ab9_7d52_c298,
        server: 0x0100_0000_5cf7_c579_2655_6bd0_934c_72f8,
    },
    Vector {
        section: "A.4, with the new secret",
        secret: NEW_SECRET,
        source: "2001:db8:220:1:59de:d0f4:8769:82b8",
        client: 0x2268_1ab9_7d52_c298,
        server: 0x0100_0000_5cf7_c609_a6bb_79d1_6625_507a,
    },
];

impl Vector {
    fn cookie(&self) -> Cookie {
        let mut cookie = [0; 24];
        cookie[..8].copy_from_slice(&self.client.to_be_bytes());
        cookie[8..].copy_from_slice(&self.server.to_be_bytes());
        cookie
    }

    /// The time of the cookie, in seconds since 1970.
    fn time(&self) -> i64 {
        i64::from(timestamp(&self.cookie()))
    }
}

fn from(source: &str) -> Packet {
    if source.contains(':') {
        ip6(source)
    } else {
        ip4(source)
    }
}

fn with_cookie(cookie: &[u8]) -> Message {
    query("www.example", 1).edns(1232, &option(cookie))
}

fn ask(source: &str, cookie: &[u8]) -> Vec<u8> {
    from(source).datagram(53, &with_cookie(cookie).bytes).bytes
}

/// A program that passes only queries with a valid cookie.
fn load(program: &str, secrets: [u128; 2]) -> Filter {
    let filter = match program {
        // The pool of new sources has no tokens for years.
        "dns" => Filter::load(
            program,
            &[
                "@settings 0 rate=1 cookie_rate=1000000 new_rate=1",
                "@pools 0 sources.full=9000000000000000000",
            ],
        ),
        _ => Filter::load(
            program,
            &[
                "@settings 0 truncate=true cookie_rate=1000000",
                "@limits ::/0 rate=1 bucket.full=9000000000000000000",
            ],
        ),
    };
    set_secrets(&filter, secrets);
    filter
}

fn set_secrets(filter: &Filter, secrets: [u128; 2]) {
    for (number, secret) in secrets.into_iter().enumerate() {
        set_secret(filter, number, secret);
    }
}

/// Acts while the program's clock shows the middle of the second `time`. Repeats an act that took longer.
fn at<T>(filter: &Filter, time: i64, act: impl Fn() -> T) -> T {
    wait_until("an act takes less than half a second", || {
        let begin = Instant::now();
        set_clock(filter, time);
        let result = act();
        let took = begin.elapsed();
        if took < Duration::from_millis(500) {
            Ok(result)
        } else {
            Err(took)
        }
    })
}

fn counts(filter: &Filter) -> [u64; 3] {
    ["cookies_valid", "cookies_forged", "cookies_stale"].map(|name| total(filter, name))
}

/// Sends the query at this time. It must pass if and only if its cookie is valid.
fn verify(filter: &Filter, frame: &[u8], time: i64) -> Verdict {
    at(filter, time, || {
        let before = counts(filter);
        let passed = filter.run(frame).verdict == PASS;
        let after = counts(filter);
        let counted: Vec<_> = (0..3).filter(|&at| after[at] != before[at]).collect();
        let verified = match counted[..] {
            [] => No,
            [0] => Valid,
            [1] => Forged,
            [2] => Stale,
            _ => panic!("counted twice: {before:?} {after:?}"),
        };
        assert_eq!(passed, verified == Valid, "{verified:?}: {frame:02x?}");
        verified
    })
}
