//! Compiles the capacities in: each has a default, and an environment variable of its name that sets it.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs, process};

const CAPACITIES: [(&str, usize, &str); 6] = [
    ("MAX_FILTERS", 4, "`ebpf` blocks in a Corefile"),
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

fn main() {
    let mut text = String::new();
    for (name, default, what) in CAPACITIES {
        let variable = format!("COREXDP_{name}");
        println!("cargo:rerun-if-env-changed={variable}");
        let value = match env::var(&variable) {
            Err(_) => default,
            Ok(given) => given.parse().ok().filter(|&n| n > 0).unwrap_or_else(|| {
                println!(
                    "cargo:error={variable}={given}: not a capacity; give a whole number above 0"
                );
                process::exit(1);
            }),
        };
        let _ = writeln!(
            text,
            "/// {what}; set by `{variable}` at build time.\npub const {name}: usize = {value};"
        );
    }
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("capacity.rs"), text).expect("OUT_DIR is writable");
}
