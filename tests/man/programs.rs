//! corexdp-programs(7) describes every shipped program with its maps, fields and values.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{programs, source};
use support::net::{Corexdp, Folder, Site, finish};
use support::objects::compile::compile_text;
use support::shipped_programs;

/// Maps with the internal state of a program, which no Corefile sets.
const INTERNAL: [&str; 11] = [
    "sources",
    "cookies",
    "proofs",
    "syn_sources",
    "reply_sources",
    "pools",
    "clock",
    "boot_clock",
    "wall_clock",
    "scratch",
    ".rodata",
];

/// The identifiers in a text.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric())
        .collect()
}

/// The output of `inspect` for a program.
fn inspect(folder: &Folder, name: &str, options: &[&str]) -> String {
    folder.shipped(name);
    let object = format!("{name}.o");
    let arguments = [&["inspect", &object], options].concat();
    let outcome = finish(&mut Corexdp::command(folder.path(), &arguments));
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    outcome.stdout
}

/// The maps of a program, each with the fields of its value.
fn maps(folder: &Folder, name: &str) -> Vec<(String, BTreeSet<String>)> {
    let text = inspect(folder, name, &["--json"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    let maps = object["maps"].as_array().unwrap();
    let fields = |map: &Value| {
        let members = map["value"].as_array().unwrap();
        let names = members
            .iter()
            .map(|member| member["name"].as_str().unwrap());
        names
            .map(|name| name.split(['.', '[']).next().unwrap().to_owned())
            .collect()
    };
    maps.iter()
        .map(|map| (map["name"].as_str().unwrap().to_owned(), fields(map)))
        .collect()
}

#[test]
fn every_map_field_and_value_is_described_in_its_section() {
    let (page, folder) = (programs(), Folder::new());
    let conventions = page.section("CONVENTIONS").join("\n");
    let conventions = words(&conventions);
    for name in shipped_programs() {
        let section = page.section(&name.to_uppercase()).join("\n");
        let described = words(&section);
        for (map, fields) in maps(&folder, &name) {
            if INTERNAL.contains(&map.as_str()) {
                continue;
            }
            assert!(described.contains(map.as_str()), "{name}: {map}");
            for field in fields {
                assert!(described.contains(&*field), "{name}: {map}: {field}");
            }
        }
        let text = inspect(&folder, &name, &[]);
        let lists = text.lines().filter(|line| line.contains("  enum "));
        for value in lists.flat_map(|line| line.split(": ").nth(1).unwrap().split(", ")) {
            let is_described = described.contains(value) || conventions.contains(value);
            assert!(is_described, "{name}: {value}");
        }
    }
}

#[test]
fn internal_maps_exist_and_are_described() {
    let (page, folder) = (programs(), Folder::new());
    let conventions = page.section("CONVENTIONS").join("\n");
    let maps: BTreeSet<_> = shipped_programs()
        .iter()
        .flat_map(|name| maps(&folder, name))
        .map(|(map, _)| map)
        .collect();
    for map in INTERNAL {
        assert!(maps.contains(map), "{map}");
        assert!(conventions.contains(&format!("@{map}")), "{map}");
    }
}

/// A console has 80 columns.
#[test]
fn examples_fit_80_columns() {
    let mut mandoc = Command::new("mandoc");
    mandoc
        .args(["-T", "ascii", "-O", "width=80"])
        .arg(&programs().path);
    let page = String::from_utf8(mandoc.output().unwrap().stdout).unwrap();
    let mut texts = vec![("corexdp-programs.7".to_owned(), page)];
    for name in shipped_programs() {
        let path = format!("bpf/{name}.Corefile");
        texts.push((path.clone(), source(&path)));
    }
    for (path, text) in texts {
        // Letters of headings are struck twice, with a backspace between.
        let width = |line: &str| line.len() - 2 * line.matches('\u{8}').count();
        let wide: Vec<_> = text.lines().filter(|line| width(line) > 80).collect();
        assert_eq!(wide, [""; 0], "{path}");
    }
}

/// The verifier accepts the programs, and a Corefile fills their tables.
#[test]
fn example_programs_with_tables_run() {
    let displays = programs().displays().into_iter();
    let sources: Vec<_> = displays
        .filter(|text| text.contains("SEC(\"xdp\")"))
        .collect();
    assert_eq!(sources.len(), 2);
    let headers = format!("-I{}/bpf", env!("CARGO_MANIFEST_DIR"));
    let site = Site::new();
    for (source, key) in sources.iter().zip(["192.0.2.0/24", "name.example"]) {
        compile_text(
            source,
            "one",
            site.folder.path(),
            &["-Wextra", "-Werror", "-mcpu=v2", &headers],
        );
        let lines = format!("elf one.o\nif edge0\nentry {key} action=RULE_DROP\n");
        let daemon = site.run(&format!(". {{\nebpf {{\n{lines}}}\n}}\n"));
        let daemon = daemon.attached(1);
        let dumped = site.ask(&["dump"]).stdout;
        let entry = format!("entry {key} action=RULE_DROP\n");
        assert!(dumped.contains(&entry), "{dumped}");
        daemon.stop();
    }
}
