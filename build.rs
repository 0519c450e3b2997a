//! Generates four files for the crate: the capacities, the minified style and script of the HTML page, and its
//! Content-Security-Policy, which allows no other style and script. An environment variable sets each capacity.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic here fails the build"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

use sha2::{Digest as _, Sha256};

/// Name, default and meaning of each capacity; the crate has them as `base::capacity::TABLE`.
const CAPACITIES: [(&str, usize, &str); 9] = [
    ("MAX_FILTERS", 16, "`ebpf` blocks"),
    ("MAX_STAGES", 8, "`ebpf` blocks for one interface"),
    ("MAX_METRICS", 256, "metrics over all filters"),
    ("MAX_KEY", 256, "bytes of a key"),
    ("MAX_DECISIONS", 65_536, "decisions about one map"),
    ("MAX_VALUE", 1024, "bytes of a value, for one CPU"),
    ("MAX_TABLE", 64 << 20, "bytes of kernel memory of a table"),
    (
        "MAX_COREFILE",
        4 << 20,
        "bytes of Corefile, imports included",
    ),
    ("MAX_PAGE", 256 << 10, "bytes of a page"),
];

/// Replacements that shorten a style. The quoted texts of the page's style contain none of these.
const STYLE_REPLACEMENTS: [(&str, &str); 8] = [
    ("\n", ""),
    (" {", "{"),
    ("{ ", "{"),
    (" }", "}"),
    ("; ", ";"),
    (";}", "}"),
    (": ", ":"),
    (", ", ","),
];

/// Replacements that shorten a script. The strings of the page's script contain none of these, and its lines end statements
/// with semicolons.
const SCRIPT_REPLACEMENTS: [(&str, &str); 19] = [
    (";\n", ";"),
    ("{\n", "{"),
    ("}\n", "}"),
    (" => ", "=>"),
    (" = ", "="),
    (" === ", "==="),
    (" !== ", "!=="),
    (" && ", "&&"),
    (" || ", "||"),
    (" ? ", "?"),
    (" + ", "+"),
    (" * ", "*"),
    (" < ", "<"),
    (" > ", ">"),
    ("if (", "if("),
    ("for (", "for("),
    ("{ ", "{"),
    (" }", "}"),
    (") {", "){"),
];

fn main() {
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let folder = Path::new(&folder);
    fs::write(folder.join("capacity.rs"), capacities()).expect("OUT_DIR is writable");
    let sources = [
        ("style.css", &STYLE_REPLACEMENTS[..]),
        ("script.js", &SCRIPT_REPLACEMENTS[..]),
    ];
    let [style, script] = sources.map(|(name, replacements)| {
        let minified = minify(&format!("src/views/page/{name}"), replacements);
        fs::write(folder.join(name), &minified).expect("OUT_DIR is writable");
        format!("'sha256-{}'", base64(&Sha256::digest(minified)))
    });
    let policy = format!(
        "default-src 'none'; style-src {style}; script-src {script}; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    fs::write(folder.join("policy"), policy).expect("OUT_DIR is writable");
}

/// Reads a style or a script, removes indentation, empty lines and lines with only a comment, and applies the
/// replacements.
fn minify(path: &str, replacements: &[(&str, &str)]) -> String {
    println!("cargo:rerun-if-changed={path}");
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let comment =
        |line: &str| line.starts_with("//") || line.starts_with("/*") && line.ends_with("*/");
    let code: String = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !comment(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    replacements
        .iter()
        .fold(code, |code, (from, to)| code.replace(from, to))
}

/// Encodes in base64 with padding (RFC 4648, section 4).
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut padded = [0; 3];
        padded[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = DIGITS[(bits >> shift) as usize % 64];
            text.push(if at <= chunk.len() { digit.into() } else { '=' });
        }
    }
    text
}

/// Rust source with a constant for each capacity, and a table of all capacities.
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

/// The capacity in an environment variable; `default` if the variable is not set.
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
