//! How words make server blocks, directives and snippets.

use super::{World, check};

#[test]
fn addresses_stand_in_one_line_unless_a_comma_ends_it() {
    check(
        World::default(),
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
fn one_block_needs_no_braces() {
    check(
        World::default(),
        &[
            ("h\nd a b\ne", "h | d: d@2 a@2 b@2 | e: e@3"),
            ("h\nd {\n a b\n}\ne", "h | d: d@2 {@2 a@3 b@3 }@4 | e: e@5"),
            // A stray brace ends it, and another may follow.
            ("h\nd\n}\ni\ne", "h | d: d@2 ++ i | e: e@5"),
        ],
    );
}

#[test]
fn braces_hold_a_block_together() {
    check(
        World::default(),
        &[
            ("h {\n}", "h"),
            ("h {\n}\ni {\n}", "h ++ i"),
            ("h\n{\n d\n}\ni {\n e\n}", "h | d: d@3 ++ i | e: e@6"),
            ("h {\n d\n} i {\n e\n}", "h | d: d@2 ++ i | e: e@4"),
            ("h { d\n}", "h | d: d@1"),
            // Without an address there is nothing to serve.
            ("{\n d\n}", ""),
            // The file may end after the closing brace of a directive.
            ("h {\n d {\n }\n", "h | d: d@2 {@2 }@3"),
            // Braces are words like others: they need space around them, and quotes don't change them.
            ("h{\nd\n}", "h{ | d: d@2"),
            ("h \"{\"\nd\n\"}\"", "h | d: d@2"),
            ("h {\n d {$X\n}", "h | d: d@2 {$X@2"),
        ],
    );
}

#[test]
fn a_directive_ends_with_its_line_or_its_braces() {
    check(
        World::default(),
        &[
            ("h\nd {\n}", "h | d: d@2 {@2 }@3"),
            ("h\nd { a\n b }", "h | d: d@2 {@2 a@2 b@3 }@3"),
            (
                "h\nd {\n n {\n  f\n }\n}\ne f g",
                "h | d: d@2 {@2 n@3 {@3 f@4 }@5 }@6 | e: e@7 f@7 g@7",
            ),
            ("h\nd\n{\n a\n}\ne", "h | d: d@2 {@3 a@4 }@5 | e: e@6"),
            ("h\nd { a } b\ne", "h | d: d@2 {@2 a@2 }@2 b@2 | e: e@3"),
            // As a name, a brace opens nothing: the next one closes the block, and the last is an address.
            ("h {\n { a\n }\n}", "h | {: {@2 a@2 ++ }"),
        ],
    );
}

#[test]
fn words_are_kept_by_name_in_the_order_of_the_names() {
    check(
        World::default(),
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
fn a_snippet_is_no_block_but_stands_where_it_is_imported() {
    check(
        World::default(),
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
            // As a block's address, and as a whole block.
            ("(s) {\n h {\n  d\n }\n}\nimport s", "h | d: d@3"),
            // A snippet may declare snippets.
            (
                "(s) {\n (t) {\n  d\n }\n}\nimport s\nh\nimport t",
                "h | d: d@3",
            ),
            // One on the line of another word is a word.
            ("(s) {\n a\n}\nh\nd import s", "h | d: d@5 import@5 s@5"),
            // Nobody imports the longer circle.
            ("(s) {\n import t\n}\n(t) {\n import s\n}\nh", "h"),
        ],
    );
}

#[test]
fn only_one_address_in_parentheses_with_something_after_it_is_a_snippet() {
    check(
        World::default(),
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
fn a_word_above_the_one_before_it_begins_no_line_for_the_parser() {
    // The snippet's first word stands above the `}` before it, so it isn't looked at for another import.
    check(
        World::default(),
        &[("(t) {\n import s x\n}\nh {\n}\nimport t", "h ++ import s x")],
    );
}
