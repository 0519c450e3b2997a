//! Tests of environment variables.

use super::super::env::{ExpandError, expand};
use super::{FakeHost, check, parse};

const HOST: FakeHost = FakeHost {
    files: &[("/etc/r1", "d"), ("/etc/a b", "e")],
    vars: &[
        ("ADDRESS", "example.org"),
        ("PORT", "8080"),
        ("ONE", "r1"),
        ("TWO", "two words"),
        ("LINES", "1\n2\n3"),
        ("OPEN", "{"),
        ("CLOSE", "}"),
        ("IMPORT", "import"),
        ("EMPTY", ""),
        ("COMMA", "a,"),
        ("NESTED", "<{$PORT}>"),
        ("MARK", "{$"),
        ("PERCENT", "{%PORT%}"),
        ("SNIPPET", "(s)"),
        ("SELF", "x{$SELF}"),
        ("BACK", "{$FORTH}"),
        ("FORTH", "{$BACK}"),
        ("DOUBLE", "{$DOUBLE}{$DOUBLE}"),
        ("B=C", "never"),
    ],
};

#[test]
fn both_forms_expand_anywhere_in_a_token() {
    check(
        HOST,
        &[
            ("{$ADDRESS}", "example.org"),
            ("{%ADDRESS%}", "example.org"),
            ("{$ADDRESS}:{$PORT}", "example.org:8080"),
            ("{%ADDRESS%}:{$PORT}", "example.org:8080"),
            ("{$ADDRESS}:{%PORT%}", "example.org:8080"),
            ("di{$ONE}", "dir1"),
            ("{$PORT}{$PORT}", "80808080"),
            ("h\nd \"a {$PORT} b\"", "h | d: d@2 \"a 8080 b\"@2"),
            (
                "h\nd \"{{ .Name }} {$PORT}\"",
                "h | d: d@2 \"{{ .Name }} 8080\"@2",
            ),
        ],
    );
}

#[test]
fn malformed_references_stay_and_unset_variables_are_empty() {
    check(
        HOST,
        &[
            ("h\nd {%PORT}", "h | d: d@2 {%PORT}@2"),
            ("h\nd {$PORT", "h | d: d@2 {$PORT@2"),
            ("h\nd {PORT} $PORT", "h | d: d@2 {PORT}@2 $PORT@2"),
            (":{$PORT$}", ":"),
            ("h\nd {$NONE}", "h | d: d@2 \"\"@2"),
            ("h\nd {$A=B} {$B=C}", "h | d: d@2 \"\"@2 \"\"@2"),
            // An empty name ends the search.
            ("h\nd {$}{$PORT}", "h | d: d@2 {$}{$PORT}@2"),
            ("h\nd {%%}{%PORT%}{$PORT}", "h | d: d@2 {%%}{%PORT%}8080@2"),
            ("h\nd {%}{%PORT%}", "h | d: d@2 {%}{%PORT%}@2"),
        ],
    );
}

#[test]
fn values_are_expanded_again() {
    check(
        HOST,
        &[
            ("{$NESTED}", "<8080>"),
            ("{$MARK}PORT}", "8080"),
            ("{{$MARK}", "{{$"),
            // `{%…%}` is expanded first. A value with `{%…%}` that `{$…}` gives is not expanded again.
            ("{$PERCENT}", "{%PORT%}"),
            ("{%NESTED%}", "<8080>"),
            // All occurrences of a reference are replaced at once, so the second mark is gone when the first is
            // completed.
            ("{$MARK}{$MARK}}", ""),
        ],
    );
}

#[test]
fn value_stays_one_token_and_is_not_a_brace() {
    check(
        HOST,
        &[
            ("h\nd {$TWO}", "h | d: d@2 \"two words\"@2"),
            ("h\nd {$OPEN}\ne", "h | d: d@2 {@2 | e: e@3"),
            ("h\nd {\n a {$CLOSE}\n}", "h | d: d@2 {@2 a@3 }@3 }@4"),
            // The brace in the value ends the addresses, and its token is then a directive's name.
            ("h {$OPEN}\nd", "h | {: {$OPEN}@1 | d: d@2"),
            ("{$COMMA}\nb", "a b"),
            ("{$EMPTY} b", "b"),
            ("{$SNIPPET} {\n d\n}\nh\nimport s", "h | d: d@2"),
        ],
    );
}

#[test]
fn directive_name_is_expanded_but_its_token_is_not() {
    check(
        HOST,
        &[
            (
                "h\ndi{$ONE} {$PORT}\ndir1",
                "h | dir1: di{$ONE}@2 8080@2 dir1@3",
            ),
            ("h\n{$EMPTY} a", "h | \"\": {$EMPTY}@2 a@2"),
        ],
    );
}

#[test]
fn line_breaks_in_values_count() {
    // The token ends three lines later, so the tokens of that line are arguments.
    check(
        HOST,
        &[(
            "h\nd {$LINES}\ne\nf\ng",
            "h | d: d@2 \"1\\n2\\n3\"@2 e@3 | f: f@4 | g: g@5",
        )],
    );
}

#[test]
fn import_keyword_expands_only_among_addresses() {
    check(
        HOST,
        &[
            ("{$IMPORT} r1", "d"),
            ("h\n{$IMPORT} r1", "h | import: {$IMPORT}@2 r1@2"),
            ("h\nimport {$ONE}", "h | d: d@/etc/r1:1"),
            ("h\nimport \"a {$EMPTY}b\"", "h | e: e@/etc/a b:1"),
            ("(r1) {\n s\n}\nh\nimport {$ONE}", "h | s: s@2"),
            // A snippet's tokens are expanded at the import.
            ("(s) {\n d {$PORT}\n}\nh\nimport s", "h | d: d@2 8080@2"),
        ],
    );
}

#[test]
fn recursive_value_is_an_error() {
    for (input, name) in [
        ("h\nd {$SELF}", "\"SELF\""),
        ("h\nd {$FORTH}", "\"FORTH\""),
        ("h\nd {$DOUBLE}", "\"DOUBLE\""),
    ] {
        let error = parse(input.as_bytes(), HOST).unwrap_err().to_string();
        assert!(error.starts_with("Corefile:2: d: variable "), "{error}");
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn expansion_stops_at_the_limit() {
    let mut host = HOST;
    assert_eq!(
        expand("{$ADDRESS}", 11, &mut host),
        Ok(Some("example.org".into()))
    );
    assert_eq!(
        expand("{$ADDRESS}", 10, &mut host),
        Err(ExpandError::TooLong("ADDRESS".into()))
    );
    assert_eq!(expand("no reference", 0, &mut host), Ok(None));
}
