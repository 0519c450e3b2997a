//! `corexdp expand` prints the tokens of a Corefile; `corexdp check` prints its errors and warnings.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod check;
mod warnings;

use serde_json::{Value, json};

use support::net::{Corexdp, Folder, Outcome, finish};

/// Runs `corexdp COMMAND -conf Corefile MORE` with `BOX_NUMBER=7` in the environment.
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

/// A token of the file `Corefile`.
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
fn secrets_are_not_printed() {
    for (line, expected) in [
        (
            "entry @secrets 0 key=0x01 id=2",
            &["entry", "@secrets", "0", "key=(secret)", "id=(secret)"][..],
        ),
        (
            "entry @secrets 0 0x01 key= 0x01 key=2 AQ= AQ==",
            &[
                "entry",
                "@secrets",
                "0",
                "(secret)",
                "(secret)",
                "(secret)",
                "key=(secret)",
                "(secret)",
                "(secret)",
            ],
        ),
        (
            "entry @secrets 0xdeadbeefdeadbeef key=1\n  entry @secrets AQ== 1\n  entry @secrets 2001:db8::1 key=1",
            &[
                "entry",
                "@secrets",
                "(secret)",
                "key=(secret)",
                "entry",
                "@secrets",
                "(secret)",
                "(secret)",
                "entry",
                "@secrets",
                "2001:db8::1",
                "key=(secret)",
            ],
        ),
        (
            "entry 1 packets=2 secret=0x01 peer.secret_key[0]=3",
            &[
                "entry",
                "1",
                "packets=2",
                "secret=(secret)",
                "peer.secret_key[0]=(secret)",
            ],
        ),
        (
            "map @secret 00 01\n  map @other 00 01",
            &[
                "map", "@secret", "(secret)", "(secret)", "map", "@other", "00", "01",
            ],
        ),
        (
            "log key=0x01 a=b.secret",
            &["log", "key=0x01", "a=b.secret"],
        ),
    ] {
        let folder = Folder::new();
        folder.write("Corefile", &format!(". {{\n  {line}\n}}\n"));
        let printed = expand(&folder);
        let directives = printed[0]["tokens"].as_object().unwrap().values();
        let tokens = directives.flat_map(|tokens| tokens.as_array().unwrap());
        let texts: Vec<_> = tokens
            .map(|token| token["text"].as_str().unwrap())
            .collect();
        assert_eq!(texts, expected, "{line}");
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
fn output_has_no_terminal_control_characters() {
    let is_control = |c: char| {
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
                    assert!(
                        !output.contains(is_control),
                        "{command} {more:?}: {output:?}"
                    );
                }
            }
        }
    }
}
