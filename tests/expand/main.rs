//! `corexdp expand` and `corexdp check`: what the Corefile says, and whether it may.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use serde_json::{Value, json};

use support::net::{Corexdp, Folder, Outcome, finish};
use support::objects::compile::compile_text;

/// Runs `corexdp COMMAND -conf Corefile MORE`, with `BOX_NUMBER` set to 7 in the environment.
fn run(folder: &Folder, command: &str, more: &[&str]) -> Outcome {
    let mut command = Corexdp::command(folder.path(), &[command, "-conf", "Corefile"]);
    finish(
        command
            .args(more)
            .env("BOX_NUMBER", "7")
            .env_remove("NOT_SET"),
    )
}

fn parse(outcome: &Outcome) -> Value {
    let stdout = &outcome.stdout;
    assert_eq!(stdout.matches('\n').count(), 1, "one line: {stdout}");
    serde_json::from_str(stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn expand(folder: &Folder) -> Value {
    let outcome = run(folder, "expand", &[]);
    outcome.expect(0, &[]);
    parse(&outcome)
}

/// A token of the Corefile itself.
fn word(line: u32, text: &str) -> Value {
    json!({ "file": "Corefile", "line": line, "text": text })
}

#[test]
fn expand_prints_server_blocks() {
    for (corefile, expected) in [
        ("", json!([])),
        ("# nothing\n\n", json!([])),
        (". {\n}\n", json!([{ "keys": ["."], "tokens": {} }])),
        (
            "example.org:53 tls://example.net, example.com {\n  debug\n}\n",
            json!([{
                "keys": ["example.org:53", "tls://example.net", "example.com"],
                "tokens": { "debug": [word(2, "debug")] },
            }]),
        ),
        (
            ".\nprometheus :9153 # here\n",
            json!([{
                "keys": ["."],
                "tokens": { "prometheus": [word(2, "prometheus"), word(2, ":9153")] },
            }]),
        ),
        (
            ". {\n  ebpf {\n    if edge0\n  }\n  debug\n  ebpf {\n  }\n}\n",
            json!([{
                "keys": ["."],
                "tokens": {
                    "ebpf": [
                        word(2, "ebpf"), word(2, "{"), word(3, "if"), word(3, "edge0"), word(4, "}"),
                        word(6, "ebpf"), word(6, "{"), word(7, "}"),
                    ],
                    "debug": [word(5, "debug")],
                },
            }]),
        ),
        (
            ". {\n  log \"a \\\"b\\\" \\n ü\" x\\\\y\n}\na {\n}\nb {\n}\n",
            json!([
                {
                    "keys": ["."],
                    "tokens": { "log": [word(2, "log"), word(2, "a \"b\" \\n ü"), word(2, "x\\\\y")] },
                },
                { "keys": ["a"], "tokens": {} },
                { "keys": ["b"], "tokens": {} },
            ]),
        ),
    ] {
        let folder = Folder::new();
        folder.write("Corefile", corefile);
        assert_eq!(expand(&folder), expected, "{corefile}");
    }
}

#[test]
fn environment_variables_are_inserted() {
    let folder = Folder::new();
    folder.write(
        "Corefile",
        "box{$BOX_NUMBER} {\n  log {%BOX_NUMBER%}{$BOX_NUMBER} a{$NOT_SET}b\n}\n",
    );
    let expected = json!([{
        "keys": ["box7"],
        "tokens": { "log": [word(2, "log"), word(2, "77"), word(2, "ab")] },
    }]);
    assert_eq!(expand(&folder), expected);
}

#[test]
fn imports_insert_snippets_with_their_lines() {
    let folder = Folder::new();
    folder.write(
        "Corefile",
        "(measured) {\n  prometheus\n  debug\n}\n. {\n  import measured\n}\n",
    );
    let expected = json!([{
        "keys": ["."],
        "tokens": { "prometheus": [word(2, "prometheus")], "debug": [word(3, "debug")] },
    }]);
    assert_eq!(expand(&folder), expected);
}

#[test]
fn imports_insert_files_by_path() {
    let folder = Folder::new();
    folder.write("Corefile", "import sites/*.conf\n. {\n  import common\n}\n");
    folder.write("common", "debug\n");
    folder.write("sites/a.conf", "a {\n  log\n}\n");
    folder.write("sites/b.conf", "b {\n  errors\n}\n");
    folder.write("sites/c.txt", "c {\n}\n");
    let from = |name: &str, line: u32, text: &str| {
        let file = folder.file(name).display().to_string();
        json!({ "file": file, "line": line, "text": text })
    };
    let expected = json!([
        { "keys": ["a"], "tokens": { "log": [from("sites/a.conf", 2, "log")] } },
        { "keys": ["b"], "tokens": { "errors": [from("sites/b.conf", 2, "errors")] } },
        { "keys": ["."], "tokens": { "debug": [from("common", 1, "debug")] } },
    ]);
    assert_eq!(expand(&folder), expected);
}

#[test]
fn check_prints_nothing_for_a_good_corefile() {
    let folder = Folder::new();
    folder.fixture("example");
    folder.write("Corefile", GOOD);
    let outcome = run(&folder, "check", &[]);
    outcome.expect(0, &[]);
}

#[test]
fn import_pattern_without_a_match_warns() {
    let folder = Folder::new();
    folder.write("Corefile", "import sites/*.conf\n. {\n}\n");
    let warning =
        "warning: Corefile:1: import: no file matches \"sites/*.conf\"; nothing is imported";
    run(&folder, "check", &[]).expect(0, &[warning, NO_FILTER]);
}

const NO_FILTER: &str = "warning: the Corefile has no ebpf block; nothing is filtered";

#[test]
fn a_directive_in_the_place_of_an_address_is_a_warning() {
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

const GOOD: &str = ". {
  prometheus
  ebpf {
    elf example.o
    if edge0
    map 0A0B0000.FFFF0000.00000000
    map 0A0C0000.FFFF0000.00000000
    metric first_packets 00000000 8 4 \"Packets from the first network.\"
    metric second_packets 01000000 8 4 \"Packets from the second network.\"
  }
}
";

#[test]
fn check_json_lists_the_filters() {
    let folder = Folder::new();
    folder.fixture("example");
    folder.write("Corefile", GOOD);
    let outcome = run(&folder, "check", &["--json"]);
    outcome.expect(0, &[]);
    let found = parse(&outcome);
    assert_eq!(found["ok"], json!(true));
    assert_eq!(found["errors"], json!([]));
    let [filter] = &found["filters"].as_array().unwrap()[..] else {
        panic!("{found}");
    };
    assert_eq!(filter["interface"], "edge0");
    assert!(
        filter["elf"].as_str().unwrap().ends_with("example.o"),
        "{filter}"
    );
    let map = json!({ "type": "array", "key_size": 4, "value_size": 12, "max_entries": 16 });
    assert_eq!(filter["map"], map);
    assert_eq!(filter["entries"], 2);
    let metrics = filter["metrics"].as_array().unwrap();
    assert_eq!(metrics.len(), 2, "{filter}");
    for (metric, name) in metrics.iter().zip(["first_packets", "second_packets"]) {
        assert!(metric.to_string().contains(name), "{metric}");
    }
}

#[test]
fn check_json_lists_the_errors() {
    let folder = Folder::new();
    folder.fixture("example");
    folder.write(
        "Corefile",
        &GOOD.replace("metric second_packets 01", "metric first_packets 1"),
    );
    let outcome = run(&folder, "check", &["--json"]);
    assert_eq!(outcome.code, Some(78), "{outcome:#?}");
    let found = parse(&outcome);
    assert_eq!(found["ok"], json!(false));
    let errors = found["errors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{found}");
    for error in errors {
        assert_eq!(error["file"], "Corefile", "{error}");
        assert_eq!(error["line"], 9, "{error}");
        assert_eq!(error["directive"], "metric", "{error}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
    }
}

#[test]
fn check_and_expand_read_standard_input() {
    let folder = Folder::new();
    let shell = |command: &str| {
        let mut shell = std::process::Command::new("sh");
        shell
            .current_dir(folder.path())
            .env("COREXDP", env!("CARGO_BIN_EXE_corexdp"));
        finish(shell.args(["-c", command]))
    };
    folder.fixture("example");
    let expanded = shell("printf '. {\\n debug\\n}\\n' | \"$COREXDP\" expand -conf stdin");
    expanded.expect(0, &[]);
    let token = json!({ "file": "stdin", "line": 2, "text": "debug" });
    assert_eq!(
        parse(&expanded),
        json!([{ "keys": ["."], "tokens": { "debug": [token] } }])
    );
    let checked = shell(
        "printf '. {\\n ebpf {\\n  elf example.o\\n }\\n}\\n' | \"$COREXDP\" check --conf stdin",
    );
    checked.refuses(78, &["stdin:2: ebpf: ", "if INTERFACE"]);
}

#[test]
fn the_first_errors_are_listed_and_the_others_counted() {
    let folder = Folder::new();
    folder.fixture("example");
    let lines = "    map 0200\n".repeat(50_000);
    folder.write(
        "Corefile",
        &format!(". {{\n  ebpf {{\n    elf example.o\n    if edge0\n{lines}  }}\n}}\n"),
    );
    let outcome = run(&folder, "check", &[]);
    assert_eq!(outcome.code, Some(78), "{outcome:#?}");
    let stderr = outcome.stderr.lines().collect::<Vec<_>>();
    assert_eq!(stderr.len(), 21, "{stderr:#?}");
    assert!(stderr[0].starts_with("Corefile:5: map: "), "{stderr:#?}");
    let last = stderr[20];
    assert!(last.starts_with("Corefile: "), "{last}");
    assert!(
        last.contains(" more errors; correct the first 20"),
        "{last}"
    );
    let found = parse(&run(&folder, "check", &["--json"]));
    assert_eq!(found["errors"].as_array().unwrap().len(), 21);
}

#[test]
fn a_key_with_two_values_is_a_warning_with_both_places() {
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
        "warning: Corefile:7: entry: key 0x080000000A000000 of networks has another value at Corefile:5; the later line holds, so remove one\n"
    );
    folder.write("Corefile", &corefile(&twice.replace("value=2", "value=1")));
    assert_eq!(run(&folder, "check", &[]).stderr, "");
    // Keys of a trie that differ in host bits alone are one key.
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
            .ends_with("warning: 79 more lines give a key another value\n"),
        "{outcome:#?}"
    );
}

#[test]
fn what_coredns_accepts_and_nobody_means_is_a_warning() {
    let folder = Folder::new();
    folder.fixture("words");
    let corefile = ". {\n  promotheus :9153\n  Reload 30s\n  forward . 192.0.2.1\n  epbf {\n    elf words.o\n  }\n  ebpf {\n    elf words.o\n    if edge0\n  }\n";
    folder.write("Corefile", corefile);
    let skipped = "skipped, as every plugin of CoreDNS; did you mean";
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

#[test]
fn a_number_without_a_name_in_its_enumeration_is_a_warning() {
    let folder = Folder::new();
    let source = "#include <linux/bpf.h>
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
    compile_text(source, "rules", folder.path(), &["-Wno-everything"]);
    let corefile = |lines: &str| {
        format!(". {{\n  ebpf {{\n    elf rules.o\n    if edge0\n{lines}\n  }}\n}}\n")
    };
    let verdicts = "in enum verdict; there are PASS (0), DROP (1) and ASK (2)";
    let flags = "in enum flag; there are LOG (1), COUNT (2) and SAMPLE (8)";
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
            format!("map: verdict is 7, which has no name {verdicts}"),
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
            "map: burst is 1001, more than the program takes; at most 1000".into(),
        ),
        (
            "entry 1 burst=4294967295",
            "entry: burst is 4294967295, more than the program takes; at most 1000".into(),
        ),
        ("entry 1 burst=1000", String::new()),
    ] {
        folder.write("Corefile", &corefile(line));
        let outcome = run(&folder, "check", &[]);
        assert_eq!(outcome.code, Some(0), "{outcome:#?}");
        let expected = match warning.as_str() {
            "" => String::new(),
            warning => format!("warning: Corefile:5: {warning}\n"),
        };
        assert_eq!(outcome.stderr, expected, "{line}");
    }
    let many: Vec<_> = (0..100)
        .map(|key| format!("entry {key} verdict=9\n"))
        .collect();
    folder.write("Corefile", &corefile(&many.concat()));
    let outcome = run(&folder, "check", &[]);
    let lines = outcome.lines();
    assert_eq!(lines.len(), 21, "{outcome:#?}");
    assert_eq!(
        lines[20],
        "warning: 80 more lines have a number that the program does not take"
    );
}

#[test]
fn output_has_no_character_that_a_terminal_obeys() {
    let obeyed = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}')
    };
    for word in [
        "\u{1b}[2J",
        "\u{7f}",
        "\u{9b}31m",
        "\u{85}",
        "\u{202e}",
        "\u{2066}",
        "\u{2028}",
        "\u{200f}",
    ] {
        let folder = Folder::new();
        for text in [
            format!(
                ". {{\n  ebpf {{\n    x{word}\n    elf x{word}\n    if x{word}\n    mode x{word}\n  }}\n}}\n"
            ),
            format!(". {{\n  ebpf {{\n    metric x{word} zz{word} y{word} 8 z{word}\n  }}\n}}\n"),
            format!("import x{word}/*\n. {{\n  x{word}\n}}\n"),
            format!("import x{word}\n"),
        ] {
            folder.write("Corefile", &text);
            for (command, more) in [("check", &[][..]), ("check", &["--json"]), ("expand", &[])] {
                let outcome = run(&folder, command, more);
                for output in [&outcome.stdout, &outcome.stderr] {
                    assert!(!output.contains(obeyed), "{command} {more:?}: {output:?}");
                }
            }
        }
    }
}
