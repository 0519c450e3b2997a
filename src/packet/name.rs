//! Domain names in wire format.

use std::fmt::{self, Display, Write as _};

/// Maximum length of a label, and of a name with its root label: RFC 1035, section 2.3.4.
const MAX_LABEL: u8 = 63;
const MAX_NAME: usize = 255;

/// A domain name. Displayed as in a zone file, in lower case and without the dot at its end; the root is `.`. Of a cut
/// name, the labels that are there are displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// The labels, each after its length, without the root label. The last label of a cut name may be shorter than its
    /// length.
    wire: &'a [u8],
    is_cut: bool,
}

impl<'a> Name<'a> {
    /// Reads the name at the beginning of `bytes`, and returns the bytes behind it. `None` without any byte.
    pub fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut length = 0;
        let is_cut = loop {
            match bytes.get(length) {
                Some(0) => break false,
                Some(&label)
                    if label <= MAX_LABEL && length + 1 + usize::from(label) < MAX_NAME =>
                {
                    length += 1 + usize::from(label);
                }
                // The bytes end, or no label begins here: the first name of a message has no pointer.
                _ => break true,
            }
        };
        bytes.first()?;
        let rest = bytes.get(length + 1..).filter(|_| !is_cut);
        let wire = bytes.get(..length).unwrap_or(bytes);
        Some((Self { wire, is_cut }, rest.unwrap_or_default()))
    }

    /// True if the last labels are missing, because the bytes end within the name, or because the name is malformed.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The labels, without the root. The last label of a cut name may be incomplete.
    pub const fn labels(&self) -> Labels<'a> {
        Labels(self.wire)
    }

    /// The name of the last `count` labels, or the whole name if it has no more. `None` for a cut name, whose last labels
    /// are unknown.
    pub fn suffix(&self, count: usize) -> Option<Self> {
        if self.is_cut {
            return None;
        }
        let mut rest = self.labels();
        for _ in count..self.labels().count() {
            rest.next();
        }
        Some(Self {
            wire: rest.0,
            is_cut: false,
        })
    }
}

/// Iterator over the labels of a name.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first()?;
        let (label, rest) = rest
            .split_at_checked((*length).into())
            .unwrap_or((rest, &[]));
        self.0 = rest;
        Some(label)
    }
}

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wire.is_empty() && !self.is_cut {
            return f.write_char('.');
        }
        for (index, label) in self.labels().enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            for byte in label {
                write_byte(byte.to_ascii_lowercase(), f)?;
            }
        }
        Ok(())
    }
}

/// Writes a byte of a label. Escapes are those of RFC 1035, section 5.1: `\X` for a character with a meaning in zone
/// files, `\DDD` for bytes that are not visible ASCII.
fn write_byte(byte: u8, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match byte {
        b'.' | b'\\' | b'"' | b'$' | b'(' | b')' | b';' | b'@' => {
            f.write_char('\\')?;
            f.write_char(byte.into())
        }
        b'!'..=b'~' => f.write_char(byte.into()),
        _ => write!(f, "\\{byte:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(bytes: &[u8]) -> (Name<'_>, &[u8]) {
        Name::parse(bytes).unwrap()
    }

    #[test]
    fn names_are_displayed_as_in_zone_files() {
        for (wire, text) in [
            (&b"\0"[..], "."),
            (b"\x03wWw\x07Example\0", "www.example"),
            (b"\x04_sip\x04_udp\x03a-b\0", "_sip._udp.a-b"),
            (b"\x03a.b\x01\\\0", "a\\.b.\\\\"),
            (b"\x05\"$(;@\0", "\\\"\\$\\(\\;\\@"),
            (b"\x08\0\x1b[2J \x7f\xff\0", "\\000\\027[2j\\032\\127\\255"),
        ] {
            let (name, rest) = name(wire);
            assert_eq!((name.to_string().as_str(), rest), (text, &[][..]));
            assert!(!name.is_cut());
        }
    }

    #[test]
    fn suffix_has_the_last_labels() {
        let (name, rest) = name(b"\x03www\x07example\x03org\0rest");
        assert_eq!(rest, b"rest");
        let suffix = |count| name.suffix(count).unwrap().to_string();
        let suffixes = [0, 1, 2, 3, 4].map(suffix);
        let expected = [
            ".",
            "org",
            "example.org",
            "www.example.org",
            "www.example.org",
        ];
        assert_eq!(suffixes, expected);
        assert_eq!(name.suffix(2).unwrap().labels().count(), 2);
    }

    #[test]
    fn name_without_end_is_cut() {
        for (wire, text) in [
            (&b"\x03www\x07exam"[..], "www.exam"),
            (b"\x03www", "www"),
            (b"\x07", ""),
            // A pointer, and a label of an unknown kind.
            (b"\x03www\xc0\x0c\0\x01", "www"),
            (b"\x40", ""),
        ] {
            let (name, rest) = name(wire);
            assert_eq!((name.to_string().as_str(), rest), (text, &[][..]));
            assert_eq!((name.is_cut(), name.suffix(1)), (true, None));
        }
        assert_eq!(Name::parse(b""), None);
    }

    #[test]
    fn name_has_at_most_255_bytes() {
        let mut wire = [b"\x3f".as_slice(), &[b'a'; 63]].concat().repeat(3);
        wire.extend([b"\x3d".as_slice(), &[b'a'; 61], b"\0"].concat());
        assert_eq!(wire.len(), 255);
        assert!(!name(&wire).0.is_cut());
        wire.splice(..64, [b"\x3f".as_slice(), &[b'a'; 63], b"\x01a"].concat());
        assert!(name(&wire).0.is_cut());
    }
}
