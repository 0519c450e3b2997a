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
    // `192.0.2.0 - 192.0.2.9`, and the columns of DShield's list: first address, last address, bits.
    let second = words.next().and_then(|word| match word {
        "-" => words.next(),
        _ => Some(word),
    });
    match (address::parse(first), second.and_then(address::parse)) {
        (Some(first), Some(last)) => address::put_range(first, last, sink),
        _ => address::put(first, sink),
    }
}
