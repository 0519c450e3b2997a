//! Wrong Corefiles: what is said of each, to the letter, by `check`, by `run`, and by `run` without privilege, which
//! shows that everything is checked before the kernel is asked for anything.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod directives;
mod options;
mod text;
mod words;

use std::fmt::Write as _;
use std::fs;

use support::net::{Corexdp, Site};
use support::objects::compile::compile_text;

/// A mistake, and the lines that report it.
pub(crate) type Wrong = (&'static str, &'static [&'static str]);

const CONFIG: i32 = 78;

/// A place with the files that the Corefiles name.
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
    // A variable whose value refers to itself; and one that nobody has set.
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

/// An `ebpf` block with these lines in it.
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
fn directives() {
    let site = site();
    for (corefile, lines) in directives::DIRECTIVES {
        refuses(&site, corefile, CONFIG, lines);
    }
}

#[test]
fn options_of_ebpf() {
    let site = site();
    for (options, lines) in options::OPTIONS {
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
fn unknown_words_are_refused() {
    let site = site();
    site.folder.fixture("words");
    for (options, lines) in words::WORDS {
        let corefile = block(&["elf words.o", "if edge0", options]);
        refuses(&site, &corefile, CONFIG, lines);
    }
}

#[test]
fn keys_that_are_no_names_are_refused() {
    let site = site();
    site.folder.shipped("qname");
    for (options, lines) in words::NAMES {
        let corefile = block(&["elf qname.o", "if edge0", options]);
        refuses(&site, &corefile, CONFIG, lines);
    }
}

#[test]
fn prefixes_are_refused_where_single_addresses_are_keys() {
    let site = site();
    site.folder.shipped("acl");
    let takes = "it takes 0x and 32 digits or an IPv6 address or an IPv4 address";
    let line = format!(
        "Corefile:5: entry: KEY is __be32[4], 16 bytes; {takes}, not \"192.0.2.0/24\"; hosts takes single addresses, `@xdp_map` prefixes"
    );
    let corefile = block(&[
        "elf acl.o",
        "if edge0",
        "entry @hosts 192.0.2.0/24 action=ACL_DROP",
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

/// Each capacity is exceeded by one.
#[test]
fn exceeded_capacities_are_refused() {
    let site = site();
    let filter = |options: &str| block(&["elf example.o", "if edge0", options]);
    let entries = "map 0A0B0000.FFFF0000.00000000\n".repeat(17);
    let metrics = (0..257).fold(String::new(), |mut text, number| {
        writeln!(text, "metric packets{number} 00000000 8 4 \"Packets.\"").unwrap();
        text
    });
    for (options, line) in [
        (
            entries,
            "Corefile:21: map: index 16 is past the end of xdp_map; the last is 15",
        ),
        (
            metrics,
            "Corefile:261: metric: more than 256 metrics; COREXDP_MAX_METRICS sets how many at build time",
        ),
        (
            format!("map {}", "00".repeat(1025)),
            "Corefile:5: map: VALUE is longer than 1024 bytes; COREXDP_MAX_VALUE sets how long at build time",
        ),
        (
            format!("map {} 00", "00".repeat(65)),
            "Corefile:5: map: KEY is longer than 64 bytes; COREXDP_MAX_KEY sets how long at build time",
        ),
    ] {
        refuses(&site, &filter(&options), CONFIG, &[line]);
    }
}

/// A Corefile with as many metrics as there may be, and `helps` times `filler` in their HELP texts.
fn long_helps(filler: &str, helps: usize) -> String {
    let (count, prefix) = (256, "x".repeat(100));
    let mut text = ". {\n  prometheus\n  ebpf {\n    elf example.o\n    if edge0\n".to_owned();
    for number in 0..count {
        let length = helps / count + usize::from(number < helps % count);
        let help = filler.repeat(length);
        writeln!(
            text,
            "    metric {prefix}{number:03} 00000000 8 4 \"{help}.\""
        )
        .unwrap();
    }
    text + "  }\n}\n"
}

/// Each character takes most room in another format. Pages with as many as `check` takes are served; one more is
/// refused.
#[test]
fn pages_that_might_not_fit_are_refused() {
    let site = site();
    let check = |filler: &str, helps: usize| {
        site.folder.write("Corefile", &long_helps(filler, helps));
        let mut check = Corexdp::command(site.folder.path(), &["check", "-conf", "Corefile"]);
        site.finish(&mut check)
    };
    for (filler, room) in [("x", 1), ("\\\"", 6), ("&", 5), ("\u{202e}", 9), ("\\", 2)] {
        // A sure limit: the whole page, and nothing else in it.
        let (mut fits, mut exceeds) = (0usize, (256 << 10) / room);
        while exceeds - fits > 1 {
            let middle = fits.midpoint(exceeds);
            match check(filler, middle).code {
                Some(0) => fits = middle,
                _ => exceeds = middle,
            }
        }
        assert!(fits * room > 64 << 10, "{fits}");
        let refused = check(filler, exceeds);
        let line = "Corefile:261: metric: a page can have ";
        refused.refuses(CONFIG, &[
 line, " bytes up to this line, more than 262144; shorten names and HELP texts, or set COREXDP_MAX_PAGE at build time"]);
        let daemon = site.run(&long_helps(filler, fits)).attached(1);
        for path in ["/metrics", "/status", "/"] {
            assert_eq!(site.get(path).status, 200, "{path} of {filler:?}");
        }
        site.ask(&["status", "--json"]).expect(0, &[]);
        daemon.stop();
    }
}

/// 4 MiB, of which comments are a part.
#[test]
fn oversized_corefiles_are_refused() {
    let site = site();
    let limit = 4 << 20;
    let long = format!(
        "{}#{}\n",
        block(&["elf example.o", "if edge0"]),
        " ".repeat(limit)
    );
    let line =
        "Corefile: larger than 4194304 bytes; COREXDP_MAX_COREFILE sets how large at build time";
    refuses(&site, &long, CONFIG, &[line]);
    // The Corefile is too long together with its imports.
    site.folder
        .write("half.conf", &format!("#{}\n", " ".repeat(limit / 2)));
    let line = "Corefile:3: import: the Corefile and all it imports exceed COREXDP_MAX_COREFILE (4194304 bytes); shorten them, or build with a larger COREXDP_MAX_COREFILE";
    refuses(
        &site,
        ". {\n  import half.conf\n  import half.conf\n}\n",
        CONFIG,
        &[line],
    );
}

/// Entries and metrics mean the map `xdp_map`; without it they mean nothing.
#[test]
fn objects_without_the_map_are_refused() {
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
