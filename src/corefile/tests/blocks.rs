//! Tests of the grammar: server blocks, directives and snippets.

use super::{FakeHost, check, parse, show};

#[test]
fn addresses_end_with_the_line_unless_a_comma_follows() {
    check(
        FakeHost::default(),
        &[
            ("localhost", "localhost"),
            ("a b", "a b"),
            ("a, b {\n d\n}", "a b | d: d@2"),
            ("a,\nb,\n\nc\nd e", "a b c | d: d@5 e@5"),
            ("a,b", "a,b"),
            (",\na", "\"\" a"),
            ("a,, b", "a, b"),
            ("\"\"", ""),
            ("\"\" {\n d\n}\na", "a"),
            ("\"\" a", "a"),
            ("a \"b c\"", "a \"b c\""),
            ("a,\n\"\"\nb", "a b"),
        ],
    );
}

#[test]
fn block_without_braces_extends_to_the_end() {
    check(
        FakeHost::default(),
        &[
            ("h\nd a b\ne", "h | d: d@2 a@2 b@2 | e: e@3"),
            ("h\nd {\n a b\n}\ne", "h | d: d@2 {@2 a@3 b@3 }@4 | e: e@5"),
            // A closing brace without an opening one ends the block, and another block may follow.
            ("h\nd\n}\ni\ne", "h | d: d@2 ++ i | e: e@5"),
        ],
    );
}

#[test]
fn braces_delimit_a_block() {
    check(
        FakeHost::default(),
        &[
            ("h {\n}", "h"),
            ("h {\n}\ni {\n}", "h ++ i"),
            ("h\n{\n d\n}\ni {\n e\n}", "h | d: d@3 ++ i | e: e@6"),
            ("h {\n d\n} i {\n e\n}", "h | d: d@2 ++ i | e: e@4"),
            ("h { d\n}", "h | d: d@1"),
            // A block without an address is dropped.
            ("{\n d\n}", ""),
            // The file may end after the closing brace of a directive.
            ("h {\n d {\n }\n", "h | d: d@2 {@2 }@3"),
            // Braces are ordinary tokens: they need white space around them, and quotes do not change their meaning.
            ("h{\nd\n}", "h{ | d: d@2"),
            ("h \"{\"\nd\n\"}\"", "h | d: d@2"),
            ("h {\n d {$X\n}", "h | d: d@2 {$X@2"),
        ],
    );
}

#[test]
fn directive_ends_with_its_line_or_block() {
    check(
        FakeHost::default(),
        &[
            ("h\nd {\n}", "h | d: d@2 {@2 }@3"),
            ("h\nd { a\n b }", "h | d: d@2 {@2 a@2 b@3 }@3"),
            (
                "h\nd {\n n {\n  f\n }\n}\ne f g",
                "h | d: d@2 {@2 n@3 {@3 f@4 }@5 }@6 | e: e@7 f@7 g@7",
            ),
            ("h\nd\n{\n a\n}\ne", "h | d: d@2 {@3 a@4 }@5 | e: e@6"),
            ("h\nd { a } b\ne", "h | d: d@2 {@2 a@2 }@2 b@2 | e: e@3"),
            // A brace as a directive's name opens no block. The next brace closes the server block, and the last is an
            // address.
            ("h {\n { a\n }\n}", "h | {: {@2 a@2 ++ }"),
        ],
    );
}

#[test]
fn tokens_are_grouped_by_directive_name() {
    check(
        FakeHost::default(),
        &[
            ("h\nd 1\ne\nd 2\n", "h | d: d@2 1@2 d@4 2@4 | e: e@3"),
            ("h\ne\nd\ne\n\ni", "h | e: e@2 e@4 | d: d@3 | i: i@6"),
            (
                "h {\n d 1\n}\ni {\n d 2\n}",
                "h | d: d@2 1@2 ++ i | d: d@5 2@5",
            ),
        ],
    );
}

#[test]
fn snippet_replaces_its_import() {
    check(
        FakeHost::default(),
        &[
            (
                "(s) {\n d foo\n e\n}\nh {\n import s\n}",
                "h | d: d@2 foo@2 | e: e@3",
            ),
            ("(s) {\n d\n}", ""),
            ("(s) {\n}\nh\nimport s\nd", "h | d: d@5"),
            (
                "(s) {\n d {\n  e\n }\n}\nh\nimport s",
                "h | d: d@2 {@2 e@3 }@4",
            ),
            (
                "(s) {\n a\n}\nh\nd {\n import s\n b\n}",
                "h | d: d@5 {@5 a@2 b@7 }@8",
            ),
            ("(s) {\n a\n}\nh\nimport s\nimport s", "h | a: a@2 a@2"),
            (
                "(s) {\n a\n}\n(t) {\n import s\n b\n}\nh\nimport t",
                "h | a: a@2 | b: b@6",
            ),
            // The snippet is a whole block, its address included.
            ("(s) {\n h {\n  d\n }\n}\nimport s", "h | d: d@3"),
            // A snippet may declare snippets.
            (
                "(s) {\n (t) {\n  d\n }\n}\nimport s\nh\nimport t",
                "h | d: d@3",
            ),
            // `import` after another token on the line is an argument.
            ("(s) {\n a\n}\nh\nd import s", "h | d: d@5 import@5 s@5"),
            // A cycle of two snippets is accepted if nothing imports it.
            ("(s) {\n import t\n}\n(t) {\n import s\n}\nh", "h"),
        ],
    );
}

#[test]
fn single_parenthesized_key_with_a_block_is_a_snippet() {
    check(
        FakeHost::default(),
        &[
            ("(s)", "(s)"),
            ("(s) h {\n}", "(s) h"),
            ("(s {\n}", "(s"),
            ("s) {\n}", "s)"),
            ("( {\n}", "("),
            ("() {\n}\nh", "h"),
            ("((s)) {\n d\n}\nh\nimport (s)", "h | d: d@2"),
        ],
    );
}

#[test]
fn token_above_its_predecessor_begins_no_line() {
    // The snippet's first token is on a line above the `}` before it, so it is not executed as an import.
    check(
        FakeHost::default(),
        &[("(t) {\n import s x\n}\nh {\n}\nimport t", "h ++ import s x")],
    );
}

/// `closeCurlyBrace` of Caddy's parser accepts any closing brace as the last token, a directive's too.
#[test]
fn last_block_closed_by_its_directive_is_a_warning() {
    let text = "h {\n d {\n  e\n }\n";
    for (text, line) in [(text.to_owned(), 1), (format!("g {{\n}}\n{text}"), 3)] {
        let corefile = parse(text.as_bytes(), FakeHost::default()).unwrap();
        let closed = parse(format!("{text}}}\n").as_bytes(), FakeHost::default()).unwrap();
        assert_eq!(show(&corefile), show(&closed));
        let warning = corefile.warnings()[0].to_string();
        assert_eq!(
            warning,
            format!(
                "Corefile:{line}: server block: this \"{{\" is never closed; end its block with \"}}\" on a line of its own"
            )
        );
        assert_eq!((corefile.warnings().len(), closed.warnings().len()), (1, 0));
    }
}
