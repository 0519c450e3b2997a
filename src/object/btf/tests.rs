//! Tests of decoding, resolving and searching types.

use super::section_of as section;
use super::*;

const fn info(kind: u32, count: u32) -> u32 {
    kind << 24 | count
}

const INT: [u32; 4] = [1, info(kind::INT, 0), 4, 32];

/// BTF with `int` as type 1, then the types in `words`. Names: `int` at 1, `a` at 5, `b` at 7.
fn types(words: &[u32]) -> Btf {
    Btf::parse(&section(&[&INT, words].concat(), "\0int\0a\0b\0")).unwrap()
}

/// Records, and the types that they encode. Their targets are type 1.
const KINDS: &[(&[u32], Type<'_>)] = &[
    (&[0, info(kind::PTR, 0), 1], Type::Pointer { target: 1 }),
    (
        &[0, info(kind::ARRAY, 0), 0, 1, 1, 9],
        Type::Array {
            element: 1,
            count: 9,
        },
    ),
    (&[5, info(kind::FWD, 0), 0], Type::Forward { name: "a" }),
    (
        &[5, info(kind::TYPEDEF, 0), 1],
        Type::Typedef {
            name: "a",
            target: 1,
        },
    ),
    (
        &[0, info(kind::VOLATILE, 0), 1],
        Type::Modifier { target: 1 },
    ),
    (&[0, info(kind::CONST, 0), 1], Type::Modifier { target: 1 }),
    (
        &[0, info(kind::RESTRICT, 0), 1],
        Type::Modifier { target: 1 },
    ),
    (
        &[5, info(kind::TYPE_TAG, 0), 1],
        Type::Modifier { target: 1 },
    ),
    (&[5, info(kind::FUNC, 0), 1], Type::Function { name: "a" }),
    (&[0, info(kind::FUNC_PROTO, 1), 1, 5, 1], Type::Prototype),
    (
        &[7, info(kind::VAR, 0), 1, 1],
        Type::Variable {
            name: "b",
            target: 1,
        },
    ),
    (
        &[5, info(kind::FLOAT, 0), 8],
        Type::Float { name: "a", size: 8 },
    ),
    (&[5, info(kind::DECL_TAG, 0), 1, 0], Type::DeclarationTag),
];

#[test]
fn every_kind_is_decoded() {
    for (words, expected) in KINDS {
        assert_eq!(types(words).get(2), Some(*expected));
    }
}

#[test]
fn integer_encoding_is_decoded() {
    let int = |bits, signed, boolean| Int {
        name: "a",
        size: 4,
        bits,
        signed,
        boolean,
    };
    for (encoding, expected) in [
        (32, int(32, false, false)),
        (1 << 24 | 32, int(32, true, false)),
        (4 << 24 | 8, int(8, false, true)),
        (5, int(5, false, false)),
    ] {
        assert_eq!(
            types(&[5, info(kind::INT, 0), 4, encoding]).get(2),
            Some(Type::Int(expected))
        );
    }
}

#[test]
fn members_have_offsets_and_bitfield_widths() {
    let plain = types(&[5, info(kind::STRUCT, 2), 8, 5, 1, 0, 7, 1, 32]);
    let Some(Type::Composite(found)) = plain.get(2) else {
        panic!("a struct")
    };
    assert_eq!((found.name, found.size, found.union), ("a", 8, false));
    let member = |name, bit_offset, bit_size| Member {
        name,
        type_id: 1,
        bit_offset,
        bit_size,
    };
    assert_eq!(
        found.members().collect::<Vec<_>>(),
        [member("a", 0, None), member("b", 32, None)]
    );
    let flag = 1 << 31;
    let bits = types(&[
        0,
        flag | info(kind::UNION, 2),
        4,
        5,
        1,
        3 << 24 | 1,
        7,
        1,
        8,
    ]);
    let Some(Type::Composite(found)) = bits.get(2) else {
        panic!("a union")
    };
    assert!(found.union);
    assert_eq!(
        found.members().collect::<Vec<_>>(),
        [member("a", 1, Some(3)), member("b", 8, None)]
    );
}

#[test]
fn enumerators_of_both_widths_are_decoded() {
    let values = |words: &[u32]| {
        let btf = types(words);
        let Some(Type::Enum(found)) = btf.get(2) else {
            panic!("an enumeration")
        };
        (
            found.size,
            found.signed,
            found.enumerators().map(|e| e.value).collect::<Vec<_>>(),
        )
    };
    let flag = 1 << 31;
    assert_eq!(
        values(&[5, info(kind::ENUM, 2), 4, 5, 7, 7, u32::MAX]),
        (4, false, vec![7, 0xffff_ffff])
    );
    assert_eq!(
        values(&[5, flag | info(kind::ENUM, 1), 4, 5, u32::MAX]),
        (4, true, vec![-1])
    );
    assert_eq!(
        values(&[5, info(kind::ENUM64, 1), 8, 5, 1, 2]),
        (8, false, vec![0x2_0000_0001])
    );
    assert_eq!(
        values(&[5, flag | info(kind::ENUM64, 1), 8, 5, u32::MAX, u32::MAX]),
        (8, true, vec![-1])
    );
}

#[test]
fn size_of_follows_typedefs_and_arrays() {
    let btf = types(
        &[
            &[0, info(kind::ARRAY, 0), 0, 1, 1, 3][..],   // 2: int[3]
            &[5, info(kind::TYPEDEF, 0), 2],              // 3: a = int[3]
            &[0, info(kind::CONST, 0), 3],                // 4: const a
            &[0, info(kind::ARRAY, 0), 0, 4, 1, 2],       // 5: const a[2]
            &[0, info(kind::PTR, 0), 5],                  // 6: pointer to that
            &[5, info(kind::FWD, 0), 0],                  // 7: struct a;
            &[0, info(kind::ARRAY, 0), 0, 5, 1, 1 << 28], // 8: too large
            &[0, info(kind::ARRAY, 0), 0, 7, 1, 1],       // 9: struct a[1]
        ]
        .concat(),
    );
    for (id, size) in [(1, 4), (2, 12), (3, 12), (4, 12), (5, 24), (6, 8)] {
        assert_eq!(btf.size_of(id), Ok(size), "type {id}");
    }
    for (id, message) in [
        (0, "type 0 has no size; it must be a complete type"),
        (7, "type 7 has no size; it must be a complete type"),
        (8, "type 8 is larger than 4 GiB"),
        (9, "type 9 has no size; it must be a complete type"),
        (99, "there is no type 99; types go up to 9"),
    ] {
        assert_eq!(btf.size_of(id), Err(Error::btf(message)), "type {id}");
    }
    assert_eq!(btf.resolve(4).unwrap().0, 2);
}

#[test]
fn cycles_are_errors() {
    let typedef = types(&[5, info(kind::TYPEDEF, 0), 3, 0, info(kind::CONST, 0), 2]);
    let array = types(&[0, info(kind::ARRAY, 0), 0, 2, 1, 1]);
    // A struct with itself as its anonymous member, and a struct with itself as two anonymous members.
    let own = types(&[5, info(kind::STRUCT, 1), 4, 0, 2, 0]);
    let two = types(&[5, info(kind::STRUCT, 2), 4, 0, 2, 0, 0, 2, 0]);
    assert!(
        typedef
            .size_of(2)
            .unwrap_err()
            .to_string()
            .contains("or of a cycle")
    );
    assert!(
        array
            .size_of(2)
            .unwrap_err()
            .to_string()
            .contains("or in a cycle")
    );
    assert_eq!(own.member(2, "a"), None);
    assert_eq!(two.member(2, "a"), None);
}

#[test]
fn member_searches_anonymous_members() {
    let btf = types(
        &[
            &[0, info(kind::STRUCT, 2), 8, 5, 1, 0, 7, 1, 32][..], // 2: { int a; int b; }
            &[0, info(kind::CONST, 0), 2],                         // 3
            &[0, info(kind::STRUCT, 2), 12, 1, 1, 0, 0, 3, 32], // 4: { int int; const struct 2; }
        ]
        .concat(),
    );
    let place = |name| btf.member(4, name).map(|member| member.bit_offset);
    assert_eq!(
        (place("int"), place("a"), place("b"), place("c"), place("")),
        (Some(0), Some(32), Some(64), None, None)
    );
    assert_eq!(btf.member(1, "a"), None);
}
