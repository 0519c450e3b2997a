//! BTF types for maps whose entries are words, as clang compiles
//!
//! ```c
//! enum verdict { PASS, DROP = 7 };
//! struct net { __be32 addr; __u8 prefix; };
//! struct rule {
//!     enum verdict verdict;
//!     struct net net;
//!     __u8 ip[16];
//!     char label[8];
//!     struct net slot[2];
//!     long long balance;
//!     _Bool on;
//!     __u32 low : 3;
//!     __u16 port;
//! };
//! ```

use corexdp::object::{Btf, MapDef, MapKind};

/// Type ids.
const U32: u32 = 2;
const RULE: u32 = 13;
/// Bytes of `struct rule`.
const RULE_SIZE: u32 = 72;

/// Members that an entry can set: path, offset and size.
pub(super) const FIELDS: [(&str, usize, usize); 11] = [
    ("verdict", 0, 4),
    ("net.addr", 4, 4),
    ("net.prefix", 8, 1),
    ("net", 4, 8),
    ("ip", 12, 16),
    ("label", 28, 8),
    ("slot[1].addr", 44, 4),
    ("slot", 36, 16),
    ("balance", 56, 8),
    ("on", 64, 1),
    ("port", 66, 2),
];

/// The string table.
const NAMES: &str = "\0unsigned int\0__u32\0__be32\0unsigned char\0char\0verdict\0PASS\0DROP\0net\0addr\0prefix\0long long\0_Bool\0rule\0ip\0label\0slot\0balance\0on\0low\0port\0short\0";

fn name(text: &str) -> u32 {
    let at = NAMES.find(&format!("\0{text}\0")).expect("a name");
    u32::try_from(at + 1).expect("few names")
}

pub(super) fn types() -> Btf {
    const INT: u32 = 1 << 24;
    const ARRAY: u32 = 3 << 24;
    const STRUCT: u32 = 4 << 24;
    const ENUM: u32 = 6 << 24;
    const TYPEDEF: u32 = 8 << 24;
    const FLAG: u32 = 1 << 31;
    let words = [
        &[name("unsigned int"), INT, 4, 32][..],
        &[name("__u32"), TYPEDEF, 1],
        &[name("__be32"), TYPEDEF, U32],
        &[name("unsigned char"), INT, 1, 8],
        &[0, ARRAY, 0, 4, 1, 16],
        &[name("char"), INT, 1, 1 << 24 | 8],
        &[0, ARRAY, 0, 6, 1, 8],
        &[
            name("verdict"),
            ENUM | 2,
            4,
            name("PASS"),
            0,
            name("DROP"),
            7,
        ],
        &[
            name("net"),
            STRUCT | 2,
            8,
            name("addr"),
            3,
            0,
            name("prefix"),
            4,
            32,
        ],
        &[0, ARRAY, 0, 9, 1, 2],
        &[name("long long"), INT, 8, 1 << 24 | 64],
        &[name("_Bool"), INT, 1, 4 << 24 | 8],
        &[name("rule"), FLAG | STRUCT | 9, RULE_SIZE],
        &[name("verdict"), 8, 0, name("net"), 9, 32],
        &[name("ip"), 5, 96, name("label"), 7, 224],
        &[name("slot"), 10, 288, name("balance"), 11, 448],
        &[name("on"), 12, 512, name("low"), 1, 3 << 24 | 0x208],
        &[name("port"), 14, 528],
        &[name("short"), INT, 2, 16],
    ];
    let words = words.concat();
    let length = |count: usize| u32::try_from(count).expect("few words");
    let (types, names) = (length(words.len() * 4), length(NAMES.len()));
    let header = [0x0001_eb9f, 24, 0, types, types, names];
    let mut section: Vec<u8> = header
        .iter()
        .chain(&words)
        .flat_map(|word| word.to_le_bytes())
        .collect();
    section.extend_from_slice(NAMES.as_bytes());
    Btf::parse(&section).expect("good types")
}

/// A map with values `struct rule`. The key is `__u32`, or an IPv4 network for an LPM trie.
pub(super) fn map(name: &str, kind: MapKind) -> MapDef {
    let trie = kind == MapKind::LPM_TRIE;
    MapDef {
        kind,
        key_size: if trie { 8 } else { 4 },
        value_size: RULE_SIZE,
        max_entries: 3,
        btf_types: Some((if trie { 0 } else { U32 }, RULE)),
        ..MapDef::new(name)
    }
}
