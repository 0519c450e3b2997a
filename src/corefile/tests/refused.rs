//! Tests of errors, word for word.

use std::error::Error as _;

use super::super::Corefile;
use super::{FakeHost, parse};

const HOST: FakeHost = FakeHost {
    files: &[
        ("/etc/one", "d 1"),
        ("/etc/sub/x", "x"),
        ("/etc/sub/bad", "ok\n\nimport gone"),
        ("/etc/secret", "SECRET"),
        ("/etc/brace", "\n d }"),
        ("/etc/loop", "import loop"),
        ("/etc/ping", "import pong"),
        ("/etc/pong", "import ping"),
    ],
    vars: &[("EMPTY", ""), ("NAME", "s"), ("SELF", "{$SELF}")],
};

/// Checks a table of Corefiles and their errors.
#[track_caller]
fn refuse(table: &[(&str, &str)]) {
    for (input, expected) in table {
        // Cycles of files need a higher limit than other tests.
        let corefile =
            Corefile::parse("Corefile", "/etc", input.as_bytes(), 1 << 22, &mut { HOST });
        let error = corefile.unwrap_err().to_string();
        assert_eq!(&error, expected, "of {input:?}");
    }
}

/// Blocks and snippets that are incomplete, and their errors.
const INCOMPLETE: &[(&str, &str)] = &[
    (
        "a, {\n}",
        "Corefile:1: server block: \"{\" follows the comma; remove the comma, or write another address after it",
    ),
    (
        "a,\nb,",
        "Corefile:2: server block: nothing follows the comma; remove the comma, or write another address after it",
    ),
    (
        "h {\n d",
        "Corefile:1: server block: this \"{\" is never closed; end its block with \"}\" on a line of its own",
    ),
    (
        "h {",
        "Corefile:1: server block: this \"{\" is never closed; end its block with \"}\" on a line of its own",
    ),
    (
        "h\nd {\n a",
        "Corefile:2: d: this \"{\" is never closed; end its block with \"}\" on a line of its own",
    ),
    (
        "h\nd {\n x {\n }\n",
        "Corefile:2: d: this \"{\" is never closed; end its block with \"}\" on a line of its own",
    ),
    (
        "h\nd { a }\nd {\n } {",
        "Corefile:4: d: this \"{\" is never closed; end its block with \"}\" on a line of its own",
    ),
    (
        "h\nd {\n} }",
        "Corefile:3: d: this \"}\" closes nothing; put the one that ends the server block on a line of its own",
    ),
    (
        "h { d }",
        "Corefile:1: d: this \"}\" closes nothing; put the one that ends the server block on a line of its own",
    ),
    (
        "h\nimport brace",
        "/etc/brace:2: d: this \"}\" closes nothing; put the one that ends the server block on a line of its own",
    ),
    (
        "(s) {\n d\n}\n(s) {\n}",
        "Corefile:4: snippet: \"s\" is declared twice; give each snippet a name of its own",
    ),
    (
        "(s)\nd",
        "Corefile:2: snippet: \"s\" has no braces; write its directives between { and }",
    ),
    (
        "(s) {\n d {\n }\n",
        "Corefile:1: snippet: the \"{\" of \"s\" is never closed; end it with \"}\"",
    ),
    (
        "(s) {\n import s\n}",
        "Corefile:2: import: snippet \"s\" imports itself, which would take more than 10000 imports; remove this one",
    ),
    (
        "(s) {\n { }\n import {$NAME}\n}",
        "Corefile:3: import: snippet \"s\" imports itself, which would take more than 10000 imports; remove this one",
    ),
    (
        "h\n\"a\nb\" }",
        "Corefile:3: a\\nb: this \"}\" closes nothing; put the one that ends the server block on a line of its own",
    ),
];

#[test]
fn incomplete_blocks_and_snippets_are_refused() {
    refuse(INCOMPLETE);
}

/// Imports without one existing source, and their errors.
const IMPORTS: &[(&str, &str)] = &[
    (
        "(s) {\n a\n import t\n}\n(t) {\n import s\n}\nh\nimport s",
        "Corefile:6: import: more than 10000 imports of snippets; is there one that imports itself through others?",
    ),
    (
        "import",
        "Corefile:1: import: names nothing; write a file, a pattern or a snippet after it",
    ),
    (
        "h\nimport\nd",
        "Corefile:2: import: names nothing; write a file, a pattern or a snippet after it",
    ),
    (
        "import \"\"",
        "Corefile:1: import: the name is empty; give a file, a pattern or a snippet",
    ),
    (
        "h\nimport {$EMPTY}",
        "Corefile:2: import: the name is empty; give a file, a pattern or a snippet",
    ),
    (
        "import one two",
        "Corefile:1: import: more than one name; write one import for each, on a line of its own",
    ),
    (
        "h {\n import one }",
        "Corefile:2: import: more than one name; write one import for each, on a line of its own",
    ),
    (
        "h\n\nimport x.conf",
        "Corefile:3: import: file \"x.conf\" not found; give a path relative to this file's folder, or an absolute one",
    ),
    (
        "h\nd {\n import gone\n}",
        "Corefile:3: import: file \"gone\" not found; give a path relative to this file's folder, or an absolute one",
    ),
    (
        "h\nimport sub/bad",
        "/etc/sub/bad:3: import: file \"gone\" not found; give a path relative to this file's folder, or an absolute one",
    ),
    (
        "import {$}",
        "Corefile:1: import: file \"{$}\" not found; give a path relative to this file's folder, or an absolute one",
    ),
    (
        "import \"a\nb\"",
        "Corefile:1: import: file \"a\\nb\" not found; give a path relative to this file's folder, or an absolute one",
    ),
    (
        "import sub",
        "Corefile:1: import: \"/etc/sub\" is a folder; import the files in it with \"/etc/sub/*\"",
    ),
    (
        "import su*",
        "Corefile:1: import: \"/etc/sub\" is a folder; import the files in it with \"/etc/sub/*\"",
    ),
    (
        "import secret",
        "Corefile:1: import: cannot read \"/etc/secret\"; it must be a file that this process may read",
    ),
    (
        "import /*/*.txt",
        "Corefile:1: import: pattern \"/*/*.txt\" is too wide; use at most one \"*\" and one \"?\", and no \"[…]\", in the whole path",
    ),
    (
        "import ??",
        "Corefile:1: import: pattern \"/etc/??\" is too wide; use at most one \"*\" and one \"?\", and no \"[…]\", in the whole path",
    ),
    (
        "import /[a-z]",
        "Corefile:1: import: pattern \"/[a-z]\" is too wide; use at most one \"*\" and one \"?\", and no \"[…]\", in the whole path",
    ),
    (
        "import a[b",
        "Corefile:1: import: pattern \"a[b\" has a lone \"[\", or a \"\\\" at the end of a name; write \\[ for the character [, and \\\\ for \\",
    ),
    (
        "import a\\",
        "Corefile:1: import: pattern \"a\\\" has a lone \"[\", or a \"\\\" at the end of a name; write \\[ for the character [, and \\\\ for \\",
    ),
    (
        "import loop",
        "/etc/loop:1: import: more than 100000 imports of files; is there one that imports itself, or through others?",
    ),
    (
        "h\nimport ping",
        "/etc/pong:1: import: more than 100000 imports of files; is there one that imports itself, or through others?",
    ),
];

#[test]
fn import_needs_one_existing_source() {
    refuse(IMPORTS);
}

#[test]
fn recursive_variable_is_refused() {
    refuse(&[
        (
            "h\nd {$SELF}",
            "Corefile:2: d: variable \"SELF\" refers to itself; give it a value that does not refer back to it",
        ),
        (
            "{$SELF}",
            "Corefile:1: server block: variable \"SELF\" refers to itself; give it a value that does not refer back to it",
        ),
        (
            "h\nimport {$SELF}",
            "Corefile:2: import: variable \"SELF\" refers to itself; give it a value that does not refer back to it",
        ),
    ]);
}

#[test]
fn limit_counts_all_text() {
    let table = [
        // The Corefile itself: 20 bytes, the limit, and 21 bytes.
        ("h\nd 3456789012345678", None),
        ("h\nd 34567890123456789", Some("Corefile:1: server block")),
        // An imported file of 3 bytes after 17.
        ("h# 567\nimport one", None),
        ("h# 5678\nimport one", Some("Corefile:2: import")),
        // A snippet's two tokens count as 4 bytes at each import.
        ("(s) {\n}\nimport s", None),
        ("(s){ a b }\nh # 7890", None),
    ];
    for (input, expected) in table {
        let corefile = Corefile::parse("Corefile", "/etc", input.as_bytes(), 20, &mut { HOST });
        let expected = expected.map(|place| format!("{place}: the Corefile and all it imports exceed COREXDP_MAX_COREFILE (20 bytes); shorten them, or build with a larger COREXDP_MAX_COREFILE"));
        assert_eq!(
            corefile.err().map(|error| error.to_string()),
            expected,
            "of {input:?}"
        );
    }
}

#[test]
fn snippet_counts_at_each_import() {
    // 25 bytes, and 4 more for each import of `a b`.
    let input = b"(s) {\na b\n}\nh\nimport s\n";
    let parse = |limit| Corefile::parse("Corefile", "/etc", input, limit, &mut { HOST });
    assert_eq!(input.len(), 23);
    assert!(parse(27).is_ok());
    assert_eq!(parse(26).unwrap_err().line(), 5);
}

#[test]
fn error_has_parts_and_cause() {
    let error = parse(b"h\nimport secret", HOST).unwrap_err();
    assert_eq!(error.file(), "Corefile");
    assert_eq!(error.line(), 2);
    assert_eq!(error.directive(), "import");
    assert!(error.message().starts_with("cannot read \"/etc/secret\""));
    assert_eq!(error.source().unwrap().to_string(), "permission denied");
    assert!(parse(b"import", HOST).unwrap_err().source().is_none());
}

#[test]
fn long_token_is_truncated_in_errors() {
    let input = format!("import {}", "x".repeat(5000));
    let error = parse(input.as_bytes(), HOST).unwrap_err();
    let expected = format!(
        "file \"{}…\" not found; give a path relative to this file's folder, or an absolute one",
        "x".repeat(200)
    );
    assert_eq!(error.message(), expected);
}
