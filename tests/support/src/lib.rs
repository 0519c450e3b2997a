//! Parts that the tests and the benchmarks share: namespaces with a daemon, BPF objects, frames, and the words of the
//! command line.
//!
//! A panic fails a test, so every function here panics on an unexpected result.

pub mod command_line;
pub mod net;
pub mod objects;
pub mod packets;
pub mod wait;

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the package is in tests/support")
}

/// Names of the programs `bpf/NAME.bpf.c`, sorted.
pub fn shipped_programs() -> Vec<String> {
    let files = fs::read_dir(repository().join("bpf")).unwrap();
    let names = files.filter_map(|file| {
        let name = file.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".bpf.c").map(str::to_owned)
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// The object `target/bpf/NAME.o`, built by `make build`.
pub fn shipped_object(name: &str) -> PathBuf {
    let object = repository().join(format!("target/bpf/{name}.o"));
    assert!(
        object.is_file(),
        "{} is missing; run `make build` first",
        object.display()
    );
    object
}

/// The folder that tests write to.
pub fn scratch() -> PathBuf {
    repository().join("target/tmp")
}

/// The binary under test. Cargo sets the variable for every test and benchmark that it runs.
pub fn corexdp() -> PathBuf {
    let path = std::env::var_os("CARGO_BIN_EXE_corexdp");
    path.expect("CARGO_BIN_EXE_corexdp names the binary; run the tests by `cargo test`")
        .into()
}
