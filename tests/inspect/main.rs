//! `inspect`: what it tells of objects, and that the block it offers is a Corefile's.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use support::net::{Corexdp, Folder, Outcome, finish};
use support::objects::compile::{compile_text, compile_with, sources};
use support::shipped_programs;

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
fn programs_maps_and_members_are_listed() {
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
fn inspect_json_lists_the_same() {
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

/// The block that is offered for an object must pass as it is.
fn passes(folder: &Folder, program: &str) {
    let found = inspect_json(folder, program);
    let block = found["ebpf"].as_str().unwrap();
    println!("{block}");
    folder.write("Corefile", &format!(". {{\n{block}}}\n"));
    let check = finish(&mut Corexdp::command(
        folder.path(),
        &["check", "-conf", "Corefile"],
    ));
    let wrong: Vec<_> = check
        .lines()
        .into_iter()
        .filter(|line| !line.starts_with("warning: "))
        .collect();
    assert_eq!((check.code, wrong), (Some(0), vec![]));
}

/// Names of the sources in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let names: Vec<_> = names
        .filter_map(|name| Some(name.strip_suffix(".bpf.c")?.to_owned()))
        .collect();
    assert!(!names.is_empty());
    names
}

#[test]
fn suggested_block_is_good() {
    let folder = Folder::new();
    for name in names_in(&sources()) {
        folder.fixture(&name);
        passes(&folder, &format!("{name}.o"));
    }
    for name in shipped_programs() {
        folder.shipped(&name);
        passes(&folder, &format!("{name}.o"));
    }
    let installed = format!("/usr/lib/{}-linux-gnu/bpf", std::env::consts::ARCH);
    for policy in ["alw", "dny"] {
        for kind in ["all", "eth", "ip", "tcp", "udp"] {
            passes(&folder, &format!("{installed}/xdpfilt_{policy}_{kind}.o"));
        }
    }
    for odd in ["odd name\".o", "{HOME}.o", "ordered#1.o", "a\\b.o", "é.o"] {
        fs::copy(folder.file("ordered.o"), folder.file(odd)).unwrap();
        passes(&folder, odd);
    }
}

/// An object of `wrong/` is refused as a whole, or has no usable program, or is wrong only in what no block uses.
#[test]
fn wrong_objects_have_a_good_block_or_none() {
    let folder = Folder::new();
    let (mut with_block, mut without) = (0, 0);
    for name in names_in(&sources().join("wrong")) {
        compile_with(
            &format!("wrong/{name}"),
            folder.path(),
            &["-Wno-everything"],
        );
        let object = format!("wrong-{name}.o");
        let outcome = inspect(&folder, &[&object, "--json"]);
        if outcome.code != Some(0) {
            outcome.refuses(65, &[&format!("{object}: ")]);
            continue;
        }
        let found: Value = serde_json::from_str(&outcome.stdout).unwrap();
        if found["ebpf"] == Value::Null {
            let outcome = inspect(&folder, &[&object]);
            let last = outcome.stdout.lines().last();
            assert_eq!(last, Some("# no ebpf block: no program can be used"));
            without += 1;
        } else {
            passes(&folder, &object);
            with_block += 1;
        }
    }
    assert!(with_block > 0 && without > 0);
}

#[test]
fn paths_that_a_corefile_cannot_express_have_no_block() {
    let folder = Folder::new();
    folder.fixture("basic");
    for odd in [
        "{$HOME}.o",
        "{%HOME%}.o",
        "a\\\"b.o",
        "b.o\\",
        "}",
        "a\u{1b}.o",
    ] {
        fs::copy(folder.file("basic.o"), folder.file(odd)).unwrap();
        assert_eq!(inspect_json(&folder, odd)["ebpf"], Value::Null, "{odd}");
        let outcome = inspect(&folder, &[odd]);
        let last = outcome.stdout.lines().last().unwrap();
        assert!(
            last.starts_with("# no ebpf block: a Corefile cannot express the path "),
            "{last}"
        );
    }
}

/// Keys and values beyond the capacities, and members for which no words give an entry.
#[test]
fn suggested_block_keeps_the_capacities() {
    let folder = Folder::new();
    let source = "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct name { char text[255]; };
        struct many { __u64 slot[140]; };
        struct edge { char text[64]; };
        struct most { __u64 slot[128]; };
        struct bits { __u32 low : 3, high : 29; };
        struct none { };
        struct mixed { struct none none; double real[1]; void *pointer; __u8 text[3]; };
        enum big { BIG = 0x1ffffffffULL };
        struct wide { enum big big; _Bool on[2]; char c; __u8 mac[6]; struct { __u32 x; } in[2][2]; };
        #define MAP(name, kind, k, v) \
            struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, 16); \
                __type(key, k); __type(value, v); } name SEC(\".maps\")
        MAP(names, HASH, struct name, __u64);
        MAP(sums, HASH, __u32, struct many);
        MAP(edges, HASH, struct edge, struct most);
        MAP(bits, ARRAY, __u32, struct bits);
        MAP(mixed, LRU_PERCPU_HASH, struct bits, struct mixed);
        MAP(wide, PERCPU_HASH, enum big, struct wide);
        MAP(flags, HASH, _Bool, char);
        MAP(pairs, HASH, __u16, __u8[16]);
        struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(\".maps\");
        struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 4); __type(value, __u32); } queue SEC(\".maps\");
        struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(\".maps\");
        SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) { return XDP_PASS; }";
    compile_text(source, "edges", folder.path(), &["-Wno-everything"]);
    passes(&folder, "edges.o");
    let block = inspect_json(&folder, "edges.o");
    let lines: Vec<&str> = block["ebpf"].as_str().unwrap().lines().skip(3).collect();
    assert_eq!(
        lines[..2],
        [
            "  # @names: a key has 255 bytes, more than 64",
            "  # @sums: a value has 1120 bytes, more than 1024"
        ]
    );
    assert!(
        lines.iter().any(|line| line.starts_with("  map @edges ")),
        "{lines:?}"
    );
}

#[test]
fn files_that_are_no_objects_are_refused() {
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
