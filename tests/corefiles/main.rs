//! Wrong Corefiles: the exact errors of `check`, of `run`, and of `run` without privileges. The last shows that all
//! checks precede privileged system calls.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod capacities;
mod directives;
mod lists;
mod maps;
mod metrics;
mod names;
mod options;
mod text;
mod words;

use std::fmt::Write as _;
use std::fs;

use support::net::{Corexdp, Site};
use support::objects::compile::compile_text;

/// A mistake, and the lines of its error message.
pub(crate) type Wrong = (&'static str, &'static [&'static str]);

const CONFIG: i32 = 78;

/// A folder with the files that the Corefiles name.
fn site() -> Site {
    let site = Site::new();
    site.folder.fixture("hash");
    fs::create_dir(site.folder.file("folder")).unwrap();
    site.folder.write("self.conf", "import self.conf\n");
    site.folder.write("open.conf", "ebpf {\n  elf example.o\n");
    site.folder.write("loud.conf", "debug loudly\n");
    site
}

fn refuses(site: &Site, corefile: &str, code: i32, lines: &[&str]) {
    println!("{corefile:.400}");
    let folder = site.folder.path().display().to_string();
    let lines: Vec<String> = lines
        .iter()
        .map(|line| line.replace("FOLDER", &folder))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    // `LOOP` refers to itself; `NOT_SET` must be unset.
    let environment = |command: &mut std::process::Command| {
        command.env("LOOP", "a{$LOOP}").env_remove("NOT_SET");
    };
    site.folder.write("Corefile", corefile);
    let mut check = Corexdp::command(site.folder.path(), &["check", "-conf", "Corefile"]);
    for command in [
        &mut check,
        &mut site.command("run", &[]),
        &mut site.powerless(),
    ] {
        environment(command);
        site.finish(command).expect(code, lines.as_slice());
        assert_eq!(site.attached(), None);
    }
}

/// A Corefile with an `ebpf` block of these lines.
fn block(lines: &[&str]) -> String {
    let mut text = ". {\n  ebpf {\n".to_owned();
    for line in lines.iter().flat_map(|lines| lines.lines()) {
        writeln!(text, "    {line}").unwrap();
    }
    text + "  }\n}\n"
}

#[test]
fn malformed_text_is_refused() {
    let site = site();
    for (corefile, lines) in text::TEXT {
        refuses(&site, corefile, CONFIG, lines);
    }
}

#[test]
fn wrong_directives_are_refused() {
    let site = site();
    for (corefile, lines) in directives::DIRECTIVES {
        refuses(&site, corefile, CONFIG, lines);
    }
}

#[test]
fn wrong_options_of_ebpf_are_refused() {
    let site = site();
    for (options, lines) in options::OPTIONS.iter().chain(metrics::METRICS) {
        let corefile = block(&["elf example.o", "if edge0", options]);
        refuses(&site, &corefile, CONFIG, lines);
    }
    for (option, lines) in options::ELF {
        refuses(&site, &block(&["if edge0", option]), CONFIG, lines);
    }
    for (option, lines) in options::INTERFACE {
        refuses(&site, &block(&["elf example.o", option]), CONFIG, lines);
    }
}

#[test]
fn missing_objects_are_refused() {
    let site = site();
    for (path, line) in [
        (
            "none.o",
            "Corefile:3: elf: FOLDER/none.o: no such file; a relative path starts at its Corefile's folder",
        ),
        (
            "/none/none.o",
            "Corefile:3: elf: /none/none.o: no such file",
        ),
    ] {
        let corefile = block(&[&format!("elf {path}"), "if edge0"]);
        refuses(&site, &corefile, 66, &[line]);
    }
}

#[test]
fn entries_and_maps_that_do_not_fit_the_object_are_refused() {
    let site = site();
    site.folder.fixture("words");
    for (options, lines) in words::WORDS.iter().chain(maps::MAPS) {
        let corefile = block(&["elf words.o", "if edge0", options]);
        refuses(&site, &corefile, CONFIG, lines);
    }
}

#[test]
fn lists_that_do_not_fit_the_object_are_refused() {
    let site = site();
    site.folder.write("block", "192.0.2.0/24\n");
    site.folder.write("hosts", "0.0.0.0 ads.example\n");
    for (object, wrong) in [("lists", lists::LISTS), ("words", lists::OTHER_MAPS)] {
        site.folder.fixture(object);
        for (options, lines) in wrong {
            let elf = format!("elf {object}.o");
            refuses(&site, &block(&[&elf, "if edge0", options]), CONFIG, lines);
        }
    }
    let list = |n| format!("list @networks block{n} verdict=VERDICT_DROP\n");
    let many: String = (0..64).map(list).collect();
    let line = "Corefile:68: list: more than 63 lists for one map; join some of the files";
    refuses(
        &site,
        &block(&["elf lists.o", "if edge0", &many]),
        CONFIG,
        &[line],
    );
}

/// `acl` and `guard` had single addresses in `@hosts` before they had tables.
#[test]
fn lines_for_the_former_map_of_addresses_name_the_table() {
    let site = site();
    for program in ["acl", "guard"] {
        site.folder.shipped(program);
        let corefile = block(&[
            &format!("elf {program}.o"),
            "if edge0",
            "entry @hosts 192.0.2.66 action=ACL_DROP",
        ]);
        let line = format!(
            "Corefile:5: entry: FOLDER/{program}.o has no map @hosts; xdp_map has its addresses now; write the line without @hosts"
        );
        refuses(&site, &corefile, CONFIG, &[&line]);
    }
}

#[test]
fn keys_that_are_not_domain_names_are_refused() {
    let site = site();
    site.folder.shipped("qname");
    for (options, lines) in names::NAMES {
        let corefile = block(&["elf qname.o", "if edge0", options]);
        refuses(&site, &corefile, CONFIG, lines);
    }
}

#[test]
fn prefixes_are_refused_for_maps_of_single_addresses() {
    let site = site();
    let takes = "it takes 0x and 32 digits or an IPv6 address or an IPv4 address";
    let source = "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct {
            __uint(type, BPF_MAP_TYPE_HASH);
            __uint(max_entries, 4);
            __type(key, __be32[4]);
            __type(value, __u32);
        } hosts SEC(\".maps\");
        struct prefix { __u32 bits; __be32 address[4]; };
        struct {
            __uint(type, BPF_MAP_TYPE_LPM_TRIE);
            __uint(max_entries, 4);
            __uint(map_flags, BPF_F_NO_PREALLOC);
            __type(key, struct prefix);
            __type(value, __u32);
        } xdp_map SEC(\".maps\");
        SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) { return XDP_PASS; }";
    compile_text(source, "both", site.folder.path(), &["-Wno-everything"]);
    let line = format!(
        "Corefile:5: entry: KEY is __be32[4], 16 bytes; {takes}, not \"192.0.2.0/24\"; hosts takes single addresses, `@xdp_map` prefixes"
    );
    let corefile = block(&[
        "elf both.o",
        "if edge0",
        "entry @hosts 192.0.2.0/24 value=1",
    ]);
    refuses(&site, &corefile, CONFIG, &[&line]);
    let source = "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        struct {
            __uint(type, BPF_MAP_TYPE_HASH);
            __uint(max_entries, 4);
            __type(key, __u8[16]);
            __type(value, __u32);
        } xdp_map SEC(\".maps\");
        SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) { return XDP_PASS; }";
    compile_text(source, "single", site.folder.path(), &["-Wno-everything"]);
    let line = format!(
        "Corefile:5: entry: KEY is __u8[16], 16 bytes; {takes}, not \"2001:db8::/32\"; xdp_map takes single addresses"
    );
    let corefile = block(&["elf single.o", "if edge0", "entry 2001:db8::/32 value=1"]);
    refuses(&site, &corefile, CONFIG, &[&line]);
}

/// `map` and `metric` lines without @MAP need the map `xdp_map`.
#[test]
fn objects_without_xdp_map_are_refused() {
    let site = site();
    let source = "#include <linux/bpf.h>
        #include <bpf/bpf_helpers.h>
        SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) { return XDP_PASS; }
        char _license[] SEC(\"license\") = \"GPL\";";
    compile_text(source, "mapless", site.folder.path(), &[]);
    for (option, directive) in [
        ("map 00", "map"),
        ("metric packets 00000000 0 8 \"Packets.\"", "metric"),
    ] {
        let line =
            format!("Corefile:5: {directive}: FOLDER/mapless.o has no map xdp_map; it has no map");
        refuses(
            &site,
            &block(&["elf mapless.o", "if edge0", option]),
            65,
            &[&line],
        );
    }
}
