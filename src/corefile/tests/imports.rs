//! Tests of imports: files, patterns and relative paths.

use super::super::glob;
use super::{FakeHost, check, parse, show};

const HOST: FakeHost = FakeHost {
    files: &[
        ("/etc/one", "d 1"),
        ("/etc/two", "d 1\ne {\n f\n}"),
        ("/etc/empty", ""),
        ("/etc/block", "h {\n d\n}\ni {\n e\n}\n"),
        ("/etc/part", "a\nb"),
        ("/etc/sub/.hidden", "hidden"),
        ("/etc/sub/b.conf", "b\nimport ../one"),
        ("/etc/sub/a.conf", "a\nimport deep/x"),
        ("/etc/sub/c.txt", "c"),
        ("/etc/sub/deep/x", "x\nimport ../../one"),
        ("/etc/t1/z.conf", "z1"),
        ("/etc/t2/z.conf", "z2"),
        ("/etc/t2/y.conf", "y2"),
        ("/etc/t33/z.conf", "z3"),
        ("/etc/[x", "bracket"),
        ("/etc/unclosed", "d {\n a"),
        ("/etc/snippet", "(s) {\n a\n import one\n}"),
        ("/etc/deeper/use", "import s"),
        ("/etc/deeper/one", "wrong"),
        ("/etc/bom", "\u{feff}d"),
        ("/etc/comma", "a,"),
        ("/opt/abs", "o\nimport rel"),
        ("/opt/rel", "r"),
    ],
    vars: &[],
};

#[test]
fn file_replaces_its_import() {
    check(
        HOST,
        &[
            (
                "import block",
                "h | d: d@/etc/block:2 ++ i | e: e@/etc/block:5",
            ),
            (
                "h {\n import one\n g\n}",
                "h | d: d@/etc/one:1 1@/etc/one:1 | g: g@3",
            ),
            (
                "h\nimport two",
                "h | d: d@/etc/two:1 1@/etc/two:1 | e: e@/etc/two:2 {@/etc/two:2 f@/etc/two:3 }@/etc/two:4",
            ),
            (
                "h\nd {\n import part\n c\n}",
                "h | d: d@2 {@2 a@/etc/part:1 b@/etc/part:2 c@4 }@5",
            ),
            (
                "h\nimport one\nimport one",
                "h | d: d@/etc/one:1 1@/etc/one:1 d@/etc/one:1 1@/etc/one:1",
            ),
            ("h\nimport empty\nd", "h | d: d@3"),
            ("h\nimport empty", "h"),
            ("import empty", ""),
            ("import empty\nimport empty\nh", "h"),
            (
                "h,\nimport block",
                "h h | d: d@/etc/block:2 ++ i | e: e@/etc/block:5",
            ),
            ("import comma\nb", "a b"),
            ("h\nimport bom", "h | d: d@/etc/bom:1"),
            ("h\nd import one", "h | d: d@2 import@2 one@2"),
            ("h import one", "h import one"),
            // A file may leave a block open.
            (
                "h\nimport unclosed\n}",
                "h | d: d@/etc/unclosed:1 {@/etc/unclosed:1 a@/etc/unclosed:2 }@3",
            ),
            ("h {\n d {\n }\n import empty", "h | d: d@2 {@2 }@3"),
        ],
    );
}

#[test]
fn relative_path_starts_at_the_folder_of_its_file() {
    check(
        HOST,
        &[
            (
                "h\nimport sub/a.conf",
                "h | a: a@/etc/sub/a.conf:1 | x: x@/etc/sub/deep/x:1 | d: d@/etc/one:1 1@/etc/one:1",
            ),
            ("h\nimport sub/../one", "h | d: d@/etc/one:1 1@/etc/one:1"),
            ("h\nimport ./one", "h | d: d@/etc/one:1 1@/etc/one:1"),
            (
                "h\nimport ../../../etc/one",
                "h | d: d@/etc/one:1 1@/etc/one:1",
            ),
            (
                "h\nimport /opt/abs",
                "h | o: o@/opt/abs:1 | r: r@/opt/rel:1",
            ),
            ("h\nimport \"one\"", "h | d: d@/etc/one:1 1@/etc/one:1"),
            // A snippet's tokens keep the file of the snippet, wherever they are imported.
            (
                "import snippet\nh\nimport deeper/use",
                "h | a: a@/etc/snippet:2 | d: d@/etc/one:1 1@/etc/one:1",
            ),
        ],
    );
}

#[test]
fn pattern_expands_to_sorted_files_including_hidden() {
    check(
        HOST,
        &[
            (
                "h\nimport sub/*.conf",
                "h | a: a@/etc/sub/a.conf:1 | x: x@/etc/sub/deep/x:1 | d: d@/etc/one:1 1@/etc/one:1 d@/etc/one:1 1@/etc/one:1 | b: b@/etc/sub/b.conf:1",
            ),
            ("h\nimport sub/*n", "h | hidden: hidden@/etc/sub/.hidden:1"),
            ("h\nimport sub/?.txt", "h | c: c@/etc/sub/c.txt:1"),
            (
                "h\nimport t?/z.conf",
                "h | z1: z1@/etc/t1/z.conf:1 | z2: z2@/etc/t2/z.conf:1",
            ),
            (
                "h\nimport t?/*.conf",
                "h | z1: z1@/etc/t1/z.conf:1 | y2: y2@/etc/t2/y.conf:1 | z2: z2@/etc/t2/z.conf:1",
            ),
            (
                "h\nimport t*/z.conf",
                "h | z1: z1@/etc/t1/z.conf:1 | z2: z2@/etc/t2/z.conf:1 | z3: z3@/etc/t33/z.conf:1",
            ),
            ("h\nimport /o*/rel", "h | r: r@/opt/rel:1"),
            ("h\nimport o\\ne", "h | d: d@/etc/one:1 1@/etc/one:1"),
            ("h\nimport \\[x", "h | bracket: bracket@/etc/[x:1"),
        ],
    );
}

#[test]
fn glob_matches_names() {
    let table: &[(&str, &[&str])] = &[
        ("/etc/t2/*", &["/etc/t2/y.conf", "/etc/t2/z.conf"]),
        ("/etc/t2/*.conf", &["/etc/t2/y.conf", "/etc/t2/z.conf"]),
        ("/etc/t2/z*", &["/etc/t2/z.conf"]),
        ("/etc/t2/z*z", &[]),
        ("/etc/t2/z.conf*", &["/etc/t2/z.conf"]),
        ("/etc/t2/?", &[]),
        ("/etc/t2/?*f", &["/etc/t2/y.conf", "/etc/t2/z.conf"]),
        ("/etc/t?", &["/etc/t1", "/etc/t2"]),
        ("/etc/t*3/?.conf", &["/etc/t33/z.conf"]),
        ("/etc/*/", &[]),
        ("/etc//t2/y*", &["/etc/t2/y.conf"]),
        ("/etc/*/../one", &[]),
        ("/nowhere/*", &[]),
        ("/etc/one", &["/etc/one"]),
        ("/etc/none", &[]),
        ("/etc/\\*", &[]),
    ];
    for (pattern, expected) in table {
        let found = glob::expand(pattern, &mut { HOST });
        assert_eq!(
            found.as_deref(),
            Ok(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "of {pattern}"
        );
    }
    for pattern in ["/etc/[", "/etc/\\", "/etc/a\\/b", "/[/*"] {
        assert_eq!(
            glob::expand(pattern, &mut { HOST }),
            Err(glob::BadPattern),
            "of {pattern}"
        );
    }
}

#[test]
fn clean_is_lexical() {
    for (path, expected) in [
        ("/", "/"),
        ("//a//b/", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/../..", "/"),
        ("/a/..", "/"),
        ("/...", "/..."),
    ] {
        assert_eq!(glob::clean(path), expected, "of {path}");
    }
    assert_eq!(glob::folder("/a/b"), "/a");
    assert_eq!(glob::folder("/a"), "/");
}

#[test]
fn pattern_without_match_is_a_warning() {
    for name in ["sub/*.none", "nowhere/*", "n?ne", "a]"] {
        let corefile = parse(format!("h\nd\nimport {name}\ne").as_bytes(), HOST).unwrap();
        assert_eq!(show(&corefile), "h | d: d@2 | e: e@4");
        let warnings: Vec<String> = corefile
            .warnings()
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected =
            format!("Corefile:3: import: no file matches \"{name}\"; nothing is imported");
        assert_eq!(warnings, [expected]);
    }
}

#[test]
fn files_lists_every_file_once() {
    let corefile = parse(b"h\nimport sub/*.conf\nimport one\nimport /etc/./one", HOST).unwrap();
    assert_eq!(
        corefile.files(),
        [
            "Corefile",
            "/etc/sub/a.conf",
            "/etc/sub/b.conf",
            "/etc/sub/deep/x",
            "/etc/one"
        ]
    );
}
