//! Every directive that the code knows is in the manual.

use std::fs;

use corexdp::config::Service;

use super::{between, corefile, source};
use support::net::{Corexdp, Folder, finish};

/// All that the code says there is, when it is asked for what there is not.
fn directives() -> Vec<String> {
    let folder = Folder::new();
    let services: Vec<&str> = Service::ALL.map(Service::directive).to_vec();
    let blocks = services
        .iter()
        .map(|name| format!("{name} {{\n  frobnicate\n}}\n"));
    let text = format!(
        ". {{\nebpf {{\n  frobnicate\n}}\n{}}}\n",
        blocks.collect::<String>()
    );
    folder.write("Corefile", &text);
    let outcome = finish(&mut Corexdp::command(folder.path(), &["check"]));
    assert_eq!(outcome.code, Some(78));
    let mut names: Vec<String> = services.into_iter().map(str::to_owned).collect();
    for line in outcome.lines() {
        let Some((_, there)) = line.split_once("; there ") else {
            continue;
        };
        let list = there.trim_start_matches("is ").trim_start_matches("are ");
        names.extend(list.replace(" and ", ", ").split(", ").map(str::to_owned));
    }
    // The others are looked for by name.
    let looked_for = source("src/config/mod.rs");
    names.extend(
        between(&looked_for, "find(\"", "\"")
            .into_iter()
            .map(str::to_owned),
    );
    names.extend(["import", "tls"].map(str::to_owned));
    names
}

#[test]
fn every_directive_is_described() {
    let (page, names) = (corefile(), directives());
    for expected in [
        "elf", "exit", "gauge", "ready", "lameduck", "monitor", "debug", "reload",
    ] {
        assert!(names.iter().any(|name| name == expected), "{names:?}");
    }
    let text = fs::read_to_string(&page.path).unwrap();
    for name in names {
        let in_text = format!("Ic {name}\n");
        assert!(
            page.has_item(&format!("Ic {name}")) || text.contains(&in_text),
            "{name}"
        );
    }
}
