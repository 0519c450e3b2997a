//! Requests that the daemon refuses, with exit codes and messages.

use std::fs;

use support::net::{Corexdp, SERVER, Site, finish};

/// A Corefile whose only filter has these options.
fn corefile(options: &[&str]) -> String {
    format!(
        ". {{\n  ebpf {{\n    {}\n  }}\n}}\n",
        options.join("\n    ")
    )
}

fn good() -> String {
    corefile(&[
        "elf example.o",
        "if edge0",
        "map 0A0B0000.FFFF0000.00000000",
    ])
}

#[test]
fn occupied_interface_is_refused() {
    for how in ["xdpdrv", "xdpgeneric"] {
        let site = Site::new();
        site.folder.fixture("foreign");
        let object = site.folder.file("foreign.o");
        let line = format!(
            "ip link set dev {SERVER} {how} obj {} sec xdp",
            object.display()
        );
        site.server.run(&line);
        let foreign = site.filter();
        assert_eq!(foreign.name, "other_filter");
        site.folder.write("Corefile", &good());
        let outcome = site.finish(&mut site.command("run", &[]));
        outcome.refuses(
            69,
            &[
                "Corefile:4: if: ",
                "edge0",
                "other_filter",
                &foreign.id.to_string(),
            ],
        );
        assert_eq!(site.filter(), foreign);
    }
}

#[test]
fn two_daemons_do_not_share_an_interface() {
    let site = Site::new();
    let daemon = site.run(&good()).attached(1);
    let filter = site.filter();
    let mut second = Corexdp::command(
        site.folder.path(),
        &["run", "-conf", "Corefile", "--log", "stderr"],
    );
    let outcome = site.finish(second.args(["--control", "second"]));
    outcome.refuses(
        69,
        &[
            "Corefile:4: if: ",
            "edge0",
            "xdp_prog",
            &filter.id.to_string(),
            "if another corexdp filters there, stop that process, or change its Corefile and reload it; else ",
        ],
    );
    assert_eq!(site.filter(), filter);
    daemon.stop();
}

#[test]
fn missing_interface_is_refused() {
    let site = Site::new();
    let outcome = site.refused(&corefile(&["elf example.o", "if nowhere0"]));
    outcome.refuses(69, &["Corefile:4: if: ", "nowhere0", "wait"]);
}

#[test]
fn interface_that_is_down_is_refused() {
    let site = Site::new();
    site.server.run("ip link set edge0 down");
    site.refused(&good())
        .refuses(69, &["Corefile:4: if: ", "edge0", "down", "wait"]);
}

#[test]
fn one_refused_filter_refuses_all() {
    let site = Site::new();
    let second = corefile(&["elf example.o", "if nowhere0"]);
    // The second filter fails before or after edge0 is attached; in both cases edge0 must be clean.
    let outcome = site.refused(&format!("{}{second}", good()));
    outcome.refuses(69, &["Corefile:11: if: ", "nowhere0"]);
    site.add_wire("edge1", "cli1");
    site.folder.fixture("unverifiable");
    let second = corefile(&["elf unverifiable.o", "if edge1"]);
    let outcome = site.refused(&format!("{}{second}", good()));
    assert_eq!(outcome.code, Some(65), "{outcome:#?}");
}

#[test]
fn missing_and_unreadable_files_are_named() {
    let site = Site::new();
    let run = |args: &[&str]| finish(&mut Corexdp::command(site.folder.path(), args));
    for command in ["run", "check", "expand"] {
        run(&[command, "-conf", "nowhere/Corefile"]).refuses(66, &["nowhere/Corefile"]);
    }
    fs::create_dir(site.folder.file("folder")).unwrap();
    for (object, what) in [("nowhere.o", "nowhere.o"), ("folder", "folder")] {
        site.folder.write(
            "Corefile",
            &corefile(&[&format!("elf {object}"), "if edge0"]),
        );
        for command in ["run", "check"] {
            run(&[command, "-conf", "Corefile"]).refuses(66, &["Corefile:3: elf: ", what]);
        }
    }
}

#[test]
fn malformed_command_lines_are_refused() {
    let site = Site::new();
    for args in [
        &["frobnicate"][..],
        &["run", "-conf"],
        &["run", "--conf", "Corefile", "more"],
        &["run", "--frobnicate"],
        &["run", "--log", "paper"],
        &["check", "--log"],
    ] {
        let outcome = finish(&mut Corexdp::command(site.folder.path(), args));
        assert_eq!(outcome.code, Some(64), "{args:?}: {outcome:#?}");
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(
            outcome.stderr.contains("--help"),
            "{args:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn missing_privileges_are_named() {
    let site = Site::new();
    site.folder.write("Corefile", &good());
    let outcome = site.finish(&mut site.powerless());
    outcome.refuses(77, &["CAP_BPF", "CAP_NET_ADMIN"]);
    assert_eq!(site.attached(), None);
}

#[test]
fn verifier_log_is_printed() {
    let site = Site::new();
    site.folder.fixture("unverifiable");
    let outcome = site.refused(&corefile(&["elf unverifiable.o", "if edge0"]));
    assert_eq!(outcome.code, Some(65), "{outcome:#?}");
    let refusal = outcome
        .lines()
        .into_iter()
        .find(|line| line.starts_with("Corefile:3: elf: "));
    let refusal = refusal.unwrap_or_else(|| panic!("{outcome:#?}"));
    assert!(refusal.contains("invalid access to packet"), "{refusal}");
}
