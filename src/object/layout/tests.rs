//! Tests of layouts of damaged and unusual types.

use super::*;
use crate::object::btf::{Btf, kind, section_of};

const fn info(kind: u32, count: u32) -> u32 {
    kind << 24 | count
}

/// The layout of type 2, which `words` define; type 1 is `int`. Names: `int` at 1, `a` at 5, `b` at 7, `c\nd` at 9.
fn layout(words: &[u32]) -> Option<Layout> {
    let int = [1, info(kind::INT, 0), 4, 32];
    let section = section_of(&[&int, words].concat(), "\0int\0a\0b\0c\nd\0");
    Layout::of(&Btf::parse(&section).unwrap(), 2)
}

#[test]
fn cycles_and_incomplete_types_have_no_layout() {
    for (what, words) in [
        ("a typedef of itself", &[5, info(kind::TYPEDEF, 0), 2][..]),
        ("an array of itself", &[0, info(kind::ARRAY, 0), 0, 2, 1, 1]),
        (
            "a struct with itself as an anonymous member",
            &[5, info(kind::STRUCT, 1), 4, 0, 2, 0],
        ),
        ("a forward declaration", &[5, info(kind::FWD, 0), 0]),
        (
            "a member without size",
            &[
                5,
                info(kind::STRUCT, 1),
                4,
                7,
                3,
                0,
                5,
                info(kind::FWD, 0),
                0,
            ],
        ),
    ] {
        assert_eq!(layout(words), None, "{what}");
    }
}

#[test]
fn self_containing_struct_is_one_shape() {
    let layout = layout(&[5, info(kind::STRUCT, 1), 4, 7, 2, 0]).unwrap();
    assert_eq!(layout.shapes.len(), 1);
    assert_eq!(layout.find("b.b.b").unwrap().offset, 0);
}

#[test]
fn struct_with_too_many_members_has_no_layout() {
    let members = |count: u32| {
        let mut words = vec![5, info(kind::STRUCT, count), 4];
        (0..count).for_each(|_| words.extend([7, 1, 0]));
        words
    };
    assert!(layout(&members(4096)).is_some());
    assert_eq!(layout(&members(4097)), None);
}

#[test]
fn names_have_no_control_characters() {
    let words = [9, info(kind::STRUCT, 1), 4, 9, 1, 0];
    let layout = layout(&words).unwrap();
    assert_eq!(layout.whole().name, "struct cd");
    assert!(layout.find("cd").is_ok());
}

#[test]
fn huge_offsets_saturate() {
    let array = [0, info(kind::ARRAY, 0), 0, 1, 1, u32::MAX / 4];
    let layout = layout(&array).unwrap();
    let last = format!("value[{}]", u32::MAX / 4 - 1);
    assert_eq!(layout.find(&last).unwrap().offset, u32::MAX - 3 - 4);
}
