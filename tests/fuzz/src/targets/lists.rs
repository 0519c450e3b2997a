//! Lists: the items do not depend on how the file is read, each item is one that a map can hold, and no line takes memory
//! after the next.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use corexdp::list::{Format, Found, Item, MAX_LINE, MAX_PLACES, Parser, Reason, Report, Scope};

use super::memory;

/// Maximum memory of a parser in bytes: a line, and the names and words of a record of a zone.
const MAX_MEMORY: usize = 16 * MAX_LINE;
/// Maximum length of a name on the wire without its last byte, and of a label.
const MAX_WIRE: usize = 254;
const MAX_LABEL: usize = 63;
/// Maximum number of prefixes of a range.
const MAX_RANGE: u64 = 512;

/// Checks the bytes as a list of this format; without one, of the format that they tell.
pub fn run(input: &[u8], format: Option<Format>) {
    let (whole, items) = memory::within(MAX_MEMORY, || read(input, format, input.len().max(1)));
    for piece in [1, 7] {
        assert_eq!(read(input, format, piece), (whole.clone(), items));
    }
    check_report(&whole, input, format);
    // The format that was told gives the same items.
    if format.is_none() && whole.skipped.count() == 0 {
        assert_eq!(read(input, whole.format, 4096).1, items);
    }
}

/// The report, and a digest of the items.
fn read(input: &[u8], format: Option<Format>, piece: usize) -> (Report, u64) {
    let mut hasher = DefaultHasher::new();
    let mut visit = |found: &Found<'_>| -> Result<(), Reason> {
        check_item(&found.item);
        format!("{found:?}").hash(&mut hasher);
        Ok(())
    };
    let mut parser = Parser::new(format);
    for piece in input.chunks(piece) {
        parser.feed(piece, &mut visit);
    }
    let report = parser.finish(&mut visit);
    (report, hasher.finish())
}

fn check_item(item: &Item<'_>) {
    match *item {
        Item::Prefix { address, length } => {
            assert!((1..=128).contains(&length));
            let host_bits = u128::MAX.checked_shr(length.into()).unwrap_or(0);
            assert_eq!(address & host_bits, 0);
        }
        Item::Name { wire, .. } => check_name(wire),
    }
}

fn check_name(wire: &[u8]) {
    assert!((2..=MAX_WIRE).contains(&wire.len()));
    let (mut rest, mut text) = (wire, String::from("*."));
    while let Some((length, tail)) = rest.split_first() {
        let (label, tail) = tail.split_at(usize::from(*length));
        assert!((1..=MAX_LABEL).contains(&label.len()));
        for byte in label {
            assert!(byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(byte));
        }
        text += std::str::from_utf8(label).unwrap();
        text.push('.');
        rest = tail;
    }
    // The name as text is the same name.
    let mut again = Vec::new();
    let mut visit = |found: &Found<'_>| {
        if let Item::Name { wire, scope } = found.item {
            assert_eq!(scope, Scope::Tree);
            again.extend_from_slice(wire);
        }
        Ok(())
    };
    let mut parser = Parser::new(Some(Format::Domains));
    parser.feed(text.as_bytes(), &mut visit);
    parser.finish(&mut visit);
    assert_eq!(again, wire, "{text}");
}

fn check_report(report: &Report, input: &[u8], format: Option<Format>) {
    let lines = input.split(|byte| *byte == b'\n').count() as u64;
    let skipped = &report.skipped;
    assert!(format.is_none() || report.format == format);
    assert!(skipped.count() <= lines);
    assert_eq!(
        skipped.reasons().map(|(_, count)| count).sum::<u64>(),
        skipped.count()
    );
    let places = usize::try_from(skipped.count()).unwrap().min(MAX_PLACES);
    assert_eq!(skipped.places().len(), places);
    assert!(report.masked <= report.kept + skipped.count());
    assert!(report.kept <= lines * MAX_RANGE + input.len() as u64);
    for place in skipped.places() {
        assert!((1..=lines).contains(&place.line));
        assert!(place.excerpt.chars().count() <= 40);
    }
}
