//! What is tried with an input, target by target: whatever the bytes, there is an answer that keeps its promises.

pub mod btf;
pub mod control;
pub mod corefile;
pub mod directives;
pub mod elf;
pub mod entries;
mod exposition;
pub mod http;
pub mod memory;
pub mod object;
mod reprint;
mod saying;
mod types;
pub mod values;
mod words;
mod world;

/// Something to be fuzzed.
pub struct Target {
    /// The name of its file in `bin/`, and of its folders in `seeds/` and `found/`.
    pub name: &'static str,
    /// Tries one input; panics when a promise is broken.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 8] = [
    Target {
        name: "btf",
        run: btf::run,
    },
    Target {
        name: "control",
        run: control::run,
    },
    Target {
        name: "corefile",
        run: corefile::run,
    },
    Target {
        name: "directives",
        run: directives::run,
    },
    Target {
        name: "entries",
        run: entries::run,
    },
    Target {
        name: "http",
        run: http::run,
    },
    Target {
        name: "object",
        run: object::run,
    },
    Target {
        name: "values",
        run: values::run,
    },
];
