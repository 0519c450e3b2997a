//! `metric` options that are wrong, or do not fit the object `example.o`.

use super::Wrong;

/// Lines after `elf example.o` and `if edge0`; the first is line 5 of the Corefile.
pub(crate) const METRICS: &[Wrong] = &[
    (
        "metric",
        &["Corefile:5: metric: 0 arguments; write `metric NAME [@MAP] KEY POS LEN \"HELP\"`"],
    ),
    (
        "metric packets 00000000 8 4",
        &["Corefile:5: metric: 4 arguments; write `metric NAME [@MAP] KEY POS LEN \"HELP\"`"],
    ),
    (
        "metric packets 00000000 8 4 Packets of the first.",
        &["Corefile:5: metric: 8 arguments; write `metric NAME [@MAP] KEY POS LEN \"HELP\"`"],
    ),
    (
        "metric packets-total 00000000 8 4 \"P\"",
        &[
            "Corefile:5: metric: \"packets-total\" is not a metric name; use letters, digits, `_` and `:`",
        ],
    ),
    (
        "metric \"\" 00000000 8 4 \"P\"",
        &["Corefile:5: metric: \"\" is not a metric name; use letters, digits, `_` and `:`"],
    ),
    (
        "metric päckets 00000000 8 4 \"P\"",
        &["Corefile:5: metric: \"päckets\" is not a metric name; use letters, digits, `_` and `:`"],
    ),
    (
        "metric packets 0 8 4 \"P\"",
        &["Corefile:5: metric: KEY has an odd number of digits; each byte has two"],
    ),
    (
        "metric packets 0000000000 8 4 \"P\"",
        &["Corefile:5: metric: KEY has 5 bytes; a key of xdp_map has 4 bytes"],
    ),
    (
        "metric packets 10000000 8 4 \"P\"",
        &["Corefile:5: metric: index 16 is past the end of xdp_map; the last is 15"],
    ),
    (
        "metric packets 00000000 -1 4 \"P\"",
        &["Corefile:5: metric: POS is \"-1\"; write a number from 0 to 1023"],
    ),
    (
        "metric packets 00000000 x 4 \"P\"",
        &["Corefile:5: metric: POS is \"x\"; write a number from 0 to 1023"],
    ),
    (
        "metric packets 00000000 8 0 \"P\"",
        &["Corefile:5: metric: LEN is \"0\"; write a number from 1 to 8"],
    ),
    (
        "metric packets 00000000 4 9 \"P\"",
        &["Corefile:5: metric: LEN is \"9\"; write a number from 1 to 8"],
    ),
    (
        "metric packets 00000000 9 4 \"P\"",
        &[
            "Corefile:5: metric: POS 9 and LEN 4 reach past the value; a value of xdp_map has 12 bytes",
        ],
    ),
    (
        "metric packets 00000000 12 1 \"P\"",
        &[
            "Corefile:5: metric: POS 12 and LEN 1 reach past the value; a value of xdp_map has 12 bytes",
        ],
    ),
    (
        "metric packets 00000000 1024 8 \"P\"",
        &["Corefile:5: metric: POS is \"1024\"; write a number from 0 to 1023"],
    ),
    (
        "metric packets 00000000 99999999999999999999 8 \"P\"",
        &["Corefile:5: metric: POS is \"99999999999999999999\"; write a number from 0 to 1023"],
    ),
    (
        "metric packets 00000000 8 4 \"P\"\nmetric packets 01000000 8 4 \"Q\"",
        &["Corefile:6: metric: packets is the name of another metric already; names are unique"],
    ),
];
