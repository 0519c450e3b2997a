//! Runs the fuzz targets on their seeds and found inputs, without the fuzzer, so that fixed bugs stay fixed.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unsafe_code,
    reason = "a panic is how a test fails; the test makes system calls"
)]

/// The sources of the fuzz package.
mod src {
    pub(super) mod targets;
}

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use src::targets::{self, TARGETS};
use support::objects::compile::{compile, sources};

#[global_allocator]
static ALLOCATOR: targets::memory::Counting = targets::memory::Counting;

fn package() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz"))
}

/// The files of a folder; none if the folder does not exist.
fn files_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort_unstable();
    files
}

/// Runs a target on its files, and on more seeds.
fn replay(name: &str, seeds: &[(String, Vec<u8>)]) {
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let folders = ["seeds", "found"].map(|kind| package().join(kind).join(name));
    let files: Vec<_> = folders.iter().flat_map(|folder| files_in(folder)).collect();
    assert!(!files.is_empty() || !seeds.is_empty());
    // The last name in the output is that of the failing input.
    for file in files {
        println!("{}", file.display());
        (target.run)(&fs::read(file).unwrap());
    }
    for (name, bytes) in seeds {
        println!("{name}");
        (target.run)(bytes);
    }
}

/// The objects of the tests, by the names of their sources.
fn objects(test: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("fuzz")
        .join(test);
    let sources = files_in(&sources());
    let names = sources
        .iter()
        .filter_map(|path| path.file_name()?.to_str()?.strip_suffix(".bpf.c"));
    let objects = names.map(|name| {
        let object = fs::read(compile(name, &folder)).unwrap();
        (name.to_owned(), object)
    });
    objects.collect()
}

#[test]
fn btf() {
    let mut sections = objects("btf");
    for (_, object) in &mut sections {
        let found = targets::elf::sections(object);
        let types = found.iter().find(|section| section.name == b".BTF");
        let types = types.map(|types| types.offset..types.offset + types.size);
        *object = object[types.unwrap_or_default()].to_vec();
    }
    replay("btf", &sections);
}

#[test]
fn corefile() {
    replay("corefile", &[]);
}

#[test]
fn directives() {
    replay("directives", &[]);
}

#[test]
fn object() {
    replay("object", &objects("object"));
}

#[test]
fn packet() {
    replay("packet", &[]);
}

#[test]
fn values() {
    replay("values", &[]);
}

#[test]
fn entries() {
    replay("entries", &[]);
}

#[test]
fn packets_of_the_control_socket() {
    replay("control", &[]);
}

#[test]
fn heads_and_answers() {
    replay("http", &[]);
}

#[test]
fn lists() {
    let names = TARGETS.iter().map(|target| target.name);
    for name in names.filter(|name| name.starts_with("list_")) {
        replay(name, &[]);
    }
}

#[test]
fn every_folder_and_program_has_its_target() {
    let names: BTreeSet<_> = TARGETS.iter().map(|target| target.name.into()).collect();
    let stems = |folder: &str| -> BTreeSet<String> {
        let files = files_in(&package().join(folder)).into_iter();
        let stems = files.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned());
        stems.collect()
    };
    assert_eq!(stems("src/bin"), names);
    for folder in ["dictionaries", "found", "seeds"] {
        assert!(stems(folder).is_subset(&names), "{folder}");
    }
}
