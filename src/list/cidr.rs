//! The format `cidr`: a prefix, an address or a range on each line; more columns and comments may follow.

use super::sink::Sink;
use super::{Reason, address};

/// Characters that begin a comment.
pub(super) const COMMENT: [char; 2] = ['#', ';'];

/// Reads a line.
pub(super) fn line(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let text = text.split(COMMENT).next().unwrap_or_default().trim();
    let mut words = text.split([' ', '\t', ',']).filter(|word| !word.is_empty());
    let Some(first) = words.next() else {
        return Ok(());
    };
    let range = match words.next() {
        Some("-") => words.next(),
        // The columns of DShield's list: first address, last address, bits.
        Some(last) if address::parse(last).is_some() => {
            let bits = words.next().ok_or(Reason::NotAddress)?;
            bits.parse::<u8>().map_err(|_| Reason::NotAddress)?;
            Some(last)
        }
        _ => None,
    };
    match (address::parse(first), range.and_then(address::parse)) {
        (Some(first), Some(last)) => address::put_range(first, last, sink),
        _ => address::put(first, sink),
    }
}
