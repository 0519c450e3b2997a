//! Fuzz targets: each checks properties that hold for every input.

pub mod btf;
pub mod control;
pub mod corefile;
pub mod directives;
pub mod elf;
pub mod entries;
mod exposition;
pub mod http;
pub mod lists;
pub mod memory;
mod message;
pub mod object;
pub mod packet;
mod reprint;
mod types;
pub mod values;
mod words;
mod world;

use corexdp::list::Format;

/// A fuzz target.
pub struct Target {
    /// The name of the file in `bin/` and of the folders in `seeds/` and `found/`.
    pub name: &'static str,
    /// Checks one input; panics if a property is violated.
    pub run: fn(&[u8]),
}

/// All targets, by name.
pub const TARGETS: [Target; 17] = [
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
        name: "list_adblock",
        run: |input| lists::run(input, Some(Format::Adblock)),
    },
    Target {
        name: "list_cidr",
        run: |input| lists::run(input, Some(Format::Cidr)),
    },
    Target {
        name: "list_domains",
        run: |input| lists::run(input, Some(Format::Domains)),
    },
    Target {
        name: "list_drop_json",
        run: |input| lists::run(input, Some(Format::DropJson)),
    },
    Target {
        name: "list_hosts",
        run: |input| lists::run(input, Some(Format::Hosts)),
    },
    Target {
        name: "list_ipset",
        run: |input| lists::run(input, Some(Format::Ipset)),
    },
    Target {
        name: "list_rpz",
        run: |input| lists::run(input, Some(Format::Rpz)),
    },
    Target {
        name: "list_told",
        run: |input| lists::run(input, None),
    },
    Target {
        name: "object",
        run: object::run,
    },
    Target {
        name: "packet",
        run: packet::run,
    },
    Target {
        name: "values",
        run: values::run,
    },
];
