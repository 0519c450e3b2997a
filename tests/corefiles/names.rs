//! Keys that are not domain names, for the object `qname.o`.

use super::Wrong;

/// Lines after `elf qname.o` and `if edge0`; the first is line 5 of the Corefile.
pub(crate) const NAMES: &[Wrong] = &[
    (
        "entry *.example action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"*.example\" has the label `*`, which is not a wildcard; write \"example\", which matches the names below it too",
        ],
    ),
    (
        "counter ads *.Ads.example packets \"Ads.\"",
        &[
            "Corefile:5: counter: KEY \"*.Ads.example\" has the label `*`, which is not a wildcard; write \"Ads.example\", which matches the names below it too",
        ],
    ),
    (
        "entry ads.*.example action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"ads.*.example\" has '*'; write the name alone, or its bytes as 0x and 512 digits",
        ],
    ),
    (
        "entry bücher.example action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"bücher.example\" is not ASCII; write its labels in Punycode, as xn--…",
        ],
    ),
    (
        "entry http://ads.example/ action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"http://ads.example/\" has ':'; write the name alone, or its bytes as 0x and 512 digits",
        ],
    ),
    (
        "entry \"ads example\" action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"ads example\" has ' '; write the name alone, or its bytes as 0x and 512 digits",
        ],
    ),
    (
        "entry . action=QNAME_DROP\nentry ads..example action=QNAME_DROP\nentry .ads.example action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \".\" has an empty label; write a name with one dot between labels",
            "Corefile:6: entry: KEY \"ads..example\" has an empty label; write a name with one dot between labels",
            "Corefile:7: entry: KEY \".ads.example\" has an empty label; write a name with one dot between labels",
        ],
    ),
    (
        "entry 192.0.2.0/24 action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"192.0.2.0/24\" has no letter in its last label; write a domain name",
        ],
    ),
    (
        "entry a234567890123456789012345678901234567890123456789012345678901234.example action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"a234567890123456789012345678901234567890123456789012345678901234.example\" has a label of 64 bytes; a label has at most 63",
        ],
    ),
    (
        "entry aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb action=QNAME_DROP",
        &[
            "Corefile:5: entry: KEY \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbb…\" has 254 bytes; a key has at most 253",
        ],
    ),
];
