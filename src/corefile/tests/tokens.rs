//! Tests of the lexer.

use super::{FakeHost, check, parse, show};
use crate::corefile::error::Word;

#[test]
fn tokens_end_at_white_space_and_have_a_line() {
    check(
        FakeHost::default(),
        &[
            ("", ""),
            ("\n", ""),
            (" ", ""),
            ("\t\n", ""),
            ("host:123", "host:123"),
            (
                "host:123\n\n\tdirective",
                "host:123 | directive: directive@3",
            ),
            (
                "h { d }",
                "Corefile:1: d: this \"}\" closes nothing; put the one that ends the server block on a line of its own",
            ),
            ("h {\n d\n}", "h | d: d@2"),
            (
                "h\u{a0}i\u{85}j\u{1680}k\u{2003}l\u{2028}m\u{3000}n\u{b}o\u{c}p",
                "h i j k l m n o p",
            ),
            // No white space: zero width space, byte order mark within the text.
            ("h\u{200b}i j\u{feff}k", "h\u{200b}i \"j\\u{feff}k\""),
        ],
    );
}

#[test]
fn leading_byte_order_mark_is_dropped_once() {
    check(
        FakeHost::default(),
        &[
            ("\u{feff}:8080", ":8080"),
            ("\u{feff}", ""),
            ("\u{feff}\u{feff}h", "\"\\u{feff}h\""),
            (" \u{feff}h", "\"\\u{feff}h\""),
        ],
    );
}

#[test]
fn carriage_returns_are_dropped_outside_of_quotes() {
    check(
        FakeHost::default(),
        &[
            (
                "skip those\r\nCR letters",
                "skip those | CR: CR@2 letters@2",
            ),
            ("in\rside", "inside"),
            ("in\r\r\rside\r \r other\r", "inside other"),
            ("a \"in\r\nside\"", "a \"in\\r\\nside\""),
            ("\r\"quoted\"", "quoted"),
            ("a\r# b\nc", "a b | c: c@2"),
        ],
    );
}

#[test]
fn hash_comments_out_the_line_or_the_rest_of_a_token() {
    check(
        FakeHost::default(),
        &[
            ("# all\n#of it\nh # and this { \" #\nd", "h | d: d@4"),
            ("#", ""),
            ("a#b", "a"),
            ("a#b c", "a c"),
            ("a#b#c d#", "a d"),
            ("a# b\nc", "a b | c: c@2"),
            ("a#\nb", "a | b: b@2"),
            ("a#\"b c\"", "a \"c\\\"\""),
            ("\"a # b\" c", "\"a # b\" c"),
            ("\"a\"#b c\nd", "a | d: d@2"),
            ("# a\rb\nc", "c"),
            ("a#b\rc d", "a d"),
        ],
    );
}

#[test]
fn quotes_count_only_at_the_start_of_a_token() {
    check(
        FakeHost::default(),
        &[
            ("a \"quoted value\" b", "a \"quoted value\" b"),
            ("a\"b c\"", "\"a\\\"b\" \"c\\\"\""),
            ("\"a\"b", "a b"),
            ("\"a\"\"b\"", "a b"),
            ("h\nd \"\" e", "h | d: d@2 \"\"@2 e@2"),
            ("h\n\"\" e", "h | \"\": \"\"@2 e@2"),
        ],
    );
}

#[test]
fn backslash_escapes_only_quotes_inside_quotes() {
    check(
        FakeHost::default(),
        &[
            (
                r#"A "say \"value\" twice" B"#,
                r#"A "say \"value\" twice" B"#,
            ),
            (r#""don't\escape""#, r"don't\escape"),
            (r#""don't\\escape""#, r"don't\\escape"),
            (r#""C:\php\php.exe""#, r"C:\php\php.exe"),
            (r#""ends\\" b"#, r"ends\\ b"),
            (r#""three\\\" b""#, r#""three\\\\\" b""#),
            (r#""\"" b"#, r#""\"" b"#),
            (r"not\quoted\", r"not\quoted\"),
        ],
    );
}

#[test]
fn multiline_token_keeps_its_first_line() {
    check(
        FakeHost::default(),
        &[
            (
                "h\nd \"one\n\ttwo\" {\n e\n}",
                "h | d: d@2 \"one\\n\\ttwo\"@2 {@3 e@4 }@5",
            ),
            (
                "h\nd \"one\n\ntwo\" e\nf",
                "h | d: d@2 \"one\\n\\ntwo\"@2 e@4 | f: f@5",
            ),
            (
                "h\nd \"\\\n\" e\nf",
                "h | d: d@2 \"\\\\\\n\"@2 e@3 | f: f@4",
            ),
        ],
    );
}

#[test]
fn unclosed_quote_ends_with_the_file() {
    check(
        FakeHost::default(),
        &[
            ("h \"b c", "h \"b c\""),
            ("h \"b c\n", "h \"b c\\n\""),
            ("h \"", "h"),
            ("h \"\\", "h"),
            ("h \"b\\", "h b"),
            ("h \"b\\\\", "h b\\\\"),
            ("h \"\\\"", "h \"\\\"\""),
            ("\"", ""),
        ],
    );
}

#[test]
fn each_invalid_utf8_byte_becomes_one_replacement_character() {
    let table: &[(&[u8], &str)] = &[
        (b"a\xFFb", "a\u{fffd}b"),
        (b"\xE2\x82", "\u{fffd}\u{fffd}"),
        (b"\xE2\x82x", "\u{fffd}\u{fffd}x"),
        (b"\xED\xA0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
        (
            b"\xF0\x9F\x98 \xF0\x9F\x98\x80",
            "\u{fffd}\u{fffd}\u{fffd} \u{1f600}",
        ),
        (b"\xC0\x80", "\u{fffd}\u{fffd}"),
        (b"\"\xFF\\\"\xFE\"", "\"\u{fffd}\\\"\u{fffd}\""),
        (b"\xEF\xBB", "\u{fffd}\u{fffd}"),
        (b"a\0b", "a\0b"),
    ];
    for (input, expected) in table {
        let corefile = parse(input, FakeHost::default()).unwrap();
        assert_eq!(&show(&corefile), expected, "of {input:?}");
    }
}

#[test]
fn written_word_parses_back() {
    for word in [
        "plain",
        "",
        "two words",
        "say \"hi\"",
        "\"",
        "back\\slash",
        "C:\\a folder\\file",
        "a{b}",
        "# no comment",
        "é ü",
    ] {
        let line = format!("h\nelf {}\n", Word(word));
        let corefile = parse(line.as_bytes(), FakeHost::default()).unwrap();
        let tokens = &corefile.blocks()[0].directives[0].tokens;
        assert_eq!(corefile.text(tokens[1]), word, "{line}");
        assert!(Word(word).is_exact(), "{line}");
    }
    for word in ["{", "}", "a\\", "a\\\"b", "{$A}", "{%A%}", "a\nb", "\u{1b}"] {
        assert!(!Word(word).is_exact(), "{word}");
    }
}
