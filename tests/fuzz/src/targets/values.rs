//! Single words: hexadecimal bytes, durations, addresses and entry values, compared with simple reference parsers.

use corexdp::base::hex;
use corexdp::config::{Address, duration};

/// Bytes of the output buffer.
const ROOM: usize = 16;
/// Maximum error of a part of a duration, in nanoseconds: each digit of its fraction is rounded down.
const ROUNDING: u128 = 20;

/// Checks one word as each of them.
pub fn run(input: &[u8]) {
    let Ok(word) = std::str::from_utf8(input) else {
        return;
    };
    check_hexadecimal(word, None);
    check_hexadecimal(word, Some(b'.'));
    check_duration(word);
    check_address(word);
    super::words::run(word);
}

fn check_hexadecimal(word: &str, skip: Option<u8>) {
    let expected = slow_hexadecimal(word, skip);
    let mut out = [0; ROOM];
    let decoded = hex::decode(word, skip, &mut out);
    let measured = hex::measure(word, skip, ROOM);
    match &expected {
        Ok(bytes) if bytes.len() > ROOM => {
            assert_eq!(
                (decoded, measured),
                (Err(hex::Error::Long), Err(hex::Error::Long))
            );
        }
        Ok(bytes) => {
            assert_eq!((decoded, measured), (Ok(bytes.len()), Ok(bytes.len())));
            assert_eq!(out[..bytes.len()], bytes[..]);
            let again = hex::Upper(bytes).to_string();
            let digits = word.bytes().filter(|&byte| Some(byte) != skip);
            assert!(
                again
                    .bytes()
                    .eq(digits.map(|digit| digit.to_ascii_uppercase()))
            );
        }
        Err(error) => {
            assert_eq!(measured, Err(*error));
            // Decoding stops at the end of the buffer, before a later error.
            assert!(decoded == Err(*error) || decoded == Err(hex::Error::Long));
        }
    }
}

fn slow_hexadecimal(word: &str, skip: Option<u8>) -> Result<Vec<u8>, hex::Error> {
    let letters: Vec<char> = word
        .chars()
        .filter(|&letter| skip.map(char::from) != Some(letter))
        .collect();
    if let Some(&letter) = letters.iter().find(|letter| !letter.is_ascii_hexdigit()) {
        return Err(hex::Error::Digit(letter));
    }
    if letters.is_empty() {
        return Err(hex::Error::Empty);
    }
    if letters.len() % 2 == 1 {
        return Err(hex::Error::Odd);
    }
    let pairs = letters.chunks(2).map(String::from_iter);
    Ok(pairs
        .map(|pair| u8::from_str_radix(&pair, 16).expect("two digits"))
        .collect())
}

/// Durations have the syntax of Go's `time.ParseDuration`, without negative ones.
fn check_duration(word: &str) {
    const LONGEST: u128 = i64::MAX as u128;
    let read = duration::parse(word).map(|duration| duration.as_nanos());
    let Some((exact, parts)) = slow_duration(word) else {
        assert_eq!(read, None, "{word:?}");
        return;
    };
    let slack = parts * ROUNDING;
    match read {
        None => assert!(exact > LONGEST, "{word:?} is {exact} ns"),
        Some(read) => assert!(
            read <= exact.min(LONGEST) && exact - read <= slack,
            "{word:?} is {exact} ns, not {read}"
        ),
    }
}

/// Nanoseconds and the number of parts of a word. Fractions are exact up to 18 digits; larger integers saturate.
fn slow_duration(word: &str) -> Option<(u128, u128)> {
    let word = word.strip_prefix('+').unwrap_or(word);
    if word == "0" {
        return Some((0, 0));
    }
    let (mut rest, mut sum, mut parts) = (word, 0_u128, 0);
    while parts == 0 || !rest.is_empty() {
        let number = rest.len()
            - rest
                .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                .len();
        let (figure, after) = rest.split_at(number);
        let unit = after.len()
            - after
                .trim_start_matches(|c: char| !c.is_ascii_digit() && c != '.')
                .len();
        let (unit, after) = after.split_at(unit);
        let scale: u128 = match unit {
            "ns" => 1,
            "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = figure.split_once('.').unwrap_or((figure, ""));
        if fraction.contains('.') || figure.is_empty() || figure == "." {
            return None;
        }
        let whole = whole.trim_start_matches('0');
        let whole: u128 = match whole.len() {
            0 => 0,
            1..=20 => whole.parse().ok()?,
            _ => u128::from(u64::MAX),
        };
        let fraction = &fraction[..fraction.len().min(18)];
        let ten = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let fraction: u128 = if fraction.is_empty() {
            0
        } else {
            fraction.parse().ok()?
        };
        sum += whole * scale + fraction * scale / ten;
        parts += 1;
        rest = after;
    }
    Some((sum, parts))
}

/// A printed address parses as the same address.
fn check_address(word: &str) {
    match Address::parse(word) {
        Ok(address) => {
            let printed = address.to_string();
            assert_eq!(
                Address::parse(&printed),
                Ok(address),
                "{word:?} {printed:?}"
            );
            assert!(address.candidates().iter().any(Option::is_some));
        }
        Err(message) => super::message::is_one_line(&message),
    }
}
