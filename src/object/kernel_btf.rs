//! The BTF for the kernel: the types of maps, in kinds that every kernel with BTF knows.
//!
//! clang's BTF is newer than many kernels, and a kernel refuses BTF as a whole if it has one unknown kind. BTF is
//! therefore sanitized as in libbpf: FLOAT becomes an empty struct of the same size, `TYPE_TAG` becomes CONST, `DECL_TAG`
//! is omitted, an enumeration loses its flag for signedness (6.0), ENUM64 becomes an integer. Pointers become `void *`: a
//! map holds them as numbers, and their target types would add half of the object's types.

use super::btf::{self, Btf, Record, kind};
use super::map_def::MapDef;

/// Maximum size of the result in bytes. Maps are created without types if it is larger.
const MAX_SIZE: usize = 1 << 20;

/// BTF for `BPF_BTF_LOAD` (4.18), and the types of the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelBtf {
    /// The BTF: header, types and strings.
    pub blob: Vec<u8>,
    maps: Vec<MapTypes>,
}

/// Types of a map's key and value, as ids in [`KernelBtf::blob`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapTypes {
    /// Name of the map.
    pub map: String,
    /// Type id of the key.
    pub key: u32,
    /// Type id of the value.
    pub value: u32,
}

impl KernelBtf {
    /// The types of the map with this name. `None` if a type is unknown, or the kernel accepts no types for maps of that
    /// kind.
    pub fn types_of(&self, map: &str) -> Option<&MapTypes> {
        self.maps.iter().find(|types| types.map == map)
    }
}

struct Builder<'a> {
    btf: &'a Btf,
    /// New type ids, indexed by old ids; 0 for a type without a new id.
    new_ids: Vec<u32>,
    /// Old type ids, indexed by new ids minus 1.
    old_ids: Vec<u32>,
    /// The type section.
    words: Vec<u32>,
    /// The string section.
    strings: Vec<u8>,
}

/// Builds the BTF for `maps`; `None` if no map has types, or the BTF is larger than [`MAX_SIZE`].
pub(super) fn build(btf: &Btf, maps: &[MapDef]) -> Option<KernelBtf> {
    let new_ids = vec![0; usize::try_from(btf.end()).ok()?];
    let mut builder = Builder {
        btf,
        new_ids,
        old_ids: Vec::new(),
        words: Vec::new(),
        strings: vec![0],
    };
    let maps = maps.iter().filter_map(|map| builder.types_of(map));
    let maps: Vec<_> = maps.collect();
    let mut next = 0;
    while let Some(&id) = builder.old_ids.get(next) {
        builder.write(btf.record(id)?);
        next += 1;
        if builder.is_too_large() {
            return None;
        }
    }
    (!maps.is_empty()).then(|| KernelBtf {
        blob: builder.finish(),
        maps,
    })
}

impl Builder<'_> {
    /// True if the size exceeds [`MAX_SIZE`]. Checked before each name, because many types may share one long name.
    fn is_too_large(&self) -> bool {
        self.words.len() * 4 + self.strings.len() > MAX_SIZE
    }

    /// The new types of a map's key and value.
    fn types_of(&mut self, map: &MapDef) -> Option<MapTypes> {
        let (key, value) = map
            .btf_types
            .filter(|&(key, value)| key != 0 && value != 0)?;
        map.kind.takes_types().then(|| MapTypes {
            map: map.name.clone(),
            key: self.new_id(key),
            value: self.new_id(value),
        })
    }

    /// The new id of a type; 0 for a type that maps cannot have. A type without a new id gets one, and is written later.
    fn new_id(&mut self, old: u32) -> u32 {
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
            .and_then(|old| self.new_ids.get_mut(old))
        else {
            return 0;
        };
        if *new == 0 {
            self.old_ids.push(old);
            *new = u32::try_from(self.old_ids.len()).unwrap_or(0);
        }
        *new
    }

    /// Adds a name and returns its offset.
    fn add_name(&mut self, old: u32) -> u32 {
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
                self.write_head(record, kind::INT, record.size_or_type);
                self.words.extend_from_slice(record.rest);
            }
            kind::PTR => self.write_head(record, kind::PTR, 0),
            kind::ARRAY => self.write_array(record),
            kind::STRUCT | kind::UNION => self.write_composite(record),
            kind::ENUM => self.write_enumeration(record),
            kind::ENUM64 => {
                self.write_head(record, kind::INT, record.size_or_type);
                self.words.push(u32::from(record.kind_flag()) << 24 | 64);
            }
            kind::FLOAT => self
                .words
                .extend([0, kind::STRUCT << 24, record.size_or_type]),
            kind::FWD => self.write_head(record, kind::FWD, 0),
            kind::TYPE_TAG => {
                let target = self.new_id(record.size_or_type);
                self.words.extend([0, kind::CONST << 24, target]);
            }
            modifier => {
                let target = self.new_id(record.size_or_type);
                self.write_head(record, modifier, target);
            }
        }
    }

    /// Writes the three words of a `struct btf_type` without members and `kind_flag`.
    fn write_head(&mut self, record: Record, kind: u32, word: u32) {
        let name = self.add_name(record.name);
        self.words.extend([name, kind << 24, word]);
    }

    fn write_array(&mut self, record: Record) {
        self.words.extend([0, kind::ARRAY << 24, 0]);
        if let Some(&[element, index, count]) = record.triples().first() {
            let (element, index) = (self.new_id(element), self.new_id(index));
            self.words.extend([element, index, count]);
        }
    }

    fn write_composite(&mut self, record: Record) {
        let name = self.add_name(record.name);
        // `kind_flag` changes the encoding of members (5.0). Without bit-fields both encodings are equal.
        let bitfields = record.kind_flag()
            && record
                .triples()
                .iter()
                .any(|&[_, _, offset]| offset >> 24 != 0);
        let info = record.kind() << 24 | record.vlen() | u32::from(bitfields) << 31;
        self.words.extend([name, info, record.size_or_type]);
        for &[name, target, offset] in record.triples() {
            let (name, target) = (self.add_name(name), self.new_id(target));
            self.words.extend([name, target, offset]);
        }
    }

    fn write_enumeration(&mut self, record: Record) {
        let name = self.add_name(record.name);
        self.words
            .extend([name, kind::ENUM << 24 | record.vlen(), record.size_or_type]);
        for &[name, value] in record.pairs() {
            let name = self.add_name(name);
            self.words.extend([name, value]);
        }
    }

    /// Joins header, type section and string section.
    fn finish(self) -> Vec<u8> {
        btf::join(&self.words, &self.strings)
    }
}

#[cfg(test)]
mod tests;
