//! Tests of occurrences, arguments and lines.

use std::fmt::Write as _;

use super::super::Corefile;
use super::{FakeHost, parse, place};

const HOST: FakeHost = FakeHost {
    files: &[("/etc/one", "d 1"), ("/etc/body", "x 1\ny 2\n")],
    vars: &[("OPEN", "{"), ("LINES", "1\n2")],
};

/// Formats each occurrence of the first directive as `HEAD; ARGS { LINE / LINE } REST`.
fn occurrences(corefile: &Corefile) -> Vec<String> {
    let directive = &corefile.blocks()[0].directives[0];
    directive
        .occurrences(corefile)
        .map(|occurrence| {
            let mut shown = place(corefile, &[occurrence.head]) + ";";
            for arg in occurrence.args {
                shown.push(' ');
                shown.push_str(&place(corefile, &[*arg]));
            }
            if let Some(body) = occurrence.body {
                let lines: Vec<String> = body.map(|line| place(corefile, line)).collect();
                write!(shown, " {{ {} }} ", lines.join(" / ")).unwrap();
                shown += &place(corefile, occurrence.rest);
            }
            shown.trim_end().to_owned()
        })
        .collect()
}

/// Corefiles, and the occurrences of their first directive as [`occurrences`] formats them.
const OCCURRENCES: &[(&str, &[&str])] = &[
    ("h\nd", &["d@2;"]),
    ("h\nd 1 2\ne\nd 3", &["d@2; 1@2 2@2", "d@4; 3@4"]),
    ("h\nd {\n}\nd 1 {\n}", &["d@2; {  }", "d@4; 1@4 {  }"]),
    (
        "h\nd {\n x 1\n y\n}\nd 2",
        &["d@2; { x@3 1@3 / y@4 }", "d@6; 2@6"],
    ),
    ("h\nd { x 1\n y }", &["d@2; { x@2 1@2 / y@3 }"]),
    (
        "h\nd {\n x {\n  y\n }\n z\n}",
        &["d@2; { x@3 {@3 y@4 }@5 / z@6 }"],
    ),
    (
        "h\nd {\n x\n {\n  y\n }\n z\n}",
        &["d@2; { x@3 {@4 y@5 }@6 / z@7 }"],
    ),
    ("h\nd\n{\n x\n}\nd", &["d@2; { x@4 }", "d@6;"]),
    (
        "h\nd { x } 1 { y }\nd",
        &["d@2; { x@2 } 1@2 {@2 y@2 }@2", "d@3;"],
    ),
    // The line of a multi-line argument continues where the argument ends.
    (
        "h\nd {\n x \"1\n2\" 3\n y\n}",
        &["d@2; { x@3 \"1\\n2\"@3 3@4 / y@5 }"],
    ),
    // A snippet's lines are above the lines around its import.
    (
        "(s) {\n x 1\n y 2\n}\nh\nd {\n a 0\n import s\n z\n}",
        &["d@6; { a@7 0@7 / x@2 1@2 / y@3 2@3 / z@9 }"],
    ),
    (
        "(s) {\n d 1\n}\nh\nd 0\nimport s\nd 2",
        &["d@5; 0@5", "d@2; 1@2", "d@7; 2@7"],
    ),
    (
        "h\nd {\n import body\n z\n}",
        &["d@2; { x@/etc/body:1 1@/etc/body:1 / y@/etc/body:2 2@/etc/body:2 / z@4 }"],
    ),
    // By CoreDNS's rule, two imports of a file of one line are one line.
    (
        "h\nimport one\nimport one",
        &["d@/etc/one:1; 1@/etc/one:1 d@/etc/one:1 1@/etc/one:1"],
    ),
    // A brace from a variable opens a block that nothing closes.
    ("h\nd {$OPEN}\ne\nd 1", &["d@2; { d@4 1@4 }"]),
    ("h\nd {$LINES}\n1\ne", &["d@2; \"1\\n2\"@2 1@3"]),
];

#[test]
fn occurrences_split_into_arguments_and_lines() {
    for (input, expected) in OCCURRENCES {
        let corefile = parse(input.as_bytes(), HOST).unwrap();
        assert_eq!(&occurrences(&corefile), expected, "of {input:?}");
    }
}
