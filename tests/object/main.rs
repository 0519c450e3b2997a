//! The linker with objects that clang compiled: linked programs and maps, errors for wrong objects, and no panic for
//! damaged objects.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod co_re;
mod layouts;
mod maps;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use corexdp::object::frame::Place;
use corexdp::object::{Fault, Insn, LinkedObject, MapKind, Type, link};

use support::objects::compile::{compile, compile_with};
use support::objects::image::{Image, SIZE};
use support::objects::random::Random;
use support::objects::wrong::wrong_objects;

/// Sources of objects that link.
const GOOD: &[&str] = &[
    "basic",
    "calls",
    "old_maps",
    "named_maps",
    "data",
    "map_in_map",
    "kinds",
    "types",
    "unused",
    "verdicts",
];

/// The folder of one test.
fn folder(test: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("object")
        .join(test)
}

fn linked(name: &str, test: &str) -> (Image, LinkedObject) {
    let image = Image::read(&compile(name, &folder(test)));
    let object = link(&image.0, "xdp_prog").unwrap();
    (image, object)
}

/// Slots of a function by the size of its symbol.
fn slots(image: &Image, function: &str) -> usize {
    image.u64(image.symbol(function) + 16) / Insn::SIZE
}

/// First instruction of each called function, by the calls of the program.
fn callees(object: &LinkedObject) -> BTreeSet<usize> {
    let calls = object
        .insns
        .iter()
        .enumerate()
        .filter(|(_, insn)| insn.opcode() == 0x85 && insn.src() == 1);
    calls
        .map(|(at, call)| at.checked_add_signed(call.imm() as isize + 1).unwrap())
        .collect()
}

/// Loads of map descriptors: source register, and both halves of the immediate.
fn loads(object: &LinkedObject, fds: &[i32]) -> BTreeSet<(u8, i32, i32)> {
    let canonical = Image(object.canonical(fds).unwrap());
    let start = canonical.section("xdp/xdp_prog");
    let insns = canonical.0[start..]
        .as_chunks()
        .0
        .iter()
        .copied()
        .map(Insn::from_bytes);
    let insns: Vec<_> = insns.take(object.insns.len()).collect();
    let loads = insns
        .windows(2)
        .filter(|pair| pair[0].is_wide() && pair[0].src() != 0);
    loads
        .map(|pair| (pair[0].src(), pair[0].imm(), pair[1].imm()))
        .collect()
}

#[test]
fn object_with_one_function_and_one_map_links() {
    let (image, object) = linked("basic", "basic");
    assert_eq!(
        (object.entry.as_str(), object.section.as_str()),
        ("xdp_prog", "xdp")
    );
    assert_eq!((object.license.as_str(), object.frags), ("GPL", false));
    assert_eq!(object.insns.len(), slots(&image, "xdp_prog"));
    let map = object.map("xdp_map").unwrap();
    assert_eq!(
        (map.kind, map.key_size, map.value_size, map.max_entries),
        (MapKind::PERCPU_ARRAY, 4, 8, 16)
    );
    let (key, value) = object.map("xdp_map").unwrap().btf_types.unwrap();
    let name = |id| match object.btf().unwrap().get(id) {
        Some(Type::Typedef { name, .. }) => name.to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!((name(key), name(value)), ("__u32".into(), "__u64".into()));
    assert_eq!(loads(&object, &[42]), [(1, 42, 0)].into());
    assert_eq!(object.map("other"), None);
}

#[test]
fn called_functions_are_linked_once() {
    let (image, object) = linked("calls", "calls");
    assert_eq!(object.license, "Dual BSD/GPL");
    let called = ["global", "twice", "deep", "weak", "elsewhere", "neighbour"];
    let sizes: Vec<_> = called.iter().map(|name| slots(&image, name)).collect();
    assert_eq!(
        object.insns.len(),
        slots(&image, "xdp_prog") + sizes.iter().sum::<usize>()
    );
    let starts = callees(&object);
    assert_eq!(starts.len(), called.len());
    // Each function ends with `exit`, right before the next function.
    let ends = starts.iter().map(|&start| object.insns[start - 1].opcode());
    assert!(
        ends.chain([object.insns.last().unwrap().opcode()])
            .all(|opcode| opcode == 0x95)
    );
    let mut found: Vec<_> = starts
        .iter()
        .zip(starts.iter().skip(1).chain([&object.insns.len()]))
        .map(|(a, b)| b - a)
        .collect();
    let mut expected = sizes;
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_function_of_a_section_can_be_the_entry() {
    let image = Image::read(&compile("calls", &folder("entries")));
    let object = link(&image.0, "not_the_entry").unwrap();
    let names = ["not_the_entry", "global", "twice", "deep"];
    assert_eq!(
        object.insns.len(),
        names.iter().map(|name| slots(&image, name)).sum::<usize>()
    );
    let error = link(&image.0, "elsewhere").unwrap_err().to_string();
    assert!(error.contains("is in section `other`"), "{error}");
}

#[test]
fn function_without_size_ends_at_the_next_function() {
    let mut image = Image::read(&compile("calls", &folder("sizeless")));
    let whole = link(&image.0, "xdp_prog").unwrap();
    for name in [
        "xdp_prog",
        "not_the_entry",
        "neighbour",
        "global",
        "twice",
        "deep",
    ] {
        let symbol = image.symbol(name);
        image.put_u64(symbol + 16, 0);
    }
    // A hand-written object has no BTF type for the function, either.
    let entry = image.symbol("xdp_prog");
    image.put(entry + 4, &[0x10]);
    assert_eq!(link(&image.0, "xdp_prog").unwrap().insns, whole.insns);
}

#[test]
fn uncalled_functions_need_not_link() {
    let (image, object) = linked("unused", "unused");
    assert_eq!(object.insns.len(), slots(&image, "xdp_prog"));
    assert_eq!(object.maps, []);
}

#[test]
fn object_without_debug_information_links() {
    let path = compile_with("old_maps", &folder("plain"), &["-g0"]);
    let object = link(&std::fs::read(path).unwrap(), "xdp_prog").unwrap();
    assert!(object.btf().is_none() && object.kernel_btf().is_none());
    assert_eq!(object.map("xdp_map").unwrap().btf_types, None);
}

#[test]
fn redbpf_reads_the_canonical_object() {
    for name in GOOD {
        let (_, object) = linked(name, "canonical");
        let fds: Vec<_> = (100..).take(object.maps.len()).collect();
        let bytes = object.canonical(&fds).unwrap();
        let image = Image(bytes.clone());
        assert_eq!(image.section("xdp/xdp_prog") % 8, 0);
        assert_eq!(
            image.u64(image.header("xdp/xdp_prog") + SIZE),
            object.insns.len() * Insn::SIZE
        );
        assert_eq!(image.text(image.section("license")), object.license);
        assert_eq!(
            image.u64(image.symbol("xdp_prog") + 16),
            object.insns.len() * Insn::SIZE
        );
        let module = redbpf::ModuleBuilder::parse(&bytes)
            .unwrap()
            .to_module()
            .unwrap();
        let names: Vec<_> = module.xdps().map(redbpf::XDP::name).collect();
        assert_eq!(
            (names, module.programs.len(), module.maps.len()),
            (vec!["xdp_prog".to_owned()], 1, 0)
        );
        assert_eq!(module.license, object.license);
    }
}

#[test]
fn redbpf_refuses_a_truncated_object() {
    let (_, object) = linked("unused", "truncated");
    let bytes = object.canonical(&[]).unwrap();
    for size in 0..bytes.len() {
        let start = Image(bytes[..size].to_vec());
        assert!(redbpf::ModuleBuilder::parse(&start.0).is_err(), "{size}");
    }
}

#[test]
fn canonical_objects_link_again() {
    let (_, object) = linked("unused", "again");
    let again = link(&object.canonical(&[]).unwrap(), "xdp_prog").unwrap();
    assert_eq!((again.insns, again.license), (object.insns, object.license));
}

#[test]
fn descriptors_must_fit_the_maps() {
    let (_, object) = linked("basic", "descriptors");
    for (fds, expected) in [
        (&[][..], "0 descriptors for 1 map; each map takes one"),
        (&[3, 4][..], "2 descriptors for 1 map; each map takes one"),
        (&[-1][..], "-1 is not a descriptor of a map"),
    ] {
        assert_eq!(
            object.canonical(fds),
            Err(Fault::Descriptors(expected.into()).into())
        );
    }
}

#[test]
fn wrong_objects_are_refused_with_a_reason() {
    let mut failures = Vec::new();
    let all = wrong_objects(&folder("wrong"));
    assert!(all.len() >= 20);
    for (path, expected) in all {
        match link(&std::fs::read(&path).unwrap(), "xdp_prog") {
            Ok(_) => failures.push(format!("{}: links", path.display())),
            Err(error) => {
                let message = error.to_string();
                let plain = !message.contains('\n')
                    && message.starts_with(|first: char| !first.is_uppercase());
                if !message.contains(expected) || expected.is_empty() || !plain {
                    failures.push(format!("{}: {message}", path.display()));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn damaged_objects_never_panic() {
    let good: Vec<_> = GOOD
        .iter()
        .map(|name| Image::read(&compile(name, &folder("mutations"))).0)
        .collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut links, rounds) = (0, 20_000);
    for round in 0..rounds {
        let mut bytes = good[round % good.len()].clone();
        for _ in 0..=random.below(6) {
            random.damage(&mut bytes);
        }
        if let Ok(mut object) = link(&bytes, "xdp_prog") {
            // Damaged code may leave no room for a frame.
            let _ = object.add_frame(Place::Alone);
            let fds = vec![5; object.maps.len()];
            let canonical = object.canonical(&fds).unwrap();
            let slots = object.insns.len() + object.frame_slots();
            assert!(canonical.len() > slots * Insn::SIZE);
            let _ = object.kernel_btf();
            links += 1;
        }
    }
    // Many damaged objects link, and many do not.
    assert!(
        (rounds / 20..rounds - rounds / 20).contains(&links),
        "{links} of {rounds} link"
    );
}
