//! Damage to the parts that every object has: ELF header, section and symbol tables, BTF.

use super::image::{NAME, OFFSET, SIZE};
use super::wrong::{Case, Cases};

pub const CASES: &[Cases] = &[("basic", HEADER), ("basic", SECTIONS), ("basic", TYPES)];

const CUT: &str = "the file ends before its section table; it is cut short, copy it again";
const TABLE: &str = "the file has no section table; it is damaged, or was stripped of it";

const HEADER: &[Case] = &[
    (
        "empty",
        |o| o.0.clear(),
        "this is not an ELF file, so not a BPF object",
    ),
    (
        "cut-ident",
        |o| o.0.truncate(15),
        "this is not an ELF file, so not a BPF object",
    ),
    (
        "cut-header",
        |o| o.0.truncate(63),
        "the file ends inside its ELF header; it is cut short, copy it again",
    ),
    ("cut-after-header", |o| o.0.truncate(64), CUT),
    ("cut-half", |o| o.0.truncate(o.0.len() / 2), CUT),
    ("cut-last", |o| o.0.truncate(o.0.len() - 1), CUT),
    (
        "class",
        |o| o.put(4, &[1]),
        "this is a 32-bit ELF file, not a BPF object",
    ),
    ("order", |o| o.put(5, &[2]), "this is a big-endian ELF file"),
    (
        "executable",
        |o| o.put(16, &[2]),
        "this is an ELF executable for BPF, not the relocatable object that `clang -c` makes",
    ),
    (
        "machine",
        |o| o.put(18, &[0]),
        "this is an ELF object for no machine, not a BPF object",
    ),
    (
        "machine-99",
        |o| o.put(18, &[99]),
        "this is an ELF object for machine 99, not a BPF object",
    ),
    ("no-table", |o| o.put_u64(0x28, 0), TABLE),
    ("table-entry", |o| o.put(0x3a, &[40]), TABLE),
    ("table-far", |o| o.put_u64(0x28, u64::MAX), CUT),
    ("table-long", |o| o.put(0x3c, &[0xff, 0xfe]), CUT),
    ("no-names", |o| o.put(0x3e, &[0xf0, 0]), "section table: "),
];

const SECTIONS: &[Case] = &[
    (
        "far",
        |o| o.put_u64(o.header("xdp") + OFFSET, u64::MAX - 7),
        "section `xdp`: reaches past the end of the file",
    ),
    (
        "long",
        |o| o.put_u64(o.header("xdp") + SIZE, 1 << 40),
        "section `xdp`: reaches past the end of the file",
    ),
    (
        "overlap",
        |o| {
            let there = o.section("license") as u64;
            o.put_u64(o.header("xdp") + OFFSET, there);
        },
        "shares bytes of the file with section",
    ),
    (
        "name",
        |o| o.put_u32(o.header("xdp") + NAME, u32::MAX),
        "its name cannot be read",
    ),
    (
        "symbol-name",
        |o| o.put_u32(o.symbol("xdp_prog"), u32::MAX),
        "its name cannot be read",
    ),
    (
        "symbol-section",
        |o| o.put(o.symbol("xdp_prog") + 6, &[0xf0, 0]),
        "its section does not exist",
    ),
    (
        "symbols-size",
        |o| o.put_u64(o.header(".symtab") + SIZE, 24),
        "entry function `xdp_prog`: is missing; the object has no functions",
    ),
    (
        "license",
        |o| o.put(o.section("license"), &[0xff]),
        "section `license`: is not text; it must be a license such as \"GPL\"",
    ),
];

const KIND_PTR: usize = 2;
const KIND_ARRAY: usize = 3;
const KIND_STRUCT: usize = 4;
const KIND_TYPEDEF: usize = 8;
const KIND_DATASEC: usize = 15;

const TYPES: &[Case] = &[
    (
        "btf-gone",
        |o| o.put_u32(o.header(".BTF") + NAME, 0),
        "section `.maps`: the object has no types for its maps; compile with -g",
    ),
    (
        "btf-magic",
        |o| o.put(o.section(".BTF"), &[0, 0]),
        "it begins with 0x0000; BTF begins with 0xeb9f",
    ),
    (
        "btf-version",
        |o| o.put(o.section(".BTF") + 2, &[9]),
        "it is version 9; 1 is the only one known",
    ),
    (
        "btf-size",
        |o| o.put_u64(o.header(".BTF") + SIZE, 23),
        "it is 23 bytes; its header alone takes 24",
    ),
    (
        "btf-parts",
        |o| o.put_u32(o.section(".BTF") + 20, u32::MAX),
        "its header names parts that lie outside of it",
    ),
    (
        "btf-words",
        |o| {
            let length = o.u32(o.section(".BTF") + 12);
            o.put_u32(
                o.section(".BTF") + 12,
                u32::try_from(length - 1).expect("a length"),
            );
        },
        "they come in words of 4",
    ),
    (
        "btf-kind",
        |o| {
            let (_, at) = o.btf_type(KIND_ARRAY);
            o.put_u32(at + 4, 31 << 24);
        },
        "is truncated, or of a kind that corexdp does not know",
    ),
    (
        "btf-members",
        |o| {
            let (_, at) = o.btf_type(KIND_STRUCT);
            o.put(at + 4, &[0xff, 0xff]);
        },
        "is truncated, or of a kind that corexdp does not know",
    ),
    (
        "btf-reference",
        |o| {
            let (_, at) = o.btf_type(KIND_PTR);
            o.put_u32(at + 8, 0x00ff_ffff);
        },
        "there is no type 16777215; types go up to",
    ),
    (
        "btf-name",
        |o| {
            let (_, at) = o.btf_type(KIND_STRUCT);
            o.put_u32(at, u32::MAX);
        },
        "has its name at 4294967295, where no name ends",
    ),
    (
        "btf-typedefs",
        |o| {
            let (id, at) = o.btf_type(KIND_TYPEDEF);
            o.put_u32(at + 8, id);
        },
        "is one of more than 32 typedefs in a row, or of a cycle",
    ),
    (
        "btf-arrays",
        |o| {
            // The value type of the map becomes an array of itself.
            let (array, at) = o.btf_type(KIND_ARRAY);
            o.put_u32(at + 12, array);
            let (_, map) = o.btf_type(KIND_STRUCT);
            let value = o.u32(map + 12 + 3 * 12 + 4);
            let pointer = o.btf_types().nth(value - 1).expect("the type of `value`");
            o.put_u32(pointer + 8, array);
        },
        "map `xdp_map`: `value` has no size",
    ),
    (
        "btf-section",
        |o| {
            let (_, at) = o.btf_type(KIND_DATASEC);
            o.put_u32(at + 12, 0);
        },
        "map `xdp_map`: has no type information; compile the file that defines it with -g",
    ),
    (
        "btf-ext",
        |o| {
            let ext = o.section(".BTF.ext");
            o.put_u32(ext + 28, 3);
        },
        "section `.BTF.ext`: is damaged; strip it, or compile the object again",
    ),
];
