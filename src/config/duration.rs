//! Durations as Go writes them: `5s`, `1m30s`, `1.5h`, `200ms`.

use std::time::Duration;

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Parses a duration as Go's `time.ParseDuration` does. `None` for an invalid or negative duration, and for one longer
/// than 292 years (`i64` nanoseconds).
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut total = 0u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = after
            .find(|c: char| c == '.' || c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(end)?;
        let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        let whole = if whole.is_empty() {
            0
        } else {
            whole.parse::<u64>().ok()?
        };
        total = total
            .checked_add(whole.checked_mul(scale)?)?
            .checked_add(fraction_of(fraction, scale))?;
        rest = next;
    }
    i64::try_from(total)
        .ok()
        .map(|_| Duration::from_nanos(total))
}

/// Splits `text` after its leading digits.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// `0.DIGITS` of `scale` nanoseconds, rounded down digit by digit.
fn fraction_of(digits: &str, scale: u64) -> u64 {
    let mut unit = scale;
    digits.bytes().fold(0, |sum, digit| {
        unit /= 10;
        sum + unit * u64::from(digit.wrapping_sub(b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_parse_as_in_go() {
        for (text, nanoseconds) in [
            ("0", Some(0)),
            ("+0", Some(0)),
            ("0s", Some(0)),
            ("5s", Some(5_000_000_000)),
            ("1m30s", Some(90_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            (".5s", Some(500_000_000)),
            ("200ms", Some(200_000_000)),
            ("3µs", Some(3_000)),
            ("+1s", Some(1_000_000_000)),
            ("", None),
            ("+", None),
            ("5", None),
            ("s", None),
            (".s", None),
            ("-1s", None),
            ("5 s", None),
            ("5x", None),
            ("1s2", None),
            ("99999999h", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse(text), nanoseconds.map(Duration::from_nanos), "{text}");
        }
    }
}
