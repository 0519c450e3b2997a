//! Warnings of `check`, which do not change its exit status.

use support::net::Folder;
use support::objects::compile::compile_text;

use super::run;

const NO_FILTER: &str = "warning: the Corefile has no ebpf block; nothing is filtered";

#[test]
fn import_pattern_without_a_match_warns() {
    let folder = Folder::new();
    folder.write("Corefile", "import sites/*.conf\n. {\n}\n");
    let warning =
        "warning: Corefile:1: import: no file matches \"sites/*.conf\"; nothing is imported";
    run(&folder, "check", &[]).expect(0, &[warning, NO_FILTER]);
}

#[test]
fn directive_as_an_address_warns() {
    let folder = Folder::new();
    folder.fixture("words");
    folder.write("page.conf", "prometheus localhost:9153 {\n}\n");
    let imported = format!("{}:1", folder.file("page.conf").display());
    let warning = |place: &str, name: &str| {
        format!(
            "warning: {place}: {name}: is taken as the address of a server block; put the directives into `. {{ … }}`"
        )
    };
    let block = "ebpf {\n  elf words.o\n  if edge0\n}\n";
    for (corefile, warnings) in [
        (String::new(), &[][..]),
        (
            "prometheus localhost:9153\n".into(),
            &[("Corefile:1", "prometheus")],
        ),
        (block.into(), &[("Corefile:1", "ebpf")]),
        (
            "# page\nhealth\nready\n".into(),
            &[("Corefile:2", "health")],
        ),
        (". debug {\n}\n".into(), &[("Corefile:1", "debug")]),
        (
            ". {\n}\nready {\n}\nreload\n{\n}\n".into(),
            &[("Corefile:3", "ready"), ("Corefile:5", "reload")],
        ),
        (
            "import page.conf\n".into(),
            &[(imported.as_str(), "prometheus")],
        ),
        ("ebpf.example {\n}\n".into(), &[]),
    ] {
        folder.write("Corefile", &corefile);
        let mut lines: Vec<String> = warnings
            .iter()
            .map(|(place, name)| warning(place, name))
            .collect();
        lines.push(NO_FILTER.into());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        run(&folder, "check", &[]).expect(0, &lines);
        assert_eq!(run(&folder, "check", &["--json"]).code, Some(0));
    }
    folder.write("Corefile", &format!("debug\n.:53\n{block}"));
    run(&folder, "check", &[]).expect(0, &[&warning("Corefile:1", "debug")]);
}

#[test]
fn key_with_two_values_warns_with_both_places() {
    let folder = Folder::new();
    folder.fixture("words");
    let corefile =
        |lines: &str| format!(". {{\n  ebpf {{\n    elf words.o\n    if edge0\n{lines}  }}\n}}\n");
    let twice = "    entry @networks 10.0.0.0/8 value=1\n    entry @networks 10.0.0.0/16 value=1\n    entry @networks 0x080000000A000000 value=2\n";
    folder.write("Corefile", &corefile(twice));
    let outcome = run(&folder, "check", &[]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    assert_eq!(
        outcome.stderr,
        "warning: Corefile:7: entry: key 0x080000000A000000 of networks has another value at Corefile:5; the later line takes effect; remove one of them\n"
    );
    folder.write("Corefile", &corefile(&twice.replace("value=2", "value=1")));
    assert_eq!(run(&folder, "check", &[]).stderr, "");
    // Keys of a trie that differ only in host bits are the same key.
    folder.write(
        "Corefile",
        &corefile(&twice.replace("0A000000", "0A010203")),
    );
    let stderr = run(&folder, "check", &[]).stderr;
    assert!(
        stderr.contains("key 0x080000000A010203 of networks has another value"),
        "{stderr}"
    );
    let lines: Vec<_> = (0..100)
        .map(|value| format!("    entry @networks 10.0.0.0/8 value={value}\n"))
        .collect();
    let many = lines.concat();
    folder.write("Corefile", &corefile(&many));
    let outcome = run(&folder, "check", &[]);
    assert_eq!(outcome.stderr.lines().count(), 21, "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .ends_with("warning: a key has another value in 79 more lines\n"),
        "{outcome:#?}"
    );
}

#[test]
fn likely_mistakes_that_coredns_accepts_warn() {
    let folder = Folder::new();
    folder.fixture("words");
    let corefile = ". {\n  promotheus :9153\n  Reload 30s\n  forward . 192.0.2.1\n  epbf {\n    elf words.o\n  }\n  ebpf {\n    elf words.o\n    if edge0\n  }\n";
    folder.write("Corefile", corefile);
    let skipped = "skipped, like every CoreDNS plugin; did you mean";
    run(&folder, "check", &[]).expect(
        0,
        &[
            "warning: Corefile:1: server block: this \"{\" is never closed; end its block with \"}\" on a line of its own",
            &format!("warning: Corefile:2: promotheus: {skipped} prometheus?"),
            &format!("warning: Corefile:3: Reload: {skipped} reload?"),
            &format!("warning: Corefile:5: epbf: {skipped} ebpf?"),
        ],
    );
}

/// A program whose values have enumerations and a limit.
const RULES: &str = "#include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    enum verdict { PASS, DROP, ASK };
    enum flag { LOG = 1, COUNT = 2, SAMPLE = 8 };
    enum protocol { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58 };
    struct rule {
        enum verdict verdict, more[2];
        enum flag flags;
        enum protocol protocol;
        union { enum verdict or; __u32 number; };
        __u32 burst __attribute__((btf_decl_tag(\"at most 1000\")));
    };
    struct {
        __uint(type, BPF_MAP_TYPE_HASH);
        __uint(max_entries, 100);
        __type(key, __u8);
        __type(value, struct rule);
    } xdp_map SEC(\".maps\");
    SEC(\"xdp\") int xdp_prog(struct xdp_md *ctx) { return XDP_PASS; }";

/// A Corefile with these lines for the program [`RULES`].
fn with_rules(lines: &str) -> String {
    format!(". {{\n  ebpf {{\n    elf rules.o\n    if edge0\n{lines}\n  }}\n}}\n")
}

#[test]
fn numbers_that_the_program_does_not_take_warn() {
    let folder = Folder::new();
    compile_text(RULES, "rules", folder.path(), &["-Wno-everything"]);
    let verdicts = "in enum verdict; the names are PASS (0), DROP (1) and ASK (2)";
    let flags = "in enum flag; the names are LOG (1), COUNT (2) and SAMPLE (8)";
    for (line, warning) in [
        (
            "entry 1 verdict=3",
            format!("entry: verdict is 3, which has no name {verdicts}"),
        ),
        (
            "entry 1 verdict=DROP more[1]=0xff",
            format!("entry: more[1] is 255, which has no name {verdicts}"),
        ),
        (
            "entry 1 verdict=-1",
            format!("entry: verdict is 4294967295, which has no name {verdicts}"),
        ),
        (
            "map 01 07000000.00000000.00000000.00000000.06000000.00000000.E9030000",
            format!(
                "map: verdict is 7, which has no name {verdicts}\nmap: burst is 1001, more than the program accepts; the maximum is 1000"
            ),
        ),
        (
            "entry 1 flags=4",
            format!("entry: flags is 4, which has no name {flags}"),
        ),
        ("entry 1 verdict=2 flags=11", String::new()),
        ("entry 1 protocol=47 number=9", String::new()),
        (
            "map 01 02000000.00000000.01000000.00000000.2F000000.FF000000.E8030000",
            String::new(),
        ),
        (
            "map 01 02000000.00000000.01000000.00000000.2F000000.FF000000.E9030000",
            "map: burst is 1001, more than the program accepts; the maximum is 1000".into(),
        ),
        (
            "entry 1 burst=4294967295",
            "entry: burst is 4294967295, more than the program accepts; the maximum is 1000".into(),
        ),
        ("entry 1 burst=1000", String::new()),
    ] {
        folder.write("Corefile", &with_rules(line));
        let outcome = run(&folder, "check", &[]);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let warnings = warning.lines();
        let expected: Vec<_> = warnings
            .map(|warning| format!("warning: Corefile:5: {warning}"))
            .collect();
        assert_eq!(outcome.lines(), expected, "{line}");
    }
}

#[test]
fn warnings_of_numbers_are_limited() {
    let folder = Folder::new();
    compile_text(RULES, "rules", folder.path(), &["-Wno-everything"]);
    let many: Vec<_> = (0..100)
        .map(|key| format!("entry {key} verdict=9\n"))
        .collect();
    folder.write("Corefile", &with_rules(&many.concat()));
    let outcome = run(&folder, "check", &[]);
    let lines = outcome.lines();
    assert_eq!(lines.len(), 21, "{outcome:#?}");
    assert_eq!(
        lines[20],
        "warning: the program does not accept 80 more numbers"
    );
}
