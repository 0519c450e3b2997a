//! The verification of a cookie: vectors, random cookies, changes, times and places.

use std::net::{Ipv4Addr, Ipv6Addr};

use support::objects::random::Random;
use support::packets::cookie::Verdict::{Forged, No, Stale, Valid};
use support::packets::cookie::{Kind, Maker, made, option, timestamp, verdict};
use support::packets::filter::Filter;
use support::packets::frame::ip4;
use support::packets::message::query;
use support::packets::number;

use super::{
    PASS, PROGRAMS, SECRET, VECTORS, ask, at, counts, from, load, set_secrets, verify, with_cookie,
};

#[test]
fn cookies_of_the_rfc_are_valid() {
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for vector in &VECTORS {
            set_secrets(&filter, [vector.secret, 0]);
            let frame = ask(vector.source, &vector.cookie());
            let verified = verify(&filter, &frame, vector.time());
            assert_eq!(verified, Valid, "{program}: {}", vector.section);
        }
    }
}

/// Cookies of every kind, with random secrets, clients, reserved bits, addresses and times.
#[test]
fn random_cookies_match_the_reference() {
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        let mut random = Random(0xc0_0c1e);
        for number in 0..number(1000) {
            let kind = Kind::ALL[number as usize % Kind::ALL.len()];
            let maker = Maker {
                secret: u128::from_be_bytes(bytes(&mut random)),
                source: &source(&mut random),
                now: u32::from_be_bytes(bytes(&mut random)),
                margin: 0,
            };
            let cookie = maker.cookie(&mut random, kind);
            let expected = verdict(&cookie, maker.secret, maker.source, maker.now);
            assert_eq!(expected, kind.verdict(), "{kind:?}: {cookie:02x?}");
            let other = u128::from_be_bytes(bytes(&mut random));
            let secrets = [[maker.secret, 0], [0, maker.secret], [other, maker.secret]];
            set_secrets(&filter, secrets[random.below(3)]);
            let verified = verify(&filter, &ask(maker.source, &cookie), maker.now.into());
            assert_eq!(verified, expected, "{program}: {kind:?}: {cookie:02x?}");
        }
    }
}

fn bytes<const N: usize>(random: &mut Random) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.fill_with(|| u8::try_from(random.below(256)).unwrap());
    bytes
}

fn source(random: &mut Random) -> String {
    if random.below(2) == 0 {
        Ipv6Addr::from(bytes::<16>(random)).to_string()
    } else {
        Ipv4Addr::from(bytes::<4>(random)).to_string()
    }
}

#[test]
fn cookie_with_a_changed_bit_is_not_valid() {
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for vector in [&VECTORS[2], &VECTORS[5]] {
            set_secrets(&filter, [vector.secret, 0]);
            for bit in 0..24 * 8 {
                let mut cookie = vector.cookie();
                cookie[bit / 8] ^= 1 << (bit % 8);
                let age = timestamp(&vector.cookie()).wrapping_sub(timestamp(&cookie));
                let expected = match bit / 8 {
                    8 => No,
                    12..=15 if !(-300..=3600).contains(&age.cast_signed()) => Stale,
                    _ => Forged,
                };
                let verified = verify(&filter, &ask(vector.source, &cookie), vector.time());
                assert_eq!(verified, expected, "{program}: bit {bit}");
            }
        }
    }
}

#[test]
fn cookie_is_valid_for_one_address() {
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for vector in [&VECTORS[0], &VECTORS[4]] {
            set_secrets(&filter, [vector.secret, 0]);
            let frame = ask(vector.source, &vector.cookie());
            // Offset and length of the source address.
            let (begin, length) = if vector.source.contains(':') {
                (22, 16)
            } else {
                (26, 4)
            };
            for bit in 0..length * 8 {
                let mut frame = frame.clone();
                frame[begin + bit / 8] ^= 1 << (bit % 8);
                let verified = verify(&filter, &frame, vector.time());
                assert_eq!(verified, Forged, "{program}: bit {bit}");
            }
        }
    }
}

/// RFC 9018 section 4.3: an hour in the past, and five minutes in the future. The difference of times is that of RFC
/// 1982, so that cookies stay valid in 2106.
#[test]
fn cookies_are_valid_for_an_hour() {
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for now in [1_559_731_985, 1, 0x1_0000_0000, 0x1_0000_0e10] {
            for (age, expected) in [
                (0, Valid),
                (3600, Valid),
                (3601, Stale),
                (86_400, Stale),
                (0x7fff_ffff, Stale),
                (0x8000_0000, Stale),
                (-300, Valid),
                (-301, Stale),
                (-3600, Stale),
            ] {
                let time = (now - age) & 0xffff_ffff;
                let cookie = made(SECRET, "192.0.2.1", u32::try_from(time).unwrap());
                let verified = verify(&filter, &ask("192.0.2.1", &cookie), now);
                assert_eq!(verified, expected, "{program}: {age} s before {now}");
            }
        }
    }
}

/// The offset of a clock that corexdp has not written yet is 0.
#[test]
fn cookies_are_stale_while_the_time_is_unknown() {
    let vector = &VECTORS[0];
    let filter = load("dns", [SECRET, 0]);
    let frame = ask(vector.source, &vector.cookie());
    assert_ne!(filter.run(&frame).verdict, PASS);
    assert_eq!(counts(&filter), [0, 0, 1]);
}

#[test]
fn only_cookies_of_24_bytes_are_verified() {
    let vector = &VECTORS[0];
    let cookie = vector.cookie();
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for size in [0, 8, 16, 23, 25, 32, 40] {
            let mut other = cookie.to_vec();
            other.resize(size, 0xc0);
            let verified = verify(&filter, &ask(vector.source, &other), vector.time());
            assert_eq!(verified, No, "{program}: {size}");
        }
        // The option says 24 bytes, but its record ends earlier.
        for missing in 1..=24 {
            let whole = option(&cookie);
            let short = query("www.example", 1).edns(1232, &whole[..whole.len() - missing]);
            let frame = from(vector.source).datagram(53, &short.bytes).bytes;
            let padded = [&frame[..], &cookie[24 - missing..]].concat();
            for frame in [frame, padded] {
                let verified = verify(&filter, &frame, vector.time());
                assert_eq!(verified, No, "{program}: {missing} fewer bytes");
            }
        }
    }
}

#[test]
fn only_the_first_option_is_read() {
    let vector = &VECTORS[0];
    let nsid = [0, 3, 0, 0];
    let cookie = option(&vector.cookie());
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for (options, expected) in [
            ([&cookie[..], &nsid].concat(), Valid),
            ([&nsid[..], &cookie].concat(), No),
        ] {
            let message = query("www.example", 1).edns(1232, &options);
            let frame = from(vector.source).datagram(53, &message.bytes).bytes;
            assert_eq!(
                verify(&filter, &frame, vector.time()),
                expected,
                "{program}"
            );
        }
    }
}

/// IXFR (RFC 1995) has a SOA record before the OPT record.
fn second_record(source: &str, owner: &[u8], data: usize, cookie: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data).unwrap().to_be_bytes();
    let message = query("www.example", 251).with(9, 1).followed_by(owner);
    let message = message.followed_by(&[0, 6, 0, 1, 0, 0, 14, 16]);
    let message = message.followed_by(&length).followed_by(&vec![7; data]);
    let message = message.edns(1232, &option(cookie));
    from(source).datagram(53, &message.bytes).bytes
}

#[test]
fn cookie_of_the_second_record_is_verified() {
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        for vector in [&VECTORS[0], &VECTORS[5]] {
            set_secrets(&filter, [vector.secret, 0]);
            for owner in [&[0xc0, 0x0c][..], &[0]] {
                for data in [0, 1, 22, 512] {
                    let frame = second_record(vector.source, owner, data, &vector.cookie());
                    let verified = verify(&filter, &frame, vector.time());
                    assert_eq!(verified, Valid, "{program}: {owner:?}, {data} bytes");
                    let mut forged = vector.cookie();
                    forged[23] ^= 1;
                    let frame = second_record(vector.source, owner, data, &forged);
                    let verified = verify(&filter, &frame, vector.time());
                    assert_eq!(verified, Forged, "{program}: {owner:?}, {data} bytes");
                }
            }
        }
    }
}

/// A first fragment may end anywhere. Its cookie is valid if the fragment has all of it.
#[test]
fn cookie_of_a_truncated_frame_is_not_valid() {
    let message = with_cookie(&VECTORS[0].cookie());
    for program in PROGRAMS {
        let filter = load(program, [SECRET, 0]);
        let time = VECTORS[0].time();
        let frame = ask(VECTORS[0].source, &VECTORS[0].cookie());
        for end in 14..frame.len() {
            let verified = verify_cut(&filter, &frame[..end], time);
            assert!(!verified, "{program}: {end} of {} bytes", frame.len());
        }
        let packet = ip4(VECTORS[0].source).fragment4(0x2000);
        let more = message.clone().followed_by(&[0; 64]).with(11, 2);
        let frame = packet.datagram(53, &more.bytes).bytes;
        let whole = frame.len() - 64;
        for end in 14..frame.len() {
            let verified = verify_cut(&filter, &frame[..end], time);
            assert_eq!(verified, end >= whole, "{program}: {end} of {whole} bytes");
        }
    }
}

/// True if the cookie of the frame is valid.
fn verify_cut(filter: &Filter, frame: &[u8], time: i64) -> bool {
    at(filter, time, || {
        let [before, ..] = counts(filter);
        filter.run(frame);
        counts(filter)[0] != before
    })
}
