//! A table in the kernel, and random lists for it.

use corexdp::object::link;
use corexdp::table::prefix::{Parts, Prefix, PrefixSet, deciding};
use corexdp::table::{Leaf, Source, Values};
use support::net::Folder;
use support::objects::compile::compile_text;
use support::objects::random::Random;
use support::packets::kernel::{Map, Program};
use support::packets::sandbox::Sandbox;
use support::packets::table::PrefixTable;
use support::repository;

/// Size of `struct value`.
pub(crate) const SIZE: usize = 16;

pub(crate) struct Loaded {
    program: Program,
    pub(crate) addresses: Map,
    pub(crate) networks: Map,
    pub(crate) table: PrefixTable,
    _sandbox: Sandbox,
    _folder: Folder,
}

/// Prefix, source, and the bytes of the value.
pub(crate) type Item = (Prefix, Source, [u8; SIZE]);

/// What the program finds: the leaf of a light entry, or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Light(Leaf),
    Value([u8; SIZE]),
}

impl Loaded {
    pub(crate) fn new(items: &[Item]) -> Self {
        let folder = Folder::new();
        let headers = format!("-I{}", repository().join("bpf").display());
        let text = include_str!("lookup.bpf.c");
        let object_path = compile_text(text, "lookup", folder.path(), &[&headers, "-mcpu=v2"]);
        let object = link(&std::fs::read(&object_path).unwrap(), "xdp_prog").unwrap();
        let (mut set, mut values) = (PrefixSet::new(), Values::new(SIZE));
        for (prefix, source, value) in items {
            set.add(*prefix, *source, values.add(value)).unwrap();
        }
        set.finish();
        let table = PrefixTable::of(&object, "xdp_map", &set, &values);
        let sandbox = Sandbox::load_with(&object_path, table.ids());
        let pins = sandbox.pins();
        let map = |part: &str| Map::pinned(&pins.join("maps").join(format!("xdp_map_{part}")));
        Self {
            program: Program::pinned(&pins.join("prog")),
            addresses: map("addresses"),
            networks: map("networks"),
            table,
            _sandbox: sandbox,
            _folder: folder,
        }
    }

    pub(crate) fn parts(&self) -> Parts<'_> {
        self.table.parts()
    }

    /// What the program finds for an address.
    pub(crate) fn find(&self, address: u128) -> Found {
        let mut frame = address.to_be_bytes().to_vec();
        frame.resize(64, 0);
        let out = self.program.run(&frame).frame;
        let word = |at: usize| u32::from_ne_bytes(out[at..at + 4].try_into().unwrap());
        match (word(16), word(20)) {
            (0, 0) => Found::Nothing,
            (leaf, 0) => Found::Light(Leaf(leaf)),
            _ => Found::Value(out[24..24 + SIZE].try_into().unwrap()),
        }
    }

    /// What the entries alone say about an address.
    pub(crate) fn listed(&self, address: u128) -> Found {
        let Some(entry) = deciding(self.parts(), address) else {
            return Found::Nothing;
        };
        if !entry.leaf.is_full() {
            return Found::Light(entry.leaf);
        }
        let mut value = [0; SIZE];
        self.table.read(entry.leaf, &mut value);
        Found::Value(value)
    }
}

pub(crate) const fn ip4(address: u32, length: u8) -> Prefix {
    Prefix::new(0xffff << 32 | address as u128, 96 + length)
}

pub(crate) fn value(action: u8, port: u16) -> [u8; SIZE] {
    let mut value = [0; SIZE];
    value[0] = action;
    value[2..4].copy_from_slice(&port.to_ne_bytes());
    value
}

/// A random network of either family; few bits differ, so that networks nest and touch.
pub(crate) fn prefix(random: &mut Random) -> Prefix {
    let mut bits = |mask: u32| random.below(1 << 30) as u32 & mask;
    let near = 0x0a00_0000 ^ bits(0x0003_0103);
    let wide = [0x2001_0db8, bits(0x0001_0001), bits(3), bits(7)];
    let wide = wide
        .iter()
        .fold(0_u128, |all, part| all << 32 | u128::from(*part));
    match random.below(9) {
        0..4 => ip4(near, [8, 15, 16, 17, 24, 31, 32, 32][random.below(8)]),
        4..8 => Prefix::new(
            wide,
            [16, 32, 47, 48, 49, 64, 127, 128, 128][random.below(9)],
        ),
        _ => Prefix::new(0xffff << 32, [0, 80, 96][random.below(3)]),
    }
}

/// Addresses at the edges of a network.
pub(crate) fn edges(prefix: Prefix) -> [u128; 4] {
    let rest = u128::MAX.checked_shr(prefix.length.into()).unwrap_or(0);
    let (first, last) = (prefix.address, prefix.address | rest);
    [first, last, first.wrapping_sub(1), last.wrapping_add(1)]
}

pub(crate) fn list(random: &mut Random, count: usize) -> Vec<Item> {
    let item = |_| {
        let port = [0, 0, 53][random.below(3)];
        let action = 1 + random.below(3) as u8;
        (
            prefix(random),
            random.below(3) as Source,
            value(action, port),
        )
    };
    (0..count).map(item).collect()
}
