//! Parts of a `.BTF` section: header, type section and string section.

use super::record::Record;
use crate::base::hex::Count;
use crate::object::error::Error;

/// First bytes of the header, and its version.
const MAGIC: u16 = 0xeb9f;
const VERSION: u8 = 1;
/// Size of `struct btf_header` in bytes.
const HEADER: usize = 24;
/// Maximum number of types in the kernel (`BTF_MAX_TYPE`).
const MAX_TYPES: usize = 0x000f_ffff;

/// Splits the section into its type section and its string section.
pub(super) fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let Some((header, _)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Error::btf(format!(
            "it is {}; its header alone takes {HEADER}",
            Count(bytes.len())
        )));
    };
    let &[m0, m1, version, _, ref words @ ..] = header;
    match u16::from_le_bytes([m0, m1]) {
        MAGIC => {}
        0x9feb => return Err(Error::btf("it is big-endian; compile with -target bpfel")),
        other => {
            return Err(Error::btf(format!(
                "it begins with {other:#06x}; BTF begins with {MAGIC:#06x}"
            )));
        }
    }
    if version != VERSION {
        return Err(Error::btf(format!(
            "it is version {version}; {VERSION} is the only one known"
        )));
    }
    let mut words = words
        .as_chunks()
        .0
        .iter()
        .map(|&word| u32::from_le_bytes(word));
    let mut word = || words.next().unwrap_or(0);
    let header = word();
    let (types_at, types_len, strings_at, strings_len) = (word(), word(), word(), word());
    let part = |at: u32, len: u32| {
        let at = usize::try_from(header.checked_add(at)?).ok()?;
        bytes.get(at..at.checked_add(usize::try_from(len).ok()?)?)
    };
    match (part(types_at, types_len), part(strings_at, strings_len)) {
        (Some(_), Some(_)) if types_len % 4 != 0 => Err(Error::btf(format!(
            "its types take {types_len} bytes; they come in words of 4"
        ))),
        (Some(types), Some(strings)) => Ok((types, strings)),
        _ => Err(Error::btf(
            "its header names parts that lie outside of it; the section is cut or damaged",
        )),
    }
}

/// Joins a type section and a string section to a `.BTF` section, with a header.
pub(in crate::object) fn join(types: &[u32], strings: &[u8]) -> Vec<u8> {
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(0);
    let (types_len, strings_len) = (length(types.len() * 4), length(strings.len()));
    let mut section = Vec::with_capacity(HEADER + types.len() * 4 + strings.len());
    section.extend_from_slice(&MAGIC.to_le_bytes());
    section.extend_from_slice(&[VERSION, 0]);
    for word in [length(HEADER), 0, types_len, types_len, strings_len]
        .iter()
        .chain(types)
    {
        section.extend_from_slice(&word.to_le_bytes());
    }
    section.extend_from_slice(strings);
    section
}

/// Finds the index of the first word of each type record.
pub(super) fn find_records(words: &[u32]) -> Result<Vec<u32>, Error> {
    let (mut starts, mut rest) = (Vec::new(), words);
    while !rest.is_empty() {
        let id = starts.len() + 1;
        let Some(record) = Record::first_of(rest) else {
            return Err(Error::btf(format!(
                "type {id} is truncated, or of a kind that corexdp does not know (19 is the newest)"
            )));
        };
        if id > MAX_TYPES {
            return Err(Error::btf(format!(
                "it has more than {MAX_TYPES} types, the kernel's limit"
            )));
        }
        starts.push(
            u32::try_from(words.len() - rest.len())
                .map_err(|_| Error::btf("it is larger than 4 GiB"))?,
        );
        rest = rest.get(3 + record.rest.len()..).unwrap_or_default();
    }
    Ok(starts)
}

#[cfg(test)]
mod tests {
    use crate::object::Error;
    use crate::object::btf::section_of as section;
    use crate::object::btf::{Btf, kind};

    const fn info(kind: u32, count: u32) -> u32 {
        kind << 24 | count
    }

    const INT: [u32; 4] = [1, info(kind::INT, 0), 4, 32];

    #[test]
    fn damaged_sections_are_refused() {
        let good = section(&INT, "\0int\0");
        let with = |at: usize, bytes: &[u8]| {
            let mut bad = good.clone();
            bad[at..at + bytes.len()].copy_from_slice(bytes);
            bad
        };
        let (many, last) = (u32::MAX.to_le_bytes(), good.len() - 1);
        let outside =
            "its header names parts that lie outside of it; the section is cut or damaged";
        let truncated =
            "type 1 is truncated, or of a kind that corexdp does not know (19 is the newest)";
        for (bytes, expected) in [
            (vec![], "it is 0 bytes; its header alone takes 24"),
            (
                good[..23].to_vec(),
                "it is 23 bytes; its header alone takes 24",
            ),
            (
                with(0, b"XX"),
                "it begins with 0x5858; BTF begins with 0xeb9f",
            ),
            (
                with(0, &[0xeb, 0x9f]),
                "it is big-endian; compile with -target bpfel",
            ),
            (with(2, &[2]), "it is version 2; 1 is the only one known"),
            (with(4, &many), outside),
            (with(12, &many), outside),
            (
                with(12, &[15]),
                "its types take 15 bytes; they come in words of 4",
            ),
            (with(12, &[8]), truncated),
            (with(31, &[31]), truncated),
            (
                with(24, &many),
                "type 1 has its name at 4294967295, where no name ends",
            ),
            (
                with(last, b"x"),
                "type 1 has its name at 1, where no name ends",
            ),
            (with(last, &[0xff]), "a name is not UTF-8"),
        ] {
            assert_eq!(Btf::parse(&bytes).err(), Some(Error::btf(expected)));
        }
    }

    #[test]
    fn references_to_missing_types_and_names_are_refused() {
        for (bytes, expected) in [
            (
                section(&[0, info(kind::PTR, 0), 2], "\0"),
                "there is no type 2; types go up to 1",
            ),
            (
                section(&[0, info(kind::ARRAY, 0), 0, 0, 7, 0], "\0"),
                "there is no type 7; types go up to 1",
            ),
            (
                section(&[0, info(kind::STRUCT, 1), 0, 0, 7, 0], "\0"),
                "there is no type 7; types go up to 1",
            ),
            (
                section(&[0, info(kind::ENUM, 1), 4, 7, 0], "\0"),
                "type 1 has its name at 7, where no name ends",
            ),
            (
                section(&[0, info(kind::DATASEC, 1), 4, 7, 0, 0], "\0"),
                "there is no type 7; types go up to 1",
            ),
        ] {
            assert_eq!(Btf::parse(&bytes).err(), Some(Error::btf(expected)));
        }
    }
}
