//! The supply chain: registries, licences and security advisories of all packages.

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

/// Licences whose conditions a binary with a notice file satisfies.
const LICENCES: [&str; 5] = ["Apache-2.0", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0"];

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every package of Cargo.lock by `cargo metadata`, which fails if Cargo.lock does not match the manifests.
fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("metadata lists packages")
        .clone();
    assert!(packages.len() > 10, "cargo lists the whole tree");
    packages
}

fn text<'a>(package: &'a Value, field: &str) -> &'a str {
    package[field].as_str().unwrap_or_default()
}

#[test]
fn packages_come_from_the_registry_or_this_repository() {
    for package in packages() {
        let source = text(&package, "source");
        let from_here = source.is_empty()
            && Path::new(text(&package, "manifest_path")).starts_with(repository());
        let from_registry = source.starts_with("registry+") && source.ends_with("/crates.io-index");
        assert!(
            from_here || from_registry,
            "{} comes from {source:?}",
            text(&package, "name")
        );
    }
}

#[test]
fn licences_of_all_packages_are_allowed() {
    for package in packages() {
        let licence = text(&package, "license");
        assert!(
            allowed(licence),
            "{} has the licence {licence:?}",
            text(&package, "name")
        );
    }
}

#[test]
fn licence_expressions_have_spdx_precedence() {
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("Unlicense/MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
        ("(MIT OR Apache-2.0) AND GPL-3.0-only", false),
        ("GPL-3.0-only OR MIT AND ISC", true),
        ("GPL-3.0-only AND MIT OR GPL-2.0-only", false),
        ("Apache-2.0 WITH Some-exception", false),
        ("MIT OR (GPL-3.0-only", false),
        ("MIT ISC", false),
        ("", false),
    ] {
        assert_eq!(allowed(expression), expected, "{expression:?}");
    }
}

/// True if [`LICENCES`] satisfy an SPDX expression; `/` is the older form of OR.
fn allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    any_of(&mut words) == Some(true) && words.is_empty()
}

/// `words` is a stack with the next word on top. `None` is a syntax error.
fn any_of(words: &mut Vec<&str>) -> Option<bool> {
    let mut met = all_of(words)?;
    while words.pop_if(|word| *word == "OR").is_some() {
        met |= all_of(words)?;
    }
    Some(met)
}

fn all_of(words: &mut Vec<&str>) -> Option<bool> {
    let mut met = one(words)?;
    while words.pop_if(|word| *word == "AND").is_some() {
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: &mut Vec<&str>) -> Option<bool> {
    match words.pop()? {
        "(" => {
            let met = any_of(words)?;
            words.pop_if(|word| *word == ")").map(|_| met)
        }
        licence => Some(LICENCES.contains(&licence)),
    }
}

type Version = [u64; 3];

fn version(text: &str) -> Version {
    let release = text.split(['-', '+']).next().unwrap_or_default();
    let numbers: Option<Vec<u64>> = release
        .split('.')
        .map(|number| number.parse().ok())
        .collect();
    numbers
        .and_then(|numbers| numbers.try_into().ok())
        .unwrap_or_else(|| panic!("{text:?} is not a version; write MAJOR.MINOR.PATCH"))
}

/// True if a locked version satisfies a rule of `advisories.txt`.
fn satisfies(locked: &str, rule: &str) -> bool {
    if let Some(fixed) = rule.strip_prefix(">=") {
        // A pre-release may lack a fix of its release.
        version(locked) >= version(fixed) && !locked.contains('-')
    } else if let Some(reviewed) = rule.strip_prefix('=') {
        locked == reviewed
    } else {
        panic!("{rule:?} is not a rule; write >=VERSION or =VERSION")
    }
}

#[test]
fn rules_compare_versions_by_number() {
    for (locked, rule, expected) in [
        ("0.10.0", ">=0.9.3", true),
        ("0.9.3", ">=0.9.3", true),
        ("0.9.2", ">=0.9.3", false),
        ("1.0.0-rc.1", ">=0.9.3", false),
        ("2.3.0", "=2.3.0", true),
        ("2.3.1", "=2.3.0", false),
    ] {
        assert_eq!(satisfies(locked, rule), expected, "{locked} {rule}");
    }
}

#[test]
fn locked_versions_satisfy_the_advisories() {
    let packages = packages();
    let list = fs::read_to_string(repository().join("tests/advisories.txt")).unwrap();
    let mut seen = BTreeSet::new();
    for line in list
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, rule, advisory, _, ..] = words[..] else {
            panic!("a line is PACKAGE RULE ADVISORY NOTE, not {line:?}");
        };
        assert!(
            seen.insert((name, advisory)),
            "{advisory} is listed twice for {name}"
        );
        let locked: Vec<&str> = packages
            .iter()
            .filter(|package| text(package, "name") == name)
            .map(|package| text(package, "version"))
            .collect();
        assert!(
            !locked.is_empty(),
            "stale: {name} is no longer in Cargo.lock; remove {advisory}"
        );
        for locked in locked {
            assert!(
                satisfies(locked, rule),
                "{name} {locked}: {advisory} requires {rule}; review the advisory"
            );
        }
    }
    assert!(!seen.is_empty(), "the list is read");
}
