//! Where and how environment variables are replaced.

use super::super::env::{Runaway, replace};
use super::{World, check, parse};

const WORLD: World = World {
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
fn both_spellings_work_anywhere_in_a_word() {
    check(
        WORLD,
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
fn what_is_no_reference_stays_and_what_is_not_set_is_empty() {
    check(
        WORLD,
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
fn a_value_is_read_again_for_references() {
    check(
        WORLD,
        &[
            ("{$NESTED}", "<8080>"),
            ("{$MARK}PORT}", "8080"),
            ("{{$MARK}", "{{$"),
            // `{%…%}` comes first and isn't looked for again.
            ("{$PERCENT}", "{%PORT%}"),
            ("{%NESTED%}", "<8080>"),
            // All places of a reference are replaced at once: the second mark's own place is gone when the first is read.
            ("{$MARK}{$MARK}}", ""),
        ],
    );
}

#[test]
fn a_value_stays_one_word_and_is_no_brace_for_the_parser() {
    check(
        WORLD,
        &[
            ("h\nd {$TWO}", "h | d: d@2 \"two words\"@2"),
            ("h\nd {$OPEN}\ne", "h | d: d@2 {@2 | e: e@3"),
            ("h\nd {\n a {$CLOSE}\n}", "h | d: d@2 {@2 a@3 }@3 }@4"),
            // But it ends addresses, and is then a directive's name.
            ("h {$OPEN}\nd", "h | {: {$OPEN}@1 | d: d@2"),
            ("{$COMMA}\nb", "a b"),
            ("{$EMPTY} b", "b"),
            ("{$SNIPPET} {\n d\n}\nh\nimport s", "h | d: d@2"),
        ],
    );
}

#[test]
fn the_name_of_a_directive_is_replaced_but_its_own_word_is_not() {
    check(
        WORLD,
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
fn line_breaks_in_a_value_count() {
    // What follows within three lines of `d` is taken for its line.
    check(
        WORLD,
        &[(
            "h\nd {$LINES}\ne\nf\ng",
            "h | d: d@2 \"1\\n2\\n3\"@2 e@3 | f: f@4 | g: g@5",
        )],
    );
}

#[test]
fn import_may_come_from_a_variable_among_addresses_only() {
    check(
        WORLD,
        &[
            ("{$IMPORT} r1", "d"),
            ("h\n{$IMPORT} r1", "h | import: {$IMPORT}@2 r1@2"),
            ("h\nimport {$ONE}", "h | d: d@/etc/r1:1"),
            ("h\nimport \"a {$EMPTY}b\"", "h | e: e@/etc/a b:1"),
            ("(r1) {\n s\n}\nh\nimport {$ONE}", "h | s: s@2"),
            // A snippet's words are replaced where they end up.
            ("(s) {\n d {$PORT}\n}\nh\nimport s", "h | d: d@2 8080@2"),
        ],
    );
}

#[test]
fn a_value_that_leads_back_to_itself_is_an_error() {
    for (input, name) in [
        ("h\nd {$SELF}", "\"SELF\""),
        ("h\nd {$FORTH}", "\"FORTH\""),
        ("h\nd {$DOUBLE}", "\"DOUBLE\""),
    ] {
        let error = parse(input.as_bytes(), WORLD).unwrap_err().to_string();
        assert!(error.starts_with("Corefile:2: d: variable "), "{error}");
        assert!(error.contains(name), "{error}");
    }
}

#[test]
fn a_word_grows_only_up_to_what_is_allowed() {
    let mut world = WORLD;
    assert_eq!(
        replace("{$ADDRESS}", 11, &mut world),
        Ok(Some("example.org".into()))
    );
    assert_eq!(
        replace("{$ADDRESS}", 10, &mut world),
        Err(Runaway::TooLong("ADDRESS".into()))
    );
    assert_eq!(replace("no reference", 0, &mut world), Ok(None));
}
