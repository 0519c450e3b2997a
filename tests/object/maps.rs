//! Map definitions of linked objects.

use std::collections::BTreeSet;

use corexdp::object::{Btf, MapDef, MapKind, Role, Type};

use super::{GOOD, linked, loads};
use support::objects::image::SIZE;

fn definition(
    name: &str,
    kind: MapKind,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
) -> MapDef {
    MapDef {
        name: name.into(),
        kind,
        key_size,
        value_size,
        max_entries,
        flags: 0,
        numa_node: None,
        map_extra: 0,
        initial: None,
        freeze: false,
        pinned: false,
        inner: None,
        slots: vec![],
        btf_types: None,
        role: Role::Map,
    }
}

/// The map without its type ids, which depend on the compiler.
fn without_types(map: &MapDef) -> MapDef {
    let inner = map
        .inner
        .as_deref()
        .map(|inner| Box::new(without_types(inner)));
    MapDef {
        btf_types: None,
        inner,
        ..map.clone()
    }
}

#[test]
fn old_definitions_are_found_by_symbol() {
    let (_, object) = linked("old_maps", "old_maps");
    assert_eq!(object.section, "xdp_prog1");
    let mut annotated = definition("xdp_map", MapKind::HASH, 6, 4, 1024);
    annotated.flags = 1;
    let expected = [definition("other_map", MapKind::ARRAY, 4, 8, 3), annotated];
    assert_eq!(
        object.maps.iter().map(without_types).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(object.maps[0].btf_types, None);
    let (key, value) = object.maps[1].btf_types.unwrap();
    let btf = object.btf().unwrap();
    assert_eq!((btf.size_of(key), btf.size_of(value)), (Ok(6), Ok(4)));
    assert_eq!(loads(&object, &[7, 9]), [(1, 7, 0), (1, 9, 0)].into());
}

#[test]
fn old_definitions_are_found_by_section() {
    let (_, object) = linked("named_maps", "named_maps");
    let expected = [
        definition("xdp_map", MapKind::LRU_HASH, 4, 4, 8),
        definition("second", MapKind::ARRAY, 4, 16, 2),
    ];
    assert_eq!(object.maps, expected);
    assert_eq!(object.section, "xdp/filter");
    assert_eq!(loads(&object, &[3, 4]), [(1, 3, 0), (1, 4, 0)].into());
}

#[test]
fn data_sections_become_maps() {
    let (image, object) = linked("data", "data");
    let names: BTreeSet<_> = object.maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, [".bss", ".data", ".data.own", ".rodata"].into());
    let fd = |name: &str| {
        i32::try_from(object.maps.iter().position(|map| map.name == name).unwrap()).unwrap() + 10
    };
    let offset = |symbol: &str| i32::try_from(image.u64(image.symbol(symbol) + 8)).unwrap();
    let value = |name: &str, symbol: &str| {
        let at = usize::try_from(offset(symbol)).unwrap();
        let bytes = object.map(name).unwrap().initial.as_ref().unwrap();
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
    };
    assert_eq!(value(".rodata", "limit"), 0x1122_3344);
    assert_eq!(value(".rodata", "mask"), 0x5566_7788);
    assert_eq!(value(".data", "seen"), 7);
    assert_eq!(value(".data", "hidden"), 0xaabb_ccdd);
    assert_eq!(value(".data.own", "own"), 9);
    for map in &object.maps {
        let bytes = map.initial.as_ref().unwrap();
        let size = image.u64(image.header(&map.name) + SIZE);
        assert_eq!(
            (map.kind, map.key_size, map.max_entries),
            (MapKind::ARRAY, 4, 1)
        );
        assert_eq!(
            (bytes.len(), map.value_size as usize),
            (size, size),
            "{}",
            map.name
        );
        let read_only = map.name == ".rodata";
        assert_eq!(
            (map.freeze, map.flags),
            (read_only, if read_only { 128 } else { 0 })
        );
    }
    assert_eq!(object.map(".bss").unwrap().initial, Some(vec![0; 16]));
    let loads = loads(&object, &[10, 11, 12, 13]);
    for (section, symbol) in [
        (".rodata", "limit"),
        (".rodata", "mask"),
        (".rodata", "xdp_prog.format"),
        (".data", "seen"),
        (".data", "hidden"),
        (".data.own", "own"),
    ] {
        assert!(
            loads.contains(&(2, fd(section), offset(symbol))),
            "{symbol}: {loads:?}"
        );
    }
}

#[test]
fn maps_of_maps_keep_their_initialisers() {
    let (_, object) = linked("map_in_map", "map_in_map");
    let inner = |name| definition(name, MapKind::ARRAY, 4, 4, 1);
    let filled = MapDef {
        inner: Some(Box::new(inner("filled.inner"))),
        slots: vec![(0, 0), (5, 1)],
        ..definition("filled", MapKind::ARRAY_OF_MAPS, 4, 4, 8)
    };
    let empty = MapDef {
        inner: Some(Box::new(definition("empty.inner", MapKind::HASH, 2, 3, 32))),
        ..definition("empty", MapKind::HASH_OF_MAPS, 8, 4, 4)
    };
    let expected = [inner("one"), inner("another"), filled, empty];
    assert_eq!(
        object.maps.iter().map(without_types).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn every_member_of_a_definition_is_read() {
    let (_, object) = linked("kinds", "kinds");
    assert_eq!(
        (
            object.section.as_str(),
            object.frags,
            object.license.as_str()
        ),
        ("xdp.frags", true, "")
    );
    let mut trie = definition("trie", MapKind::LPM_TRIE, 8, 1, 64);
    trie.flags = 1;
    let mut bloom = definition("bloom", MapKind(30), 0, 4, 100);
    bloom.map_extra = 3;
    let mut mixed = definition("mixed", MapKind::HASH, 4, 16, 2);
    (mixed.flags, mixed.numa_node, mixed.pinned) = (4, Some(0), true);
    let events = definition("events", MapKind::PERF_EVENT_ARRAY, 4, 4, 0);
    let tails = definition("tails", MapKind::PROG_ARRAY, 4, 4, 2);
    assert_eq!(
        object.maps.iter().map(without_types).collect::<Vec<_>>(),
        [trie, bloom, mixed, events, tails]
    );
    let types = object.kernel_btf().unwrap();
    let has_types = |map: &MapDef| types.types_of(&map.name).is_some();
    assert_eq!(
        object.maps.iter().map(has_types).collect::<Vec<_>>(),
        [true, false, false, false, false]
    );
}

#[test]
fn values_can_be_read_by_member() {
    let (_, object) = linked("types", "types");
    let btf = object.btf().unwrap();
    let (_, value) = object.maps[0].btf_types.unwrap();
    let place = |name| {
        btf.member(value, name)
            .map(|found| (found.bit_offset, found.bit_size))
    };
    for (name, expected) in [
        ("verdict", Some((0, None))),
        ("low", Some((32, Some(3)))),
        ("high", Some((35, Some(5)))),
        ("source", Some((64, None))),
        ("port", Some((96, None))),
        ("raw", Some((64, None))),
        ("nested", Some((128, None))),
        ("flag", Some((352, None))),
        ("array", None),
        ("nowhere", None),
    ] {
        assert_eq!(place(name), expected, "{name}");
    }
    let raw = btf.member(value, "raw").unwrap().type_id;
    assert_eq!(btf.size_of(raw), Ok(8));
    let verdict = btf.member(value, "verdict").unwrap().type_id;
    let (_, Type::Enum(verdict)) = btf.resolve(verdict).unwrap() else {
        panic!("an enumeration")
    };
    let names: Vec<_> = verdict.enumerators().map(|found| found.name).collect();
    assert_eq!(
        (verdict.name, names),
        ("verdict", vec!["PASS", "DROP", "ASK"])
    );
}

#[test]
fn types_for_the_kernel_have_the_same_sizes() {
    for name in GOOD {
        let (_, object) = linked(name, "kernel_types");
        let Some(made) = object.kernel_btf() else {
            continue;
        };
        let btf = Btf::parse(&made.blob).unwrap();
        for map in &object.maps {
            let Some(types) = made.types_of(&map.name) else {
                continue;
            };
            assert_eq!(
                (btf.size_of(types.key), btf.size_of(types.value)),
                (Ok(map.key_size), Ok(map.value_size)),
                "{name}"
            );
        }
    }
}
