//! Maps, metrics and functions that the object `words.o` does not have, or that do not fit.

use super::Wrong;

/// Lines after `elf words.o` and `if edge0`; the first is line 5 of the Corefile.
pub(crate) const MAPS: &[Wrong] = &[
    (
        "entry @typeless 02:00:5e:10:20:30 value=1",
        &[
            "Corefile:5: entry: the object has no type for the values of this map; compile it with -g, or write `map` and `metric`",
        ],
    ),
    (
        "entry @netwroks 10.0.0.0/8 value=1",
        &["Corefile:5: entry: FOLDER/words.o has no map @netwroks; did you mean networks?"],
    ),
    (
        "map @table 00",
        &[
            "Corefile:5: map: FOLDER/words.o has no map @table; use networks, networks6, pairs, typeless, per_cpu or xdp_map",
        ],
    ),
    (
        "metric packets @ 00 0 1 \"P\"",
        &[
            "Corefile:5: metric: FOLDER/words.o has no map @; use networks, networks6, pairs, typeless, per_cpu or xdp_map",
        ],
    ),
    (
        "map 01000000 00",
        &[
            "Corefile:5: map: VALUE has 1 byte; a value of xdp_map has 112 bytes: 99 of members, 1 of padding after tiny, 4 after delta, 4 after grid, 4 at its end",
        ],
    ),
    (
        "map @per_cpu 00000000 0000000000000000.00000000.00000000.00000000",
        &[
            "Corefile:5: map: VALUE has 20 bytes; a value of per_cpu has 24 bytes: 20 of members, 4 of padding at its end",
        ],
    ),
    (
        "map @pairs 00 0000000000000000",
        &["Corefile:5: map: KEY has 1 byte; a key of pairs has 8 bytes"],
    ),
    (
        "map @pairs 0000000000000000",
        &["Corefile:5: map: no KEY, but keys of pairs have 8 bytes; give KEY"],
    ),
    (
        "gauge packets",
        &["Corefile:5: gauge: 1 argument; write `gauge NAME [@MAP] KEY FIELD \"HELP\"`"],
    ),
    (
        "counter packets @per_cpu 0 packets",
        &["Corefile:5: counter: 4 arguments; write `counter NAME [@MAP] KEY FIELD \"HELP\"`"],
    ),
    (
        "counter packets-total 0 packets \"P\"",
        &[
            "Corefile:5: counter: \"packets-total\" is not a metric name; use letters, digits, `_` and `:`",
        ],
    ),
    (
        "gauge packets 0 packets \"P\"\ncounter packets 0 packets \"P\"",
        &["Corefile:6: counter: packets is the name of another metric already; names are unique"],
    ),
    (
        "gauge packets 0 pakets \"P\"",
        &["Corefile:5: gauge: struct rule has no member pakets; did you mean packets?"],
    ),
    (
        "gauge packets zero packets \"P\"",
        &[
            "Corefile:5: gauge: KEY is __u32, 4 bytes; it takes a number from 0 to 4294967295 or an IPv4 address or 0x and 8 digits, not \"zero\"",
        ],
    ),
    (
        "gauge packets 0 net \"P\"",
        &[
            "Corefile:5: gauge: net is struct net, 8 bytes; a metric is read from a number of 1, 2, 4 or 8 bytes",
        ],
    ),
    (
        "gauge packets 0 high \"P\"",
        &[
            "Corefile:5: gauge: high is a bit-field, and a FIELD has whole bytes; write it with `map` or read it with `metric`",
        ],
    ),
    (
        "gauge packets @per_cpu 9 packets \"P\"",
        &["Corefile:5: gauge: index 9 is past the end of per_cpu; the last is 3"],
    ),
    (
        "prog xdp_prgo",
        &[
            "Corefile:5: prog: FOLDER/words.o: entry function `xdp_prgo`: is missing; the object has `xdp_prog` in section `xdp`",
        ],
    ),
    (
        "prog",
        &["Corefile:5: prog: 0 arguments; write `prog FUNCTION`"],
    ),
    (
        "prog xdp_prog\nprog xdp_prog",
        &["Corefile:6: prog: given twice in this block; keep one"],
    ),
];
