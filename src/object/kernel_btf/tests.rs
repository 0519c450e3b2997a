//! Tests of the BTF for the kernel.

use super::*;
use crate::object::btf::section_of as section;
use crate::object::{MapKind, Type};

const FLAG: u32 = 1 << 31;

fn map(kind: MapKind, types: Option<(u32, u32)>) -> MapDef {
    MapDef {
        kind,
        btf_types: types,
        ..MapDef::new("m")
    }
}

/// Types of which some are newer than the first kernels with BTF.
const NEWER: &[&[u32]] = &[
    &[1, kind::INT << 24, 4, 32],                      // 1: int
    &[5, kind::FLOAT << 24, 8],                        // 2: float
    &[5, FLAG | kind::ENUM64 << 24 | 1, 8, 5, 1, 0],   // 3: enum64
    &[5, FLAG | kind::ENUM << 24 | 1, 4, 5, u32::MAX], // 4: signed enum
    &[5, kind::TYPE_TAG << 24, 1],                     // 5: tagged int
    &[0, kind::PTR << 24, 7],                          // 6: pointer to 7
    &[
        5,
        FLAG | kind::STRUCT << 24 | 5,
        32,
        1,
        2,
        0,
        1,
        3,
        64,
        1,
        4,
        128,
        1,
        5,
        160,
        1,
        6,
        192,
    ],
    &[5, kind::DECL_TAG << 24, 7, 0], // 8
];

/// The same types in older kinds.
const SANITIZED: &[&[u32]] = &[
    &[1, kind::INT << 24, 4, 32],
    &[
        5,
        kind::STRUCT << 24 | 5,
        32,
        7,
        3,
        0,
        11,
        4,
        64,
        15,
        5,
        128,
        19,
        6,
        160,
        23,
        7,
        192,
    ],
    &[0, kind::STRUCT << 24, 8],
    &[27, kind::INT << 24, 8, 1 << 24 | 64],
    &[29, kind::ENUM << 24 | 1, 4, 31, u32::MAX],
    &[0, kind::CONST << 24, 1],
    &[0, kind::PTR << 24, 0],
];

#[test]
fn newer_kinds_are_sanitized() {
    let btf = Btf::parse(&section(&NEWER.concat(), "\0int\0a\0")).unwrap();
    let made = build(&btf, &[map(MapKind::HASH, Some((1, 7)))]).unwrap();
    let types = made.types_of("m").unwrap();
    assert_eq!((types.key, types.value), (1, 2));
    let names = "\0int\0a\0int\0int\0int\0int\0int\0a\0a\0a\0";
    assert_eq!(made.blob, section(&SANITIZED.concat(), names));
}

#[test]
fn bitfields_keep_kind_flag() {
    let words = [
        &[0, kind::INT << 24, 4, 32][..],
        &[0, FLAG | kind::STRUCT << 24 | 1, 4, 0, 1, 3 << 24],
    ];
    let btf = Btf::parse(&section(&words.concat(), "\0")).unwrap();
    let made = build(&btf, &[map(MapKind::HASH, Some((1, 2)))]).unwrap();
    let made = Btf::parse(&made.blob).unwrap();
    let Some(Type::Composite(made)) = made.get(2) else {
        panic!("a struct")
    };
    assert_eq!(made.members().next().unwrap().bit_size, Some(3));
}

#[test]
fn maps_without_types_have_no_ids() {
    let btf = Btf::parse(&section(&[0, kind::INT << 24, 4, 32], "\0")).unwrap();
    let types = Some((1, 1));
    let mut maps = [
        map(MapKind::HASH, None),
        map(MapKind::HASH, Some((1, 0))),
        map(MapKind::HASH, types),
        map(MapKind::PERF_EVENT_ARRAY, types),
        map(MapKind::ARRAY_OF_MAPS, types),
        map(MapKind::LPM_TRIE, types),
    ];
    for (index, map) in maps.iter_mut().enumerate() {
        map.name = format!("m{index}");
    }
    let made = build(&btf, &maps).unwrap();
    let ids = maps.each_ref().map(|map| {
        let types = made.types_of(&map.name)?;
        Some((types.key, types.value))
    });
    assert_eq!(ids, [None, None, types, None, None, types]);
    assert_eq!(build(&btf, &[map(MapKind::HASH, None)]), None);
}

#[test]
fn btf_with_many_copies_of_a_long_name_is_dropped() {
    let name = "x".repeat(1000);
    let enumerators = 60_000;
    let mut words = vec![0, kind::ENUM << 24 | enumerators, 4];
    for value in 0..enumerators {
        words.extend([1, value]);
    }
    let btf = Btf::parse(&section(&words, &format!("\0{name}\0"))).unwrap();
    assert_eq!(build(&btf, &[map(MapKind::HASH, Some((1, 1)))]), None);
}
