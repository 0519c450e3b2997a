//! The bytes of an object, and functions that find sections, symbols, relocations and types in them.

use std::path::Path;

/// The bytes of a valid object, which a test damages.
#[derive(Clone)]
pub struct Image(pub Vec<u8>);

/// Offsets of fields in a section header.
pub const NAME: usize = 0;
pub const TYPE: usize = 4;
pub const OFFSET: usize = 24;
pub const SIZE: usize = 32;

impl Image {
    pub fn read(path: &Path) -> Self {
        Self(std::fs::read(path).expect("a compiled object can be read"))
    }

    pub fn u16(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes([self.0[at], self.0[at + 1]]))
    }

    pub fn u32(&self, at: usize) -> usize {
        let bytes = self.0[at..at + 4].try_into().expect("four bytes");
        usize::try_from(u32::from_le_bytes(bytes)).expect("64 bits")
    }

    pub fn u64(&self, at: usize) -> usize {
        let bytes = self.0[at..at + 8].try_into().expect("eight bytes");
        usize::try_from(u64::from_le_bytes(bytes)).expect("64 bits")
    }

    pub fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub fn put_u32(&mut self, at: usize, value: u32) {
        self.put(at, &value.to_le_bytes());
    }

    pub fn put_u64(&mut self, at: usize, value: u64) {
        self.put(at, &value.to_le_bytes());
    }

    /// The NUL-terminated text at `at`.
    pub fn text(&self, at: usize) -> &str {
        let end = self.0[at..]
            .iter()
            .position(|&byte| byte == 0)
            .expect("a NUL");
        std::str::from_utf8(&self.0[at..at + end]).expect("text")
    }

    /// Offset of the header of the section with this name.
    pub fn header(&self, name: &str) -> usize {
        let (table, count, names) = (self.u64(0x28), self.u16(0x3c), self.u16(0x3e));
        let names = self.u64(table + 64 * names + OFFSET);
        let mut headers = (0..count).map(|index| table + 64 * index);
        headers
            .find(|&header| self.text(names + self.u32(header + NAME)) == name)
            .unwrap_or_else(|| panic!("there is a section {name}"))
    }

    /// Offset of the content of the section with this name.
    pub fn section(&self, name: &str) -> usize {
        self.u64(self.header(name) + OFFSET)
    }

    /// Offset of the symbol table entry with this name.
    pub fn symbol(&self, name: &str) -> usize {
        let (table, size) = (
            self.header(".symtab"),
            self.u64(self.header(".symtab") + SIZE),
        );
        let (first, names) = (self.u64(table + OFFSET), self.section(".strtab"));
        let mut symbols = (0..size / 24).map(|index| first + 24 * index);
        symbols
            .find(|&symbol| self.text(names + self.u32(symbol)) == name)
            .unwrap_or_else(|| panic!("there is a symbol {name}"))
    }

    /// Offset of the first instruction of `xdp_prog` that has a relocation.
    pub fn entry_call(&self) -> usize {
        let (start, table) = (
            self.u64(self.symbol("xdp_prog") + 8),
            self.section(".relxdp"),
        );
        let mut offsets = (0..).map(|index| self.u64(table + 16 * index));
        self.section("xdp")
            + offsets
                .find(|&offset| offset >= start)
                .expect("a relocation")
    }

    /// Offsets of the BTF types; the first is that of type 1.
    pub fn btf_types(&self) -> impl Iterator<Item = usize> {
        let btf = self.section(".BTF");
        let first = btf + self.u32(btf + 4) + self.u32(btf + 8);
        std::iter::successors(Some(first), |&at| {
            let info = self.u32(at + 4);
            let count = info & 0xffff;
            Some(match info >> 24 & 0x1f {
                1 | 14 | 17 => at + 16,
                3 => at + 24,
                4 | 5 | 15 | 19 => at + 12 + 12 * count,
                6 | 13 => at + 12 + 8 * count,
                _ => at + 12,
            })
        })
    }

    /// The first type of this kind: its number and its offset.
    pub fn btf_type(&self, kind: usize) -> (u32, usize) {
        let mut types = (1..).zip(self.btf_types());
        types
            .find(|&(_, at)| self.u32(at + 4) >> 24 & 0x1f == kind)
            .expect("a type of this kind")
    }
}
