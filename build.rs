//! Compiles two things in: the capacities, each with a default and an environment variable of its name that sets it; and
//! the page's style and script without indentation and comments, with the policy that allows these two and nothing else.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

use sha2::{Digest as _, Sha256};

/// Name, default and meaning of each capacity; the crate has them as `base::capacity::TABLE`.
const CAPACITIES: [(&str, usize, &str); 6] = [
    ("MAX_FILTERS", 4, "`ebpf` blocks"),
    ("MAX_METRICS", 256, "metrics over all filters"),
    ("MAX_KEY", 64, "bytes of a key"),
    ("MAX_VALUE", 1024, "bytes of a value, one CPU's"),
    (
        "MAX_COREFILE",
        4 << 20,
        "bytes of Corefile, imports included",
    ),
    ("MAX_PAGE", 256 << 10, "bytes of a page"),
];

/// What is as good without blanks in a style; ours has no texts in quotes that they could belong to.
const STYLE_MARKS: [(&str, &str); 8] = [
    ("\n", ""),
    (" {", "{"),
    ("{ ", "{"),
    (" }", "}"),
    ("; ", ";"),
    (";}", "}"),
    (": ", ":"),
    (", ", ","),
];

/// The same in a script; these do not stand in the texts of ours.
const SCRIPT_MARKS: [(&str, &str); 5] = [
    (" => ", "=>"),
    (" = ", "="),
    (" === ", "==="),
    (" !== ", "!=="),
    (" && ", "&&"),
];

fn main() {
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let folder = Path::new(&folder);
    fs::write(folder.join("capacity.rs"), capacities()).expect("OUT_DIR is writable");
    let read = |name| shortened(&format!("src/views/page/{name}"));
    let parts = [
        ("style.css", tight(read("style.css"), &STYLE_MARKS)),
        ("script.js", tight(read("script.js"), &SCRIPT_MARKS)),
    ];
    let [style, script] = parts.map(|(name, short)| {
        fs::write(folder.join(name), &short).expect("OUT_DIR is writable");
        format!("'sha256-{}'", base64(&Sha256::digest(short)))
    });
    let policy = format!(
        "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    fs::write(folder.join("policy"), policy).expect("OUT_DIR is writable");
}

/// A style or a script as it is sent: without indentation, empty lines, and lines that are all comment.
fn shortened(path: &str) -> String {
    println!("cargo:rerun-if-changed={path}");
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let comment =
        |line: &str| line.starts_with("//") || line.starts_with("/*") && line.ends_with("*/");
    let lines = text.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !comment(line))
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// A text without the blanks, and the like, beside these marks.
fn tight(text: String, marks: &[(&str, &str)]) -> String {
    let shorter = |text: String, (from, to): &(&str, &str)| text.replace(from, to);
    marks.iter().fold(text, shorter)
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut three = [0; 3];
        three[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = DIGITS[(bits >> shift) as usize % 64];
            text.push(if at <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// Each capacity as a constant, and the table of all.
fn capacities() -> String {
    let (mut constants, mut rows) = (String::new(), String::new());
    for (name, default, meaning) in CAPACITIES {
        let value = capacity(&format!("COREXDP_{name}"), default);
        let _ = writeln!(
            constants,
            "/// {meaning}; set by `COREXDP_{name}` at build time.\npub const {name}: usize = {value};"
        );
        let _ = writeln!(
            rows,
            "    Capacity {{ name: {name:?}, default: {default}, value: {name}, meaning: {meaning:?} }},"
        );
    }
    let count = CAPACITIES.len();
    format!("{constants}/// Every capacity.\npub const TABLE: [Capacity; {count}] = [\n{rows}];\n")
}

/// The value of an environment variable, or `default`.
fn capacity(variable: &str, default: usize) -> usize {
    println!("cargo:rerun-if-env-changed={variable}");
    let Ok(given) = env::var(variable) else {
        return default;
    };
    given.parse().ok().filter(|&n| n > 0).unwrap_or_else(|| {
        println!("cargo:error={variable}={given}: not a capacity; give a whole number above 0");
        process::exit(1);
    })
}
