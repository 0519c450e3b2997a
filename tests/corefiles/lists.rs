//! `list` lines that are wrong, or do not fit the object `lists.o`.

use super::Wrong;

/// Lines after `elf lists.o` and `if edge0`; the first is line 5 of the Corefile. The folder has the file `block`, with
/// one network, and the file `hosts`, with one name.
pub(crate) const LISTS: &[Wrong] = &[
    (
        "list",
        &[
            "Corefile:5: list: 0 arguments; write `list [@MAP] FILE [as FORMAT] [FIELD=VALUE…] [at-least N]`",
        ],
    ),
    (
        "list @networks",
        &[
            "Corefile:5: list: 1 argument; write `list [@MAP] FILE [as FORMAT] [FIELD=VALUE…] [at-least N]`",
        ],
    ),
    (
        "list @networks {$NOT_SET}",
        &["Corefile:5: list: FILE is empty; was a variable not set?"],
    ),
    (
        "list @networks verdict=VERDICT_DROP block",
        &[
            "Corefile:5: list: \"verdict=\" is where FILE is expected; write `list [@MAP] FILE [as FORMAT] [FIELD=VALUE…] [at-least N]`",
        ],
    ),
    (
        "list @networks block as csv verdict=VERDICT_DROP",
        &[
            "Corefile:5: list: unknown format \"csv\"; use cidr, ipset, drop-json, hosts, domains, adblock or rpz",
        ],
    ),
    (
        "list @networks block as domain verdict=VERDICT_DROP",
        &["Corefile:5: list: unknown format \"domain\"; did you mean domains?"],
    ),
    (
        "list @networks block as cidr as cidr verdict=VERDICT_DROP",
        &["Corefile:5: list: as is given twice; keep one"],
    ),
    (
        "list @networks block verdict=VERDICT_DROP at-least",
        &["Corefile:5: list: \"\" is not a number of entries; write one as in `at-least 100`"],
    ),
    (
        "list @networks block verdict=VERDICT_DROP at-least +1",
        &["Corefile:5: list: \"+1\" is not a number of entries; write one as in `at-least 100`"],
    ),
    (
        "list @networks block verdict=VERDICT_DROP at-least 1 at-least 2",
        &["Corefile:5: list: at-least is given twice; keep one"],
    ),
    (
        "list @networks block verdict=VERDICT_DROP\n    list @networks ./block verdict=VERDICT_PASS",
        &["Corefile:6: list: given twice for this map; keep the first line"],
    ),
    (
        "list @networks block hosts verdict=VERDICT_DROP",
        &["Corefile:5: list: \"hosts\" is neither `as FORMAT`, FIELD=VALUE nor `at-least N`"],
    ),
    (
        "list @networks block verdict=DROP",
        &[
            "Corefile:5: list: verdict is enum verdict, 4 bytes; it takes VERDICT_PASS, VERDICT_DROP or VERDICT_NXDOMAIN, not \"DROP\"; did you mean VERDICT_DROP?",
        ],
    ),
    (
        "list @networks block as cidr",
        &[
            "Corefile:5: list: no FIELD=VALUE, and this format has no actions; add the value of the entries",
        ],
    ),
    (
        "list @names hosts",
        &[
            "Corefile:5: list: FOLDER/hosts: no FIELD=VALUE, and the format hosts has no actions; add the value of the entries",
        ],
    ),
    (
        "list @networks block verdict=VERDICT_DROP at-least 3\nlist @names hosts verdict=VERDICT_DROP at-least 2",
        &[
            "Corefile:5: list: FOLDER/block: 1 entry, 0 skipped lines, instead of at least 3 entries; check the file and its download; if the file is right, `at-least 1` accepts it",
            "Corefile:6: list: FOLDER/hosts: 1 entry, 0 skipped lines, instead of at least 2 entries; check the file and its download; if the file is right, `at-least 1` accepts it",
        ],
    ),
];

/// Lines after `elf words.o` and `if edge0`.
pub(crate) const OTHER_MAPS: &[Wrong] = &[
    (
        "list @pairs block value=1",
        &[
            "Corefile:5: list: keys of pairs are neither addresses, prefixes nor domain names; a list needs an lpm_trie of prefixes, or a hash of addresses or of struct qname",
        ],
    ),
    (
        "list @per_cpu block packets=1",
        &[
            "Corefile:5: list: keys of per_cpu are neither addresses, prefixes nor domain names; a list needs an lpm_trie of prefixes, or a hash of addresses or of struct qname",
        ],
    ),
];
