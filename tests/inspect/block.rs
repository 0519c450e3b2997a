//! The `ebpf` block that `inspect` suggests.

use std::fs;
use std::path::Path;

use serde_json::Value;

use support::net::{Corexdp, Folder, finish};
use support::objects::compile::{compile_text, compile_with, sources};
use support::shipped_programs;

use super::{inspect, inspect_json};

/// `check` must accept the suggested block unchanged.
fn check_accepts(folder: &Folder, program: &str) {
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

/// Names of the BPF sources in a folder.
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
fn check_accepts_the_suggested_block() {
    let folder = Folder::new();
    for name in names_in(&sources()) {
        folder.fixture(&name);
        check_accepts(&folder, &format!("{name}.o"));
    }
    for name in shipped_programs() {
        folder.shipped(&name);
        check_accepts(&folder, &format!("{name}.o"));
    }
    let installed = format!("/usr/lib/{}-linux-gnu/bpf", std::env::consts::ARCH);
    for policy in ["alw", "dny"] {
        for kind in ["all", "eth", "ip", "tcp", "udp"] {
            check_accepts(&folder, &format!("{installed}/xdpfilt_{policy}_{kind}.o"));
        }
    }
    for odd in ["odd name\".o", "{HOME}.o", "ordered#1.o", "a\\b.o", "é.o"] {
        fs::copy(folder.file("ordered.o"), folder.file(odd)).unwrap();
        check_accepts(&folder, odd);
    }
}

/// Maps that only the program writes are left out, and a comment shows how to fill a table from a list.
#[test]
fn suggested_block_has_a_list_for_a_table_and_no_internal_maps() {
    let folder = Folder::new();
    for (program, list) in [
        ("acl", "  # list @xdp_map FILE action=ACL_DROP"),
        ("guard", "  # list @xdp_map FILE action=ACL_DROP"),
        ("qname", "  # list @xdp_map FILE action=QNAME_DROP"),
    ] {
        folder.shipped(program);
        let found = inspect_json(&folder, &format!("{program}.o"));
        let block = found["ebpf"].as_str().unwrap();
        assert!(block.lines().any(|line| line == list), "{block}");
        for map in ["@clock", "@scratch", "@reply_sources"] {
            assert!(!block.contains(map), "{block}");
        }
    }
}

/// A list needs an action whose name has the right ending.
#[test]
fn suggested_block_tells_why_a_table_takes_no_list() {
    let folder = Folder::new();
    let bpf = format!("-I{}", support::repository().join("bpf").display());
    let options = [bpf.as_str(), "-DACL_DROP=DROP", "-DACL_PASS=PASS"];
    let text = "#include \"acl.bpf.c\"\n";
    compile_text(text, "bare", folder.path(), &options);
    let found = inspect_json(&folder, "bare.o");
    let block = found["ebpf"].as_str().unwrap();
    let list = "  # list @xdp_map FILE: no action of the program ends in _DROP";
    assert!(block.lines().any(|line| line == list), "{block}");
}

/// `inspect` refuses an object of `wrong/`, or finds no usable program, or its fault does not affect the block.
#[test]
fn wrong_objects_have_a_valid_block_or_none() {
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
            check_accepts(&folder, &object);
            with_block += 1;
        }
    }
    assert!(with_block > 0 && without > 0);
}

#[test]
fn paths_that_a_corefile_cannot_express_get_no_block() {
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

/// Covers keys and values over the capacities, and members that `entry` cannot set.
#[test]
fn suggested_block_respects_the_capacities() {
    let folder = Folder::new();
    let source = "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct name { char text[300]; };
        struct many { __u64 slot[140]; };
        struct edge { char text[256]; };
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
    check_accepts(&folder, "edges.o");
    let block = inspect_json(&folder, "edges.o");
    let lines: Vec<&str> = block["ebpf"].as_str().unwrap().lines().skip(3).collect();
    assert_eq!(
        lines[..2],
        [
            "  # @names: a key has 300 bytes, more than 256",
            "  # @sums: a value has 1120 bytes, more than 1024"
        ]
    );
    assert!(
        lines.iter().any(|line| line.starts_with("  map @edges ")),
        "{lines:?}"
    );
}
