//! Domain names as keys. A key of the type `struct qname`, whose only member is an array of `char`, has the form that the
//! shipped program `qname` looks up: a name in lower case, without a dot at its end, padded with zeros.

use super::KEY;
use crate::base::escape::{Escaped, Quoted};
use crate::base::hex::Count;
use crate::list::Reason;
use crate::object::layout::Kind;
use crate::object::{Layout, NAME_KEY};

/// Name of the type in C.
const TYPE: &str = "struct qname";
/// Maximum length of a label, and of a name as text, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 253;
/// Bytes of the longest name in wire format, without the root label.
pub const WIRE_SIZE: usize = MAX_NAME + 1;
/// Characters that surround names in lists, URLs and zone files, and that no name of a host or domain has.
const FOREIGN: &str = "*\\:^|@\"'<>(),;";

/// True if keys of this layout are domain names.
pub(super) fn is_key(layout: &Layout) -> bool {
    layout.whole().name == TYPE && layout.shape(layout.core()).kind == Kind::Text
}

/// The layout of the keys of a name table.
pub(super) fn layout() -> Layout {
    Layout::text(TYPE, NAME_KEY)
}

/// Fills `out` with the name `word`.
///
/// # Errors
/// When `word` is not a name, or is longer than `out`.
pub(super) fn write(word: &str, out: &mut [u8]) -> Result<(), String> {
    let name = word.strip_suffix('.').unwrap_or(word);
    if let Some(fault) = fault(name, out.len()) {
        return Err(format!("{KEY} {} {fault}", Quoted(word)));
    }
    out.fill(0);
    let letters = name.bytes().map(|letter| letter.to_ascii_lowercase());
    for (byte, letter) in out.iter_mut().zip(letters) {
        *byte = letter;
    }
    Ok(())
}

/// Returns the name in the key `name`, in wire format without the root label. Of what [`write`] refuses, labels of more than
/// 63 bytes are cut off, and a name longer than `wire` is empty.
pub fn name_to_wire<'w>(name: &[u8], wire: &'w mut [u8; WIRE_SIZE]) -> &'w [u8] {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut size = 0;
    for label in name
        .split(|byte| *byte == b'.')
        .filter(|label| !label.is_empty())
    {
        let label = label.get(..MAX_LABEL).unwrap_or(label);
        let end = size + 1 + label.len();
        let place = wire.get_mut(size..end).and_then(<[u8]>::split_first_mut);
        let Some((length, text)) = place else {
            return &[];
        };
        *length = u8::try_from(label.len()).unwrap_or(0);
        text.copy_from_slice(label);
        size = end;
    }
    wire.get(..size).unwrap_or_default()
}

/// Fills `out` with a name in the form of the wire, without the empty label at its end.
///
/// # Errors
/// When the name is longer than `out`.
pub fn write_wire(wire: &[u8], out: &mut [u8]) -> Result<(), Reason> {
    out.fill(0);
    let text = wire.get(1..).unwrap_or_default();
    let start = out.get_mut(..text.len()).ok_or(Reason::LongName)?;
    start.copy_from_slice(text);
    let mut at = usize::from(*wire.first().unwrap_or(&0));
    // The length of each label but the first has the place of a dot.
    while let Some(length) = start.get_mut(at) {
        at += 1 + usize::from(std::mem::replace(length, b'.'));
    }
    Ok(())
}

/// The fault of a name and its remedy; `None` for a valid name of at most `room` bytes.
fn fault(name: &str, room: usize) -> Option<String> {
    let is_foreign = |c: char| !c.is_ascii_graphic() || FOREIGN.contains(c);
    let longest = name.split('.').map(str::len).max().unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default();
    let most = room.min(MAX_NAME);
    if let Some(domain) = name.strip_prefix("*.") {
        Some(format!(
            "has the label `*`, which is not a wildcard; write {}, which matches the names below it too",
            Quoted(domain)
        ))
    } else if !name.is_ascii() {
        Some("is not ASCII; write its labels in Punycode, as xn--…".into())
    } else if let Some(c) = name.chars().find(|&c| is_foreign(c)) {
        Some(format!(
            "has '{}'; write the name alone, or its bytes as 0x and {} digits",
            Escaped(&c.to_string()),
            2 * room
        ))
    } else if name.split('.').any(str::is_empty) {
        Some("has an empty label; write a name with one dot between labels".into())
    } else if longest > MAX_LABEL {
        Some(format!(
            "has a label of {longest} bytes; a label has at most {MAX_LABEL}"
        ))
    } else if !last.contains(|c: char| c.is_ascii_alphabetic()) {
        // No top-level domain is a number (RFC 1123, section 2.1): the word is an address or a network.
        Some("has no letter in its last label; write a domain name".into())
    } else {
        (name.len() > most).then(|| format!("has {}; a key has at most {most}", Count(name.len())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_names_in_wire_format() {
        let longest = [[b'a'; 63]; 4].join(&b'.');
        let mut wire = [0; WIRE_SIZE];
        for (name, expected) in [
            (&b"ads.example\0\0"[..], &b"\x03ads\x07example"[..]),
            (b"\0", b""),
            (b".a..b.", b"\x01a\x01b"),
            (&longest[..254], b""),
            (&longest, b""),
        ] {
            assert_eq!(name_to_wire(name, &mut wire), expected);
        }
        let longest = name_to_wire(&longest[..253], &mut wire);
        assert_eq!((longest.len(), longest.last()), (254, Some(&b'a')));
        assert_eq!(name_to_wire(&[b'a'; 70], &mut wire).len(), 64);
    }

    #[test]
    fn names_are_written_in_lower_case_without_the_last_dot() {
        for (word, expected) in [
            ("ads.example", "ads.example"),
            ("WWW.Example", "www.example"),
            ("www.example.", "www.example"),
            (
                "_dmarc.xn--bcher-kva.example",
                "_dmarc.xn--bcher-kva.example",
            ),
            ("0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"),
            ("com", "com"),
        ] {
            let mut out = [0xaa; 64];
            write(word, &mut out).unwrap();
            let (name, padding) = out.split_at(expected.len());
            assert_eq!(name, expected.as_bytes());
            assert!(padding.iter().all(|&byte| byte == 0), "{word}");
        }
        let label = "a".repeat(63);
        let longest = [label.as_str(); 4].join(".");
        assert!(write(&longest[..253], &mut [0; 255]).is_ok());
        assert!(write(&longest[..254], &mut [0; 255]).is_err());
        assert!(write(&longest[..65], &mut [0; 64]).is_err());
        assert!(write(&format!("{label}."), &mut [0; 64]).is_ok());
    }
}
