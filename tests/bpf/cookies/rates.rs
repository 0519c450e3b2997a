//! Secrets, and the rates of clients with a cookie.

use support::packets::cookie::Verdict::{Forged, Valid};
use support::packets::cookie::made;
use support::packets::filter::Filter;
use support::packets::sandbox::PASS;

use super::{
    NEW_SECRET, OLD_SECRET, PROGRAMS, SECRET, VECTORS, ask, at, counts, load, set_secrets, total,
    verify,
};

/// A new secret comes as the second, then becomes the first, and the old one goes.
#[test]
fn cookies_of_both_secrets_are_valid() {
    let [old, new] = [&VECTORS[4], &VECTORS[5]];
    for program in PROGRAMS {
        let filter = load(program, [0, 0]);
        for (secrets, expected) in [
            ([OLD_SECRET, 0], [Valid, Forged]),
            ([OLD_SECRET, NEW_SECRET], [Valid, Valid]),
            ([NEW_SECRET, OLD_SECRET], [Valid, Valid]),
            ([NEW_SECRET, 0], [Forged, Valid]),
            ([0, NEW_SECRET], [Forged, Valid]),
            ([0, OLD_SECRET], [Valid, Forged]),
            ([SECRET, SECRET + 1], [Forged, Forged]),
        ] {
            set_secrets(&filter, secrets);
            let verified = [old, new].map(|vector| {
                let frame = ask(vector.source, &vector.cookie());
                verify(&filter, &frame, vector.time())
            });
            assert_eq!(verified, expected, "{program}: {secrets:x?}");
        }
    }
}

/// All zero is no secret, even if a client makes cookies with it.
#[test]
fn no_secret_verifies_no_cookie() {
    let time = 1_559_731_985;
    let zero = ask("192.0.2.1", &made(0, "192.0.2.1", time));
    for (secrets, forged) in [([0, 0], 0), ([SECRET, 0], 1), ([0, SECRET], 1)] {
        let filter = load("guard", secrets);
        at(&filter, time.into(), || {
            assert_ne!(filter.run(&zero).verdict, PASS);
        });
        assert_eq!(counts(&filter), [0, forged, 0]);
        let filter = load("dns", secrets);
        at(&filter, time.into(), || {
            assert_ne!(filter.run(&zero).verdict, PASS);
        });
        assert_eq!(counts(&filter), [0, forged, 0]);
        assert_eq!(total(&filter, "cookies"), 1);
    }
}

/// Queries of this source that pass, of `times`.
fn passes(filter: &Filter, source: &str, cookie: &[u8], times: u32) -> u32 {
    let frame = ask(source, cookie);
    let verdicts = (0..times).map(|_| filter.run(&frame).verdict);
    verdicts.map(|verdict| u32::from(verdict == PASS)).sum()
}

/// Runs an attempt at the time of the cookies, before a bucket with a rate of 1 gains a token.
fn before_a_token<T>(program: &str, lines: &[&str], attempt: impl Fn(&Filter, u32) -> T) -> T {
    let time = 1_559_731_985;
    Filter::before_a_token(program, lines, |filter| {
        set_secrets(filter, [SECRET, 0]);
        at(filter, time.into(), || attempt(filter, time))
    })
}

/// A client with a valid cookie has a bucket apart from all others: its address of IPv4, or its /64 of IPv6.
#[test]
fn clients_with_a_valid_cookie_have_their_own_rate() {
    let sources = [
        ("192.0.2.1", 3),
        ("192.0.2.2", 3),
        ("2001:db8::1", 3),
        ("2001:db8::2", 0),
        ("2001:db8:0:1::1", 3),
    ];
    for (program, lines) in [
        (
            "dns",
            &["@settings 0 rate=1 cookie_rate=1 cookie_burst=3"][..],
        ),
        (
            "guard",
            &[
                "@settings 0 cookie_rate=1 cookie_burst=3",
                "@limits ::/0 source_rate=1 bucket.full=1",
            ],
        ),
    ] {
        let passed = before_a_token(program, lines, |filter, time| {
            sources.map(|(source, _)| {
                let mut forged = made(SECRET, source, time);
                forged[20] ^= 0x10;
                // One of the source's network passes as any other.
                passes(filter, source, &forged, 9);
                let cookie = made(SECRET, source, time);
                (source, passes(filter, source, &cookie, 9))
            })
        });
        assert_eq!(passed, sources, "{program}");
    }
}

/// `cookie_rate=0` is as `rate`. Without either, no cookie exempts from the rates of other prefix lengths.
#[test]
fn cookie_does_not_exempt_from_other_rates() {
    let attempt = |filter: &Filter, time| {
        let cookie = made(SECRET, "192.0.2.1", time);
        passes(filter, "192.0.2.1", &cookie, 9)
    };
    for (settings, verified, made_up) in [
        ("rate=1 burst=4", 4, 4),
        ("address_rate=1 address_burst=2", 2, 2),
        ("site_rate=1 site_burst=2", 2, 2),
        ("address_rate=1 cookie_rate=1 cookie_burst=5", 5, 1),
    ] {
        let line = format!("@settings 0 {settings}");
        assert_eq!(
            before_a_token("dns", &[&line], attempt),
            verified,
            "{settings}"
        );
        let unverified = Filter::before_a_token("dns", &[&line], |filter| attempt(filter, 0));
        assert_eq!(unverified, made_up, "{settings}");
    }
}

/// A secondary server without a limit stays so with a valid cookie.
#[test]
fn valid_cookie_does_not_limit_a_source_without_a_limit() {
    let lines = [
        "@settings 0 cookie_rate=1 cookie_burst=2",
        "@limits ::/0 source_rate=1",
        "@limits 192.0.2.1 rate=0",
    ];
    let passed = before_a_token("guard", &lines, |filter, time| {
        let cookie = made(SECRET, "192.0.2.1", time);
        passes(filter, "192.0.2.1", &cookie, 9)
    });
    assert_eq!(passed, 9);
}

#[test]
fn monitor_counts_cookies_but_drops_nothing() {
    let vector = &VECTORS[0];
    let filter = load("dns", [SECRET, 0]);
    filter.entry("@settings 0 rate=1 new_rate=1 cookie_rate=1 monitor=true");
    let mut forged = vector.cookie();
    forged[0] ^= 1;
    at(&filter, vector.time(), || {
        assert_eq!(filter.verdict(&ask(vector.source, &forged)), PASS);
        assert_eq!(filter.verdict(&ask(vector.source, &vector.cookie())), PASS);
    });
    let [valid, forged, stale] = counts(&filter);
    assert!(valid > 0 && valid == forged && stale == 0);
}
