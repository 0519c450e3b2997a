//! Damage to instructions, relocations and map definitions.

use super::image::{SIZE, TYPE};
use super::wrong::{Case, Cases};

pub const CASES: &[Cases] = &[
    ("basic", CODE),
    ("calls", CALLS),
    ("data", DATA),
    ("map_in_map", MAPS),
    ("old_maps", OLD_MAPS),
];

/// Damage to the instructions of the entry function and to its only relocation, which belongs to the load of the map.
const CODE: &[Case] = &[
    (
        "relocation-far",
        |o| o.put_u64(o.section(".relxdp"), 1 << 33),
        "relocation 0: it is for offset 8589934592 of `xdp`, which has 104 bytes",
    ),
    (
        "relocation-symbol",
        |o| o.put_u32(o.section(".relxdp") + 12, 0xffff),
        "section `.relxdp`: relocation 0: symbol 65535 does not exist",
    ),
    (
        "relocation-odd",
        |o| o.put_u64(o.section(".relxdp"), 9),
        "function `xdp_prog` in section `xdp`: has a relocation at offset 9, where no instruction begins",
    ),
    (
        "relocation-elsewhere",
        |o| o.put_u64(o.section(".relxdp"), 0),
        "instruction 0 has a relocation, but is neither a call nor a 64-bit load",
    ),
    (
        "relocation-type",
        |o| o.put_u32(o.section(".relxdp") + 8, 99),
        "has a relocation of type 99, which does not apply to it",
    ),
    (
        "relocation-rela",
        |o| o.put_u32(o.header(".relxdp") + TYPE, 4),
        "section `.relxdp`: has relocations of type RELA; BPF objects use REL",
    ),
    (
        "relocation-size",
        |o| o.put_u64(o.header(".relxdp") + SIZE, 15),
        "section `.relxdp`: is 15 bytes; relocations take 16 each",
    ),
    (
        "addend",
        |o| {
            let load = o.section("xdp") + o.u64(o.section(".relxdp"));
            o.put_u32(load + 4, 8);
        },
        "refers to `xdp_map`, where no map begins",
    ),
    (
        "by-number",
        |o| {
            let load = o.section("xdp") + o.u64(o.section(".relxdp"));
            o.put(load + 1, &[0x11]);
            o.put_u64(o.header(".relxdp") + SIZE, 0);
        },
        "refers to a map or function by number; a relocation must name it",
    ),
    (
        "half-load",
        |o| {
            let size = o.u64(o.section(".relxdp")) as u64 + 8;
            o.put_u64(o.symbol("xdp_prog") + 16, size);
        },
        "is a 64-bit load without its second half",
    ),
    (
        "function-size",
        |o| o.put_u64(o.symbol("xdp_prog") + 16, 12),
        "has 12 bytes at offset 0, but instructions take 8 bytes each, at multiples of 8",
    ),
    (
        "function-long",
        |o| o.put_u64(o.symbol("xdp_prog") + 16, 1 << 20),
        "has 1048576 bytes at offset 0, but its section has 104",
    ),
    (
        "function-far",
        |o| o.put_u64(o.symbol("xdp_prog") + 8, u64::MAX - 7),
        "has 104 bytes at offset 18446744073709551608, but its section has 104",
    ),
    (
        "function-odd",
        |o| {
            o.put_u64(o.symbol("xdp_prog") + 8, 4);
            o.put_u64(o.symbol("xdp_prog") + 16, 8);
        },
        "has 8 bytes at offset 4, but instructions take 8 bytes each, at multiples of 8",
    ),
    (
        "kernel-call",
        |o| {
            let start = o.section("xdp");
            o.put(start, &[0x85, 0x20]);
        },
        "instruction 0 calls a kernel function by number; only helpers can be called",
    ),
];

const CALLS: &[Case] = &[
    (
        "far",
        |o| {
            let call = o.entry_call();
            o.put_u32(call + 4, 0x7fff_fffe);
        },
        "where none begins",
    ),
    (
        "back",
        |o| {
            let call = o.entry_call();
            o.put_u32(call + 4, 0x8000_0000);
        },
        "where none begins",
    ),
    (
        "helper",
        |o| {
            let call = o.entry_call();
            o.put(call + 1, &[0]);
        },
        "calls a helper, but has a relocation",
    ),
    (
        "twice",
        |o| {
            let relocations = o.section(".relxdp");
            let first = o.u64(relocations) as u64;
            o.put_u64(relocations + 16, first);
        },
        "section `xdp`: two relocations at offset",
    ),
    (
        "two-entries",
        |o| {
            let name = u32::try_from(o.u32(o.symbol("xdp_prog"))).expect("an offset");
            o.put_u32(o.symbol("not_the_entry"), name);
        },
        "entry function `xdp_prog`: is defined twice, in section `xdp` and in `xdp`; rename one of them",
    ),
    (
        "jump-target",
        |o| {
            // The symbol of the called function is changed from a function to an object.
            let symbol = o.symbol("elsewhere");
            o.put(symbol + 4, &[0x11]);
        },
        "to a function at offset 0 of its section, where none begins",
    ),
];

const DATA: &[Case] = &[
    (
        "bss",
        |o| o.put_u64(o.header(".bss") + SIZE, 1 << 40),
        "section `.bss`: is 1099511627776 bytes, the program's data",
    ),
    (
        "outside",
        |o| {
            let load = o.section("xdp") + o.u64(o.section(".relxdp"));
            o.put_u32(load + 4, 1000);
        },
        "refers to a place outside the 12 bytes of section `.data`",
    ),
    (
        "upper",
        |o| {
            let load = o.section("xdp") + o.u64(o.section(".relxdp"));
            o.put_u32(load + 12, 1);
        },
        "refers to a place outside the 12 bytes of section `.data`",
    ),
    (
        "absolute",
        |o| o.put(o.symbol("seen") + 6, &[0xf1, 0xff]),
        "refers to `seen`, an absolute symbol, which is not an address",
    ),
];

const MAPS: &[Case] = &[
    (
        "name-twice",
        |o| {
            let name = u32::try_from(o.u32(o.symbol("one"))).expect("an offset");
            o.put_u32(o.symbol("another"), name);
        },
        "map `one`: is defined twice; give one of the two another name",
    ),
    (
        "place-twice",
        |o| {
            let place = o.u64(o.symbol("one") + 8) as u64;
            o.put_u64(o.symbol("another") + 8, place);
        },
        "are at the same offset; a map has one name",
    ),
    (
        "slot-odd",
        |o| {
            let at = o.section(".rel.maps");
            let offset = o.u64(at) as u64;
            o.put_u64(at, offset + 1);
        },
        "is not a static initialiser; only `values` of a map of maps has them",
    ),
    (
        "slot-type",
        |o| o.put_u32(o.section(".rel.maps") + 8, 3),
        "is not a static initialiser",
    ),
    (
        "slot-first",
        |o| o.put_u64(o.section(".rel.maps"), 0),
        "section `.maps`: the address at offset 0 is not a static initialiser",
    ),
    (
        "slot-target",
        |o| {
            let at = o.section(".maps") + o.u64(o.section(".rel.maps"));
            o.put_u64(at, 4);
        },
        "belongs to `one`, which is not a map of this object",
    ),
];

const OLD_MAPS: &[Case] = &[
    (
        "size",
        |o| o.put_u64(o.header("maps") + SIZE, 36),
        "section `maps`: is 36 bytes for 2 maps; each takes the same",
    ),
    (
        "place",
        |o| {
            let symbol = o.symbol("xdp_map");
            o.put_u64(symbol + 8, 16);
        },
        "map `xdp_map`: is at offset 16; definitions of 20 bytes have it at 20",
    ),
    (
        "value-size",
        |o| {
            let definition = o.section("maps") + 20;
            o.put_u32(definition + 8, 5);
        },
        "map `xdp_map`: value_size is 5, but its value type has 4 bytes",
    ),
    (
        "entries",
        |o| {
            let definition = o.section("maps") + 20;
            o.put_u32(definition + 12, 0);
        },
        "map `xdp_map`: max_entries is 0; hash needs at least 1",
    ),
];
