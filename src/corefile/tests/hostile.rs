//! Tests with large or malicious input.

use std::fmt::Write as _;

use super::super::{Corefile, Host, Token};
use super::{FakeHost, LIMIT, parse};

#[test]
fn large_corefile_takes_16_bytes_per_token() {
    const LINES: usize = 100_000;
    assert_eq!(size_of::<Token>(), 16);
    let mut input = String::from(". {\n ebpf {\n");
    for line in 0..LINES {
        writeln!(input, "  map {line:08X} 01").unwrap();
    }
    input.push_str(" }\n}\n");
    let corefile = Corefile::parse(
        "Corefile",
        "/",
        input.as_bytes(),
        4 << 20,
        &mut FakeHost::default(),
    )
    .unwrap();
    let directive = &corefile.blocks()[0].directives[0];
    assert_eq!(directive.tokens.len(), 3 * LINES + 3);
    assert_eq!(directive.tokens.capacity(), directive.tokens.len());
    assert_eq!(corefile.text.len(), input.len());
    let mut occurrences = directive.occurrences(&corefile);
    let body = occurrences.next().unwrap().body.unwrap();
    assert!(occurrences.next().is_none());
    assert_eq!(body.clone().count(), LINES);
    let last = body.last().unwrap();
    assert_eq!(last[0].line(), 100_002);
    assert_eq!(corefile.text(last[1]), "0001869F");
}

#[test]
fn many_distinct_names_parse() {
    let mut input = String::new();
    for number in 0..30_000 {
        writeln!(input, "(s{number}) {{\n}}").unwrap();
    }
    input.push_str("h\n");
    for number in 0..30_000 {
        writeln!(input, "d{number}").unwrap();
    }
    let corefile = parse(input.as_bytes(), FakeHost::default()).unwrap();
    assert_eq!(corefile.blocks()[0].directives.len(), 30_000);
}

#[test]
fn doubling_snippets_end_at_the_limit() {
    let mut input = String::from("(s0) {\n \"\"\n \"\"\n}\n");
    for depth in 1..60 {
        writeln!(
            input,
            "(s{depth}) {{\n import s{0}\n import s{0}\n}}",
            depth - 1
        )
        .unwrap();
    }
    input.push_str("h\nimport s59\n");
    let error = parse(input.as_bytes(), FakeHost::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("more than 10000 imports of snippets"),
        "{error}"
    );

    // A large snippet reaches the limit with few imports.
    let words = "x ".repeat(50_000);
    let input = format!(
        "(s) {{\n{words}\n}}\n(t) {{\n{}}}\nh\nimport t",
        "import s\n".repeat(100)
    );
    let error = parse(input.as_bytes(), FakeHost::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("COREXDP_MAX_COREFILE (1048576 bytes)"),
        "{error}"
    );
}

#[test]
fn expanded_variables_count_against_the_limit() {
    struct Huge;
    impl Host for Huge {
        fn read(&mut self, _: &str, _: usize) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::NotFound.into())
        }
        fn list(&mut self, _: &str) -> std::io::Result<Vec<String>> {
            Err(std::io::ErrorKind::NotFound.into())
        }
        fn exists(&mut self, _: &str) -> bool {
            false
        }
        fn var(&mut self, _: &str) -> Option<String> {
            Some("x".repeat(100_000))
        }
    }
    for (count, expected) in [(10, true), (11, false)] {
        let input = format!("h\nd {}", "{$X} ".repeat(count));
        let corefile = Corefile::parse("Corefile", "/", input.as_bytes(), LIMIT, &mut Huge);
        assert_eq!(corefile.is_ok(), expected, "of {count} words");
    }
}

#[test]
fn deeply_nested_braces_parse() {
    let depth = 200_000;
    let input = format!("h\nd {}{}", "{ ".repeat(depth), "} ".repeat(depth));
    let corefile = parse(input.as_bytes(), FakeHost::default()).unwrap();
    let directive = &corefile.blocks()[0].directives[0];
    let body = directive
        .occurrences(&corefile)
        .next()
        .unwrap()
        .body
        .unwrap();
    assert_eq!(body.map(<[Token]>::len).sum::<usize>(), 2 * depth - 2);
}

/// Pseudo-random numbers of a fixed seed (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Parts of Corefiles, whole and broken.
const PIECES: &[&[u8]] = &[
    b"import ",
    b"import s\n",
    b"import f",
    b"import *",
    b"import d/?",
    b"(s)",
    b"(s) {\n",
    b"(t) {\nimport s\n",
    b"{",
    b"}",
    b" {\n",
    b"\n}\n",
    b"\n",
    b" ",
    b"\r",
    b",",
    b"#",
    b"\"",
    b"\\",
    b"{$A}",
    b"{%B%}",
    b"{$",
    b"%}",
    b"h",
    b"d x",
    b"\xFF",
    b"\xE2\x80\xA8",
    b"\xEF\xBB\xBF",
    b"[",
    b"]",
    b"?",
];

/// Files and variables that refer to each other.
const HOST: FakeHost = FakeHost {
    files: &[
        ("/etc/f", "a {\nimport d/x\n"),
        ("/etc/d/x", "}\nb \"c"),
        ("/etc/d/y", "import f"),
    ],
    vars: &[("A", "{$B}\n"), ("B", "{%A")],
};

#[test]
fn arbitrary_bytes_give_a_corefile_or_an_error() {
    let mut numbers = Numbers(0x2545_F491_4F6C_DD1D);
    let mut parsed = 0;
    for _ in 0..20_000 {
        let mut input = Vec::new();
        for _ in 0..numbers.below(24) {
            match numbers.below(8) {
                0 => input.push(u8::try_from(numbers.below(256)).unwrap()),
                _ => input.extend_from_slice(PIECES[numbers.below(PIECES.len())]),
            }
        }
        let Ok(corefile) =
            Corefile::parse("Corefile", "/etc", input.as_slice(), 4096, &mut { HOST })
        else {
            continue;
        };
        parsed += 1;
        for directive in corefile.blocks().iter().flat_map(|block| &block.directives) {
            let mut words = 0;
            for occurrence in directive.occurrences(&corefile) {
                words += 1 + occurrence.args.len() + occurrence.rest.len();
                words += occurrence
                    .body
                    .map_or(0, |body| body.map(<[Token]>::len).sum());
            }
            // `words` leaves out the braces of bodies.
            assert!(words <= directive.tokens.len());
            assert!(directive.tokens.iter().all(|token| token.line() > 0));
        }
    }
    assert!(parsed > 1000, "only {parsed} of the inputs were Corefiles");
}
