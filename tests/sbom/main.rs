//! The bill of materials of `make dist` lists exactly the crates that a binary links.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::net::Folder;

const TARGETS: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// Bill of materials and list of licences, written by `cross/sbom.py`.
fn written(target: &str) -> (Value, String) {
    // Tests of one process run at the same time, so each call has its own folder.
    let folder = Folder::new();
    let status = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("cross/sbom.py"))
        .arg(target)
        .arg(folder.path())
        .env("CARGO", env!("CARGO"))
        .status()
        .expect("python3 runs");
    assert!(status.success());
    let bill = fs::read(folder.file("bom.cdx.json")).unwrap();
    let licences = fs::read_to_string(folder.file("LICENCES")).unwrap();
    (serde_json::from_slice(&bill).unwrap(), licences)
}

/// Linked packages by `cargo tree`, as `pkg:cargo/NAME@VERSION`.
fn linked(target: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--target", target, "--prefix", "none"])
        .args(["--edges", "normal,no-proc-macro", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let mut words = line.split(' ');
            let (name, version) = (words.next().unwrap(), words.next().unwrap());
            format!("pkg:cargo/{name}@{}", version.trim_start_matches('v'))
        })
        .collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

#[test]
fn bill_has_each_crate_of_the_binary_once() {
    for target in TARGETS {
        let (bill, _) = written(target);
        assert_eq!(text(&bill, "bomFormat"), "CycloneDX");
        assert_eq!(text(&bill, "specVersion"), "1.6");
        let mut urls: Vec<&str> = bill["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| text(part, "purl"))
            .collect();
        urls.push(text(&bill["metadata"]["component"], "purl"));
        let mut crates = linked(target);
        assert!(crates.len() > 10, "cargo lists the whole tree");
        // libbpf, whose source is in bpf-sys.
        crates.insert("pkg:github/libbpf/libbpf@v0.5.0".to_owned());
        assert_eq!(urls.len(), crates.len(), "{target}");
        let urls: BTreeSet<String> = urls.into_iter().map(str::to_owned).collect();
        assert_eq!(urls, crates, "{target}");
    }
}

#[test]
fn each_component_has_a_licence_and_its_checksum() {
    let lock =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock")).unwrap();
    let (bill, licences) = written(TARGETS[0]);
    for part in bill["components"].as_array().unwrap() {
        let (name, version) = (text(part, "name"), text(part, "version"));
        let licence = text(&part["licenses"][0], "expression");
        assert!(
            !licence.is_empty() && !licence.contains('/'),
            "{name}: {licence:?}"
        );
        assert!(licences.contains(&format!("{name} {version}: {licence}\n")));
        let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
        let from_lock = lock
            .split("[[package]]\n")
            .find(|one| one.starts_with(&entry));
        let checksum =
            from_lock.and_then(|one| one.split_once("checksum = \"")?.1.split('"').next());
        assert_eq!(part["hashes"][0]["content"].as_str(), checksum, "{name}");
        assert_eq!(
            checksum.is_none(),
            ["libbpf", "elf-stubs", "goblin"].contains(&name)
                || (name, version) == ("bindgen", "0.59.99"),
            "{name}"
        );
    }
}

#[test]
fn every_dependency_names_a_component() {
    let (bill, _) = written(TARGETS[1]);
    let mut names: BTreeSet<&str> = bill["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|part| text(part, "bom-ref"))
        .collect();
    names.insert(text(&bill["metadata"]["component"], "bom-ref"));
    let edges = bill["dependencies"].as_array().unwrap();
    assert_eq!(edges.len(), names.len());
    for edge in edges {
        assert!(names.contains(text(edge, "ref")), "{edge}");
        for needs in edge["dependsOn"].as_array().unwrap() {
            assert!(names.contains(needs.as_str().unwrap()), "{edge}");
        }
    }
}
