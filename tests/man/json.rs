//! The manual names exactly the members that `--json` prints.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::daemon;
use super::examples::{corefiles, site};
use support::net::{Corexdp, Site};

/// The members that the manual names for a command.
fn documented(command: &str) -> BTreeSet<String> {
    let (page, head) = (daemon(), format!(".It Cm {command}"));
    let lines = page.section("JSON").into_iter();
    let item = lines
        .skip_while(|line| *line != head)
        .skip(1)
        .take_while(|line| !line.starts_with(".It "));
    let members = item.filter_map(|line| line.strip_prefix(".Va "));
    let words = members.flat_map(|line| line.split(' '));
    words
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .map(str::to_owned)
        .collect()
}

/// Collects the names of all members, except in objects whose members the operator names.
fn members(value: &Value, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                all.insert(name.clone());
                match (name.as_str(), value) {
                    ("fields", _) => {}
                    ("tokens", Value::Object(directives)) => {
                        directives.values().for_each(|tokens| members(tokens, all));
                    }
                    _ => members(value, all),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|element| members(element, all)),
        _ => {}
    }
}

fn printed(site: &Site, command: &mut Command, all: &mut BTreeSet<String>) {
    let outcome = site.finish(command);
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:#?}");
    let value = serde_json::from_str(&outcome.stdout);
    members(
        &value.unwrap_or_else(|error| panic!("{error}: {outcome:#?}")),
        all,
    );
}

#[test]
fn manual_names_exactly_the_members() {
    let site = site();
    let corexdp = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        Corexdp::command(site.folder.path(), &words)
    };
    // In a chain, `dump` names the stage.
    let second =
        "\n. {\n  ebpf {\n    elf acl.o\n    if eth0\n    list feed action=ACL_DROP\n  }\n}\n";
    site.folder
        .write("Corefile", &(corefiles().swap_remove(0) + second));
    site.folder.write("feed", "192.0.2.0/24\nbad\n");
    site.folder.write("wrong", "debug {\n  ebpf\n}\n");
    let daemon = site.server.enter(|| {
        let mut run = corexdp("run --control control --log stderr");
        support::net::Daemon::spawn(&mut run)
    });
    let daemon = daemon.attached(1);
    // `status` has the members of `last_reload` only after a reload.
    site.finish(&mut corexdp("reload --control control"))
        .expect(0, &[]);
    // `dump` marks decisions.
    let add = "add 192.0.2.7 action=ACL_DROP --control control --state state";
    site.finish(&mut corexdp(add)).expect(0, &[]);
    for (command, calls) in [
        ("check", &["check --json", "check --json -conf wrong"][..]),
        ("expand", &["expand"]),
        ("inspect", &["inspect --json ordered.o"]),
        ("status", &["status --json --measure 1ms --control control"]),
        ("dump", &["dump --json --control control"]),
        ("top", &["top --json --for 1ms --control control"]),
    ] {
        let mut all = BTreeSet::new();
        for call in calls {
            printed(&site, &mut corexdp(call), &mut all);
        }
        assert_eq!(all, documented(command), "{command}");
    }
    daemon.stop();
}
