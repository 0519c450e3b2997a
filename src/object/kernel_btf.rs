//! The types that the kernel is given along with the maps: few, and in kinds that every kernel with BTF knows.
//!
//! What clang writes is newer than many kernels, and one unknown kind makes them refuse all of it. So, as libbpf does:
//! FLOAT becomes an empty struct of its size, `TYPE_TAG` becomes CONST, `DECL_TAG` is left out, an enumeration loses its
//! flag for signedness (6.0), ENUM64 becomes the integer it is. Pointers become `void *`: in a map they are numbers,
//! and what they point to would drag in half the object.

use super::btf::{Btf, Record, kind};
use super::map_def::MapDef;

/// Most bytes made; more is of no use to anyone.
const MOST_BYTES: usize = 1 << 20;

/// Types for `BPF_BTF_LOAD` (4.18), and which of them the maps have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelBtf {
    /// What to load.
    pub blob: Vec<u8>,
    /// Parallel to [`LinkedObject::maps`](super::LinkedObject::maps): the type ids of key and value in `blob`. `None`
    /// where a type isn't known, or the kernel takes none for that kind of map.
    pub ids: Vec<Option<(u32, u32)>>,
}

struct Builder<'a> {
    btf: &'a Btf,
    /// For each old id the new one; 0 when it has none yet.
    new: Vec<u32>,
    /// Old ids in order of the new ones, from 1.
    order: Vec<u32>,
    words: Vec<u32>,
    strings: Vec<u8>,
}

pub(super) fn build(btf: &Btf, maps: &[MapDef]) -> Option<KernelBtf> {
    let new = vec![0; usize::try_from(btf.end()).ok()?];
    let mut builder = Builder {
        btf,
        new,
        order: Vec::new(),
        words: Vec::new(),
        strings: vec![0],
    };
    let ids: Vec<_> = maps.iter().map(|map| builder.ids_of(map)).collect();
    let mut next = 0;
    while let Some(&id) = builder.order.get(next) {
        builder.write(btf.record(id)?);
        next += 1;
        if builder.is_too_large() {
            return None;
        }
    }
    let any = ids.iter().any(Option::is_some);
    any.then(|| KernelBtf {
        blob: builder.finish(),
        ids,
    })
}

impl Builder<'_> {
    /// Whether it is to be given up. Many records may share one long name, so names are watched one by one.
    fn is_too_large(&self) -> bool {
        self.words.len() * 4 + self.strings.len() > MOST_BYTES
    }

    /// The new ids of a map's key and value.
    fn ids_of(&mut self, map: &MapDef) -> Option<(u32, u32)> {
        let (key, value) = map
            .btf_types
            .filter(|&(key, value)| key != 0 && value != 0)?;
        map.kind
            .takes_types()
            .then(|| (self.id(key), self.id(value)))
    }

    /// The new id of a type, which is then written in its turn.
    fn id(&mut self, old: u32) -> u32 {
        let Some(record) = self.btf.record(old) else {
            return 0;
        };
        if matches!(
            record.kind(),
            kind::FUNC | kind::FUNC_PROTO | kind::VAR | kind::DATASEC | kind::DECL_TAG
        ) {
            return 0;
        }
        let Some(new) = usize::try_from(old)
            .ok()
            .and_then(|old| self.new.get_mut(old))
        else {
            return 0;
        };
        if *new == 0 {
            self.order.push(old);
            *new = u32::try_from(self.order.len()).unwrap_or(0);
        }
        *new
    }

    /// The new offset of a name.
    fn name(&mut self, old: u32) -> u32 {
        let name = self.btf.name(old).unwrap_or_default();
        if name.is_empty() || self.is_too_large() {
            return 0;
        }
        let offset = u32::try_from(self.strings.len()).unwrap_or(0);
        self.strings.extend_from_slice(name.as_bytes());
        self.strings.push(0);
        offset
    }

    fn write(&mut self, record: Record) {
        match record.kind() {
            kind::INT => {
                self.head(record, kind::INT, record.word);
                self.words.extend_from_slice(record.rest);
            }
            kind::PTR => self.head(record, kind::PTR, 0),
            kind::ARRAY => self.array(record),
            kind::STRUCT | kind::UNION => self.composite(record),
            kind::ENUM => self.enumeration(record),
            kind::ENUM64 => {
                self.head(record, kind::INT, record.word);
                self.words.push(u32::from(record.flag()) << 24 | 64);
            }
            kind::FLOAT => self.words.extend([0, kind::STRUCT << 24, record.word]),
            kind::FWD => self.head(record, kind::FWD, 0),
            kind::TYPE_TAG => {
                let target = self.id(record.word);
                self.words.extend([0, kind::CONST << 24, target]);
            }
            modifier => {
                let target = self.id(record.word);
                self.head(record, modifier, target);
            }
        }
    }

    /// The first three words, without members and flag.
    fn head(&mut self, record: Record, kind: u32, word: u32) {
        let name = self.name(record.name);
        self.words.extend([name, kind << 24, word]);
    }

    fn array(&mut self, record: Record) {
        self.words.extend([0, kind::ARRAY << 24, 0]);
        if let Some(&[element, index, count]) = record.triples().first() {
            let (element, index) = (self.id(element), self.id(index));
            self.words.extend([element, index, count]);
        }
    }

    fn composite(&mut self, record: Record) {
        let name = self.name(record.name);
        // The flag changes how members are read, and only kernels since 5.0 know it; without bit-fields it does nothing.
        let bitfields = record.flag()
            && record
                .triples()
                .iter()
                .any(|&[_, _, place]| place >> 24 != 0);
        let info = record.kind() << 24 | record.count() | u32::from(bitfields) << 31;
        self.words.extend([name, info, record.word]);
        for &[name, target, place] in record.triples() {
            let (name, target) = (self.name(name), self.id(target));
            self.words.extend([name, target, place]);
        }
    }

    fn enumeration(&mut self, record: Record) {
        let name = self.name(record.name);
        self.words
            .extend([name, kind::ENUM << 24 | record.count(), record.word]);
        for &[name, value] in record.pairs() {
            let name = self.name(name);
            self.words.extend([name, value]);
        }
    }

    /// Header, types, strings.
    fn finish(self) -> Vec<u8> {
        let types = u32::try_from(self.words.len() * 4).unwrap_or(0);
        let strings = u32::try_from(self.strings.len()).unwrap_or(0);
        let mut blob = Vec::with_capacity(24 + self.words.len() * 4 + self.strings.len());
        blob.extend_from_slice(&[0x9f, 0xeb, 1, 0]);
        for word in [24, 0, types, types, strings].iter().chain(&self.words) {
            blob.extend_from_slice(&word.to_le_bytes());
        }
        blob.extend_from_slice(&self.strings);
        blob
    }
}

#[cfg(test)]
mod tests;
