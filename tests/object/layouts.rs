//! Layouts of keys and values in objects that clang compiled.

use corexdp::object::layout::{Kind, Layout, Shape};
use corexdp::object::link;

use super::{folder, linked};
use support::objects::compile::compile_text;

fn value_of(map: &str, test: &str) -> Layout {
    let (_, object) = linked("words", test);
    let (_, value) = object.map(map).unwrap().btf_types.unwrap();
    Layout::of(object.btf().unwrap(), value).unwrap()
}

/// Offset, size and type of a member, in one line.
fn place(layout: &Layout, path: &str) -> Result<String, String> {
    let field = layout.find(path)?;
    let Shape { name, size, kind } = layout.shape(field.shape);
    let how = match kind {
        Kind::Number { signed, big_endian } => match (signed, big_endian) {
            (true, _) => "signed",
            (false, true) => "big-endian",
            (false, false) => "unsigned",
        },
        Kind::Bool => "bool",
        Kind::Enum(_) => "named",
        Kind::Text => "text",
        Kind::Array { .. } => "array",
        Kind::Composite(_) => "group",
        Kind::Opaque => "opaque",
    };
    Ok(format!("{} {size} {name} {how}", field.offset))
}

#[test]
fn member_offsets_match_the_compiler() {
    let layout = value_of("xdp_map", "layout");
    for (path, expected) in [
        ("verdict", "0 4 enum verdict named"),
        ("net", "4 8 struct net group"),
        ("net.addr", "4 4 __be32 big-endian"),
        ("net.prefix", "8 1 __u8 unsigned"),
        ("ip4", "12 4 __be32 big-endian"),
        ("ip6", "12 16 __u8[16] array"),
        ("ip6[15]", "27 1 __u8 unsigned"),
        ("slot", "28 12 struct slot[3] array"),
        ("slot[0].port", "28 2 __be16 big-endian"),
        ("slot[2].weight", "38 1 __u8 unsigned"),
        ("mac", "40 6 __u8[6] array"),
        ("label", "46 8 char[8] text"),
        ("on", "55 1 _Bool bool"),
        ("tiny", "56 1 __s8 signed"),
        ("delta", "58 2 __s16 signed"),
        ("stamp", "64 8 __be64 big-endian"),
        ("packets", "72 8 __u64 unsigned"),
        ("grid", "80 12 __u16[2][3] array"),
        ("grid[1]", "86 6 __u16[3] array"),
        ("grid[1][2]", "90 2 __u16 unsigned"),
        ("pointer", "96 8 pointer opaque"),
        ("fraction", "104 4 float opaque"),
    ] {
        assert_eq!(place(&layout, path).as_deref(), Ok(expected), "{path}");
    }
    let simple = value_of("networks", "layout_simple");
    assert_eq!(place(&simple, "value").unwrap(), "0 8 __u64 unsigned");
    let array = value_of("pairs", "layout_array");
    assert_eq!(place(&array, "value").unwrap(), "0 8 __u32[2] array");
    assert_eq!(place(&array, "value[1]").unwrap(), "4 4 __u32 unsigned");
}

#[test]
fn errors_suggest_existing_members() {
    let layout = value_of("xdp_map", "layout_errors");
    let no_path = "FIELD is not a path to a member; write one as action, net.addr or slot[2]";
    let long = "a".repeat(257);
    for (path, expected) in [
        (
            "packts",
            "struct rule has no member packts; did you mean packets?",
        ),
        ("Net", "struct rule has no member Net; did you mean net?"),
        ("net.adr", "net has no member adr; did you mean addr?"),
        ("net.", "net has no member ; use addr or prefix"),
        (
            "slot[1].colour",
            "slot[1] has no member colour; use port or weight",
        ),
        ("slot.port", "slot is struct slot[3], which has no members"),
        ("packets.low", "packets is __u64, which has no members"),
        ("label[2]", "label is char[8], which has no elements"),
        ("net[0]", "net is struct net, which has no elements"),
        (
            "slot[3]",
            "slot has no element 3; there are slot[0] to slot[2]",
        ),
        (
            "grid[1][-1]",
            "grid[1] has no element -1; there are grid[1][0] to grid[1][2]",
        ),
        (
            "low",
            "low is a bit-field, and a FIELD has whole bytes; write it with `map` or read it with `metric`",
        ),
        ("slot[1", no_path),
        ("slot[1]port", no_path),
        ("net\n", no_path),
        (&long, no_path),
        (
            "",
            "struct rule has no member ; use verdict, net, ip4, ip6, slot, mac, label, low, high, on, tiny, delta, stamp, packets and 3 more",
        ),
    ] {
        assert_eq!(
            place(&layout, path).err().as_deref(),
            Some(expected),
            "{path}"
        );
    }
    let simple = value_of("networks", "layout_errors_simple");
    assert_eq!(
        place(&simple, "packets").err().as_deref(),
        Some("there is no packets; the value is __u64, not a struct, and its FIELD is value")
    );
}

#[test]
fn enumerations_keep_their_names() {
    let layout = value_of("xdp_map", "layout_names");
    let field = layout.find("verdict").unwrap();
    let Kind::Enum(names) = &layout.shape(field.shape).kind else {
        panic!("an enumeration")
    };
    let names: Vec<_> = names.iter().map(|named| &*named.name).collect();
    assert_eq!(names, ["VERDICT_PASS", "VERDICT_DROP", "VERDICT_ASK"]);
}

/// The padding of a value with these members.
fn padding(members: &str, number: usize) -> Option<String> {
    let source = format!(
        "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct value {{ {members} }};
        struct {{
            __uint(type, BPF_MAP_TYPE_ARRAY);
            __uint(max_entries, 1);
            __type(key, __u32);
            __type(value, struct value);
        }} xdp_map SEC(\".maps\");
        SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) {{ return XDP_PASS; }}"
    );
    let name = format!("padding{number}");
    let object = compile_text(&source, &name, &folder("padding"), &[]);
    let object = link(&std::fs::read(object).unwrap(), "xdp_prog").unwrap();
    let (_, value) = object.map("xdp_map").unwrap().btf_types.unwrap();
    Layout::of(object.btf().unwrap(), value).unwrap().padding()
}

#[test]
fn padding_is_reported() {
    for (number, (members, expected)) in [
        (
            "__u64 a; __u32 b;",
            "12 of members, 4 of padding at its end",
        ),
        ("__u8 a; __u32 b;", "5 of members, 3 of padding after a"),
        (
            "__u16 a; __u32 b; __u8 c;",
            "7 of members, 2 of padding after a, 3 at its end",
        ),
        (
            "union { __u8 a[6]; __u32 b; }; __u16 c;",
            "8 of members, 2 of padding after b, 2 at its end",
        ),
        (
            "__u32 a : 3; __u32 b : 6; __u32 c;",
            "6 of members, 2 of padding after b",
        ),
        ("__u32 a; __u32 b;", ""),
        ("union { __u8 a[8]; __u64 b; };", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let found = padding(members, number).unwrap_or_default();
        assert_eq!(found, expected, "{members}");
    }
}
