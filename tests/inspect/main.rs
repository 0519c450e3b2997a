//! `inspect` lists programs, maps and members of an object, and suggests a valid `ebpf` block.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod block;

use std::fs;

use serde_json::{Value, json};

use support::net::{Corexdp, Folder, Outcome, finish};
use support::objects::compile::compile_text;

fn inspect(folder: &Folder, words: &[&str]) -> Outcome {
    let words = [&["inspect"], words].concat();
    finish(&mut Corexdp::command(folder.path(), &words))
}

fn inspect_json(folder: &Folder, program: &str) -> Value {
    let outcome = inspect(folder, &[program, "--json"]);
    outcome.expect(0, &[]);
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn inspect_lists_programs_maps_and_members() {
    let folder = Folder::new();
    let source = "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        enum verdict { PASS, DROP };
        struct rule {
            __be32 addr;
            enum verdict verdict : 8;
            enum verdict other;
            union { __u64 packets; __u64 hits; };
            struct { __u16 port; __u8 on; } slot[2];
            char name[16];
            __u8 last;
        };
        struct {
            __uint(type, BPF_MAP_TYPE_LRU_HASH);
            __uint(max_entries, 9);
            __uint(pinning, LIBBPF_PIN_BY_NAME);
            __type(key, __u32);
            __type(value, struct rule);
        } rules SEC(\".maps\");
        SEC(\"xdp/first\") int first(struct xdp_md *ctx) { return XDP_PASS; }
        extern int nowhere(void);
        SEC(\"xdp\") int second(struct xdp_md *ctx) { return nowhere(); }
        SEC(\"tc\") int third(struct __sk_buff *skb) { return 0; }";
    compile_text(source, "two", folder.path(), &["-Wno-everything"]);
    let outcome = inspect(&folder, &["two.o"]);
    outcome.expect(0, &[]);
    let (text, block) = outcome.stdout.split_once("\n\n").unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let refusal = lines.remove(2);
    assert!(refusal.starts_with("  second: cannot be used: "), "{text}");
    let expected = [
        "programs",
        "  first: section xdp/first, 2 instructions",
        "links",
        "  Ethernet",
        "maps",
        "  rules: lru_hash, room for 9 entries, its pinning by name ignored",
        "    key: __u32, 4 bytes",
        "    value: struct rule, 56 bytes: 42 of members, 3 of padding after verdict, 4 after other, 7 at its end",
        "         0    4  addr  __be32",
        "         4    4  verdict  enum verdict, 8 bits",
        "         8    4  other  enum verdict: PASS, DROP",
        "        16    8  packets  __u64",
        "        16    8  hits  __u64",
        "        24    8  slot  struct[2]",
        "        24    2  slot[0].port  __u16",
        "        26    1  slot[0].on  __u8",
        "        32   16  name  char[16]",
        "        48    1  last  __u8",
    ];
    assert_eq!(lines, expected);
    assert_eq!(
        block,
        "ebpf {\n  elf two.o\n  prog first\n  if eth0\n  entry @rules 0 addr=0.0.0.0 other=PASS packets=0 slot[0].port=0 slot[0].on=0 name=text last=0\n}\n"
    );
}

#[test]
fn inspect_json_lists_programs_maps_and_members() {
    let folder = Folder::new();
    folder.fixture("words");
    let found = inspect_json(&folder, "words.o");
    let program = &found["programs"][0];
    assert_eq!(
        (&program["name"], &program["section"]),
        (&json!("xdp_prog"), &json!("xdp"))
    );
    assert!(program["instructions"].as_u64().unwrap() > 2, "{program}");
    assert_eq!(program["error"], Value::Null);
    let maps = found["maps"].as_array().unwrap();
    let map = |name: &str| maps.iter().find(|map| map["name"] == name).unwrap();
    let member = |name: &str, offset: u32, size: u32, kind: &str| json!({ "name": name, "offset": offset, "size": size, "type": kind, "bits": null });
    let expected = json!({
        "name": "per_cpu",
        "type": "percpu_array",
        "key_size": 4,
        "value_size": 24,
        "max_entries": 4,
        "key": [member("key", 0, 4, "__u32")],
        "value": [
            member("packets", 0, 8, "__u64"),
            member("bytes", 8, 4, "__u32"),
            member("balance", 12, 4, "__s32"),
            member("last", 16, 4, "__be32"),
        ],
    });
    assert_eq!(*map("per_cpu"), expected);
    let bits = map("xdp_map")["value"].as_array().unwrap();
    let bits: Vec<_> = bits
        .iter()
        .filter(|member| member["bits"] != Value::Null)
        .collect();
    assert_eq!(bits.len(), 2);
    assert_eq!(map("typeless")["value"], json!([]));
    assert!(
        found["ebpf"]
            .as_str()
            .unwrap()
            .starts_with("ebpf {\n  elf words.o\n  if eth0\n")
    );
}

/// Objects that declare the variable are told, strangers' too. A variable of another kind does not count.
#[test]
fn link_header_is_shown() {
    let folder = Folder::new();
    for (declaration, told) in [
        (
            "const volatile enum link { ETHERNET, IP } corexdp_link_header;",
            true,
        ),
        ("const volatile __u64 corexdp_link_header;", true),
        (
            "const volatile struct { __u8 link; } corexdp_link_header;",
            false,
        ),
        ("volatile __u8 corexdp_link_header;", false),
        (
            "const volatile __u8 link_header; const volatile __u8 corexdp_link_headers;",
            false,
        ),
    ] {
        let name = declaration
            .split([' ', ';'])
            .rfind(|word| word.contains("link_header"));
        let source = format!(
            "#include <linux/bpf.h>
            #include <bpf/bpf_helpers.h>
            {declaration}
            SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) {{ return *(volatile __u8 *)&{} ? XDP_DROP : XDP_PASS; }}",
            name.unwrap()
        );
        compile_text(&source, "link", folder.path(), &["-Wno-everything"]);
        let found = inspect_json(&folder, "link.o");
        assert_eq!(found["link_header"], told, "{declaration}");
        let text = inspect(&folder, &["link.o"]).stdout;
        let ip = ", and IP by corexdp_link_header";
        assert!(text.contains("\nlinks\n  Ethernet"), "{text}");
        assert_eq!(text.contains(ip), told, "{text}");
        assert!(
            !text.contains("# entry @.rodata 0 corexdp_link_header="),
            "{text}"
        );
    }
}

#[test]
fn files_that_are_not_objects_are_refused() {
    let folder = Folder::new();
    folder.write("text.o", "no object");
    folder.fixture("basic");
    let whole = fs::read(folder.file("basic.o")).unwrap();
    fs::write(folder.file("cut.o"), &whole[..whole.len() / 2]).unwrap();
    for (program, code, part) in [
        ("none.o", 66, "none.o: no such file; name an object file"),
        ("text.o", 65, "text.o: "),
        ("cut.o", 65, "cut.o: "),
        (".", 66, ".: cannot be read: "),
    ] {
        inspect(&folder, &[program]).refuses(code, &[part]);
        inspect(&folder, &[program, "--json"]).refuses(code, &[part]);
    }
}
