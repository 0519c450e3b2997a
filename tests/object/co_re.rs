//! CO-RE relocations: the values that a program gets from the types of a kernel.

use std::fmt::Write as _;

use corexdp::object::{Btf, LinkedObject, POISON, link};

use crate::folder;
use support::objects::compile::{compile, compile_with};
use support::objects::image::{Image, SIZE};

/// Types of a kernel with members that are moved, resized or removed.
fn kernel() -> Btf {
    let image = Image::read(&compile_with(
        "co_re",
        &folder("co_re/kernel"),
        &["-DKERNEL"],
    ));
    let header = image.header(".BTF");
    let (start, size) = (image.section(".BTF"), image.u64(header + SIZE));
    Btf::parse(&image.0[start..start + size]).unwrap()
}

fn program(entry: &str) -> LinkedObject {
    let image = Image::read(&compile("co_re", &folder(&format!("co_re/{entry}"))));
    link(&image.0, entry).unwrap()
}

/// The instructions that can have a relocation, without the load of the packet's address.
fn words(object: &LinkedObject) -> String {
    let mut words = String::new();
    for insn in &object.insns {
        let _ = match insn.opcode() {
            0xb7 | 0x18 => write!(words, "={} ", insn.imm()),
            0x61 if insn.dst() == 1 => Ok(()),
            0x61 => write!(words, "u32+{} ", insn.off()),
            0x69 => write!(words, "u16+{} ", insn.off()),
            0x71 => write!(words, "u8+{} ", insn.off()),
            0x79 => write!(words, "u64+{} ", insn.off()),
            0x67 => write!(words, "<<{} ", insn.imm()),
            0x77 => write!(words, ">>{} ", insn.imm()),
            0x85 if insn.imm() == POISON => write!(words, "poison "),
            _ => Ok(()),
        };
    }
    words.trim_end().to_owned()
}

#[test]
fn relocations_take_the_values_of_the_kernel() {
    let kernel = kernel();
    for (entry, before, expected) in [
        ("offset", "=0", "=24"),
        ("size", "=8", "=16"),
        ("element", "=18", "=38"),
        ("anonymous", "=10", "=30"),
        ("exists", "=1", "=1"),
        ("gone", "=1", "=0"),
        ("type_exists", "=1", "=1"),
        ("type_gone", "=1", "=0"),
        ("type_size", "=28", "=64"),
        ("enumerator", "=1", "=70"),
        ("no_enumerator", "=1", "=0"),
        ("load", "u32+0", "u32+24"),
        ("wider", "u32+4", "u64+16"),
        ("narrower", "u64+0", "u32+24"),
        ("load_of_gone", "u32+20", "poison"),
        ("other_header", "u16+0", "poison"),
    ] {
        let mut object = program(entry);
        assert!(object.needs_kernel_types(), "{entry}");
        assert_eq!(words(&object), before, "{entry}");
        object.resolve(&kernel).unwrap();
        assert_eq!(words(&object), expected, "{entry}");
        assert!(!object.needs_kernel_types(), "{entry}");
    }
}

#[test]
fn bit_fields_have_the_offset_and_shift_of_the_kernel() {
    let mut object = program("bit_field");
    object.resolve(&kernel()).unwrap();
    // Offset 28, size 1, the load for each possible size, and the shifts.
    assert_eq!(words(&object), "=28 =1 u16+0 u64+0 u8+0 u32+0 <<61 =0 >>61");
}

#[test]
fn headers_and_the_context_need_no_kernel_types() {
    let object = program("header");
    assert!(!object.needs_kernel_types());
    assert_eq!(words(&object), "u16+2");
}

#[test]
fn signed_member_of_another_size_is_refused() {
    let mut object = program("grown_signed");
    let error = object.resolve(&kernel()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CO-RE relocation of instruction 1, type `struct order`: its member is signed and has another size in this kernel; read it with BPF_CORE_READ"
    );
}

#[test]
fn damaged_relocations_never_panic() {
    let kernel = kernel();
    let image = Image::read(&compile("co_re", &folder("co_re/damaged")));
    let header = image.header(".BTF.ext");
    let (start, size) = (image.section(".BTF.ext"), image.u64(header + SIZE));
    for at in start..start + size {
        for byte in [1, 0xff] {
            let mut damaged = image.0.clone();
            damaged[at] = byte;
            for entry in ["bit_field", "enumerator"] {
                if let Ok(mut object) = link(&damaged, entry) {
                    let _ = object.resolve(&kernel);
                }
            }
        }
    }
}

#[test]
fn relocation_of_an_unknown_kind_is_refused() {
    let mut image = Image::read(&compile("co_re", &folder("co_re/unknown")));
    let (start, size) = (
        image.section(".BTF.ext"),
        image.u64(image.header(".BTF.ext") + SIZE),
    );
    // The last record belongs to the last section; its kind is its last word.
    image.put_u32(start + size - 4, 12);
    let error = link(&image.0, "other_header").unwrap_err();
    assert_eq!(
        error.to_string(),
        "function `other_header` in section `xdp/other_header`: instruction 1 has a CO-RE relocation for `struct tcphdr`, of a kind that corexdp does not know, such as bpf_core_type_matches; use bpf_core_type_exists"
    );
}
