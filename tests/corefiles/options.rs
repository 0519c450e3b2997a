//! Options of `ebpf` that are wrong, or do not fit the object `example.o`.

use super::Wrong;

/// Lines after `elf example.o` and `if edge0`; the first is line 5 of the Corefile.
pub(crate) const OPTIONS: &[Wrong] = &[
    (
        "elf example.o",
        &["Corefile:5: elf: given twice in this block; keep one"],
    ),
    (
        "elf",
        &["Corefile:5: elf: given twice in this block; keep one"],
    ),
    (
        "if edge1",
        &["Corefile:5: if: given twice in this block; keep one"],
    ),
    (
        "if",
        &["Corefile:5: if: given twice in this block; keep one"],
    ),
    (
        "frobnicate",
        &[
            "Corefile:5: ebpf: unknown option \"frobnicate\"; use elf, prog, if, map, entry, list, metric, gauge, counter, mode, link, wait or exit",
        ],
    ),
    (
        "exit never",
        &["Corefile:5: exit: unknown exit \"never\"; use detach or hold"],
    ),
    (
        "exit",
        &["Corefile:5: exit: 0 arguments; write `exit detach|hold`"],
    ),
    (
        "exit hold\nexit hold",
        &["Corefile:6: exit: given twice in this block; keep one"],
    ),
    (
        "mode fast",
        &["Corefile:5: mode: unknown mode \"fast\"; use auto, native, generic or offload"],
    ),
    (
        "mode",
        &["Corefile:5: mode: 0 arguments; write `mode auto|native|generic|offload`"],
    ),
    (
        "mode auto\nmode native",
        &["Corefile:6: mode: given twice in this block; keep one"],
    ),
    (
        "mode native generic",
        &["Corefile:5: mode: 2 arguments; write `mode auto|native|generic|offload`"],
    ),
    (
        "link ethernet",
        &["Corefile:5: link: unknown link \"ethernet\"; use ip or any"],
    ),
    (
        "link",
        &["Corefile:5: link: 0 arguments; write `link ip|any`"],
    ),
    (
        "link ip\nlink any",
        &["Corefile:6: link: given twice in this block; keep one"],
    ),
    (
        "wait",
        &["Corefile:5: wait: 0 arguments; write `wait DURATION`"],
    ),
    (
        "wait 5",
        &["Corefile:5: wait: \"5\" is not a duration; write one such as 30s or 1m30s"],
    ),
    (
        "wait -1s",
        &["Corefile:5: wait: \"-1s\" is not a duration; write one such as 30s or 1m30s"],
    ),
    (
        "wait soon",
        &["Corefile:5: wait: \"soon\" is not a duration; write one such as 30s or 1m30s"],
    ),
    (
        "wait 1s\nwait 2s",
        &["Corefile:6: wait: given twice in this block; keep one"],
    ),
    (
        "map",
        &["Corefile:5: map: 0 arguments; write `map [@MAP] [KEY] VALUE`"],
    ),
    (
        "map 00000000 0A0B0000.FFFF0000.00000000 00",
        &["Corefile:5: map: 3 arguments; write `map [@MAP] [KEY] VALUE`"],
    ),
    (
        "map 0A0B0000.FFFF0000.0000000",
        &["Corefile:5: map: VALUE has an odd number of digits; each byte has two"],
    ),
    (
        "map 0A0B0000.FFFF0000.0000000G",
        &["Corefile:5: map: VALUE has 'G'; write hexadecimal digits, two for each byte"],
    ),
    (
        "map 0x0A0B0000FFFF000000000000",
        &["Corefile:5: map: VALUE has 'x'; write hexadecimal digits, two for each byte"],
    ),
    (
        "map 0A0B0000",
        &["Corefile:5: map: VALUE has 4 bytes; a value of xdp_map has 12 bytes"],
    ),
    (
        "map 0A0B0000.FFFF0000.00000000.00",
        &["Corefile:5: map: VALUE has 13 bytes; a value of xdp_map has 12 bytes"],
    ),
    (
        "map ...",
        &["Corefile:5: map: VALUE is empty; write hexadecimal digits, two for each byte"],
    ),
    (
        "map \"\"",
        &["Corefile:5: map: VALUE is empty; write hexadecimal digits, two for each byte"],
    ),
    (
        "map 0 0A0B0000.FFFF0000.00000000",
        &["Corefile:5: map: KEY has an odd number of digits; each byte has two"],
    ),
    (
        "map 00.00.00.00 0A0B0000.FFFF0000.00000000",
        &["Corefile:5: map: KEY has '.'; write hexadecimal digits, two for each byte"],
    ),
    (
        "map zz000000 0A0B0000.FFFF0000.00000000",
        &["Corefile:5: map: KEY has 'z'; write hexadecimal digits, two for each byte"],
    ),
    (
        "map 000000 0A0B0000.FFFF0000.00000000",
        &["Corefile:5: map: KEY has 3 bytes; a key of xdp_map has 4 bytes"],
    ),
    (
        "map 10000000 0A0B0000.FFFF0000.00000000",
        &["Corefile:5: map: index 16 is past the end of xdp_map; the last is 15"],
    ),
    (
        "map 00000001 0A0B0000.FFFF0000.00000000",
        &[
            "Corefile:5: map: index 16777216 is past the end of xdp_map; the last is 15; a key is written as in memory, lowest byte first",
        ],
    ),
    (
        "map {$NOT_SET} 0A0B0000.FFFF0000.00000000",
        &["Corefile:5: map: KEY is empty; write hexadecimal digits, two for each byte"],
    ),
    (
        "map 0\nmetric 1\nwait x\nmode y",
        &[
            "Corefile:5: map: VALUE has an odd number of digits; each byte has two",
            "Corefile:6: metric: 1 argument; write `metric NAME [@MAP] KEY POS LEN \"HELP\"`",
            "Corefile:7: wait: \"x\" is not a duration; write one such as 30s or 1m30s",
            "Corefile:8: mode: unknown mode \"y\"; use auto, native, generic or offload",
        ],
    ),
    (
        "map {\n  0A0B0000.FFFF0000.00000000\n}",
        &["Corefile:5: map: 3 arguments; write `map [@MAP] [KEY] VALUE`"],
    ),
];

/// Lines that replace `elf`, after `if edge0`: line 4 of the Corefile.
pub(crate) const ELF: &[Wrong] = &[
    (
        "elf \"\"",
        &["Corefile:4: elf: PROGRAM is empty; was a variable not set?"],
    ),
    (
        "elf {$NOT_SET}",
        &["Corefile:4: elf: PROGRAM is empty; was a variable not set?"],
    ),
    (
        "elf example.o example.o",
        &["Corefile:4: elf: 2 arguments; write `elf PROGRAM`"],
    ),
];

/// Lines that replace `if`, after `elf example.o`: line 4 of the Corefile.
pub(crate) const INTERFACE: &[Wrong] = &[
    (
        "if \"\"",
        &["Corefile:4: if: INTERFACE is empty; was a variable not set?"],
    ),
    (
        concat!(
            "if abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz",
            "-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrst"
        ),
        &[concat!(
            "Corefile:4: if: \"abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz",
            "-abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrst\" is not an interface name; a name has 1 to 127 bytes"
        )],
    ),
    (
        "if a/b",
        &[
            "Corefile:4: if: \"a/b\" is not an interface name; a name is not `.` or `..` and has no white space, control character, `/` or `:`",
        ],
    ),
    (
        "if a:0",
        &[
            "Corefile:4: if: \"a:0\" is not an interface name; a name is not `.` or `..` and has no white space, control character, `/` or `:`",
        ],
    ),
    (
        "if .",
        &[
            "Corefile:4: if: \".\" is not an interface name; a name is not `.` or `..` and has no white space, control character, `/` or `:`",
        ],
    ),
    (
        "if \"a b\"",
        &[
            "Corefile:4: if: \"a b\" is not an interface name; a name is not `.` or `..` and has no white space, control character, `/` or `:`",
        ],
    ),
    (
        "if edge0 edge1",
        &["Corefile:4: if: 2 arguments; write `if INTERFACE`"],
    ),
];
