//! The examples of the manual pages and of the README.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{corefile, daemon, programs, source};
use support::net::{Corexdp, Daemon, Site, finish};
use support::shipped_programs;

/// A site with the objects and interfaces that the examples name.
pub(crate) fn site() -> Site {
    let site = Site::new();
    for name in shipped_programs() {
        site.folder.shipped(&name);
    }
    site.add_wire("eth0", "far0");
    site
}

/// Writes the lists that a Corefile of corexdp-corefile(5) names.
fn add_lists(site: &Site) {
    site.folder.write("never-block", "192.0.2.1\n");
    let lists = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists");
    let list = lists.join("spamhaus-drop.txt");
    fs::copy(list, site.folder.file("drop.txt")).unwrap();
}

/// The Corefiles of corexdp-corefile(5).
pub(crate) fn corefiles() -> Vec<String> {
    let displays = corefile().displays().into_iter();
    displays.filter(|text| text.contains("ebpf {")).collect()
}

#[test]
fn each_program_has_a_valid_corefile() {
    let site = site();
    let displays = programs().displays().into_iter();
    let corefiles: Vec<_> = displays.filter(|text| text.contains("ebpf {")).collect();
    for name in shipped_programs() {
        let elf = format!("elf {name}.o\n");
        assert!(corefiles.iter().any(|text| text.contains(&elf)), "{name}");
    }
    for text in corefiles {
        site.folder.write("Corefile", &text);
        println!("{text}");
        finish(&mut Corexdp::command(site.folder.path(), &["check"])).expect(0, &[]);
    }
}

/// The indented blocks of the README, without their indentation.
fn readme_blocks() -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in source("README.md").lines() {
        let block = blocks.last_mut().unwrap();
        match line.strip_prefix("    ") {
            Some(text) => block.extend([text, "\n"]),
            None if line.is_empty() && !block.is_empty() => *block += "\n",
            None => blocks.push(String::new()),
        }
    }
    blocks.retain(|block| !block.is_empty());
    blocks
}

#[test]
fn corefiles_of_the_readme_are_valid() {
    let site = site();
    let blocks = readme_blocks();
    for (name, part) in [("drop.txt", " ; SBL"), ("never-block.txt", "# upstream")] {
        let list = blocks.iter().find(|text| text.contains(part));
        site.folder.write(name, list.unwrap());
    }
    let corefiles: Vec<_> = blocks
        .iter()
        .filter(|text| text.contains("ebpf {"))
        .collect();
    assert_eq!(corefiles.len(), 3);
    for text in corefiles {
        println!("{text}");
        site.folder.write("Corefile", text);
        let outcome = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
        assert_eq!(
            (outcome.code, outcome.stderr.as_str()),
            (Some(0), ""),
            "{outcome:?}"
        );
        let lists = text.lines().filter(|line| line.trim().starts_with("list "));
        assert_eq!(outcome.stdout.lines().count(), lists.count(), "{outcome:?}");
    }
}

#[test]
fn corefiles_of_the_manual_are_valid() {
    let site = site();
    let corefiles = corefiles();
    assert_eq!(corefiles.len(), 8);
    add_lists(&site);
    for text in corefiles {
        site.folder.write("Corefile", &text);
        let mut check = Corexdp::command(site.folder.path(), &["check"]);
        let outcome = finish(check.envs([("WAN", "wan0"), ("LAN", "lan0")]));
        println!("{text}");
        outcome.expect(0, &[]);
    }
}

/// Begins a display that is a screen of `top`, not a list of commands.
const SCREEN: &str = "corexdp top, ";

/// The example commands that a test may run: those of corexdp, and those that change the Corefile.
fn commands() -> Vec<String> {
    let mut displays = daemon().displays();
    displays.retain(|text| !text.starts_with(SCREEN));
    let lines = displays.iter().flat_map(|text| text.lines());
    let commands = lines.map(|line| {
        let command = line.strip_prefix("# ").or(line.strip_prefix("$ "));
        command.unwrap_or_else(|| panic!("no prompt: {line}"))
    });
    commands
        .filter(|command| {
            let mut starts = ["corexdp ", "mv ", "printf "].iter();
            starts.any(|start| command.starts_with(start))
        })
        .map(str::to_owned)
        .collect()
}

/// Runs the commands in order, with the first Corefile of corexdp-corefile(5).
#[test]
fn example_commands_succeed() {
    let site = site();
    site.folder.write("Corefile", &corefiles()[0]);
    let mut running: Option<Daemon> = None;
    let commands = commands();
    assert!(commands.len() >= 13, "{commands:?}");
    for line in commands {
        println!("{line}");
        let Some(call) = line.strip_prefix("corexdp ") else {
            let mut shell = Command::new("sh");
            let shell = shell.args(["-c", &line]).current_dir(site.folder.path());
            assert!(shell.status().unwrap().success(), "{line}");
            continue;
        };
        let call = call.split(" | ").next().unwrap();
        let words: Vec<&str> = call.split(' ').collect();
        let mut command = Corexdp::command(site.folder.path(), &words);
        // The default control socket may belong to a daemon of this machine.
        match words[0] {
            // The example names files of the machine, so it is only parsed.
            "add" | "delete" | "test" => {
                // The Corefile has no map that can have decisions, so the example is only parsed.
                corexdp::commands::cli::parse(words.iter().map(Into::into)).unwrap();
            }
            "run" if words.contains(&"/etc/corexdp/Corefile") => {
                corexdp::commands::cli::parse(words.iter().map(Into::into)).unwrap();
            }
            "run" => {
                command.args(["--control", "control", "--log", "stderr"]);
                let daemon = site.server.enter(|| Daemon::spawn(&mut command));
                running = Some(daemon.attached(1));
            }
            "check" | "inspect" => finish(&mut command).expect(0, &[]),
            _ => {
                command.args(["--control", "control"]);
                succeeds(&site, &mut command);
            }
        }
    }
    let status = site
        .finish(Corexdp::command(site.folder.path(), &["status"]).args(["--control", "control"]));
    assert!(!status.stdout.contains("eth0"), "{status:#?}");
    let lines = running.unwrap().stop();
    let confirmed = lines.iter().filter(|line| *line == "confirmed");
    assert_eq!(confirmed.count(), 3, "{lines:#?}");
}

fn succeeds(site: &Site, command: &mut Command) {
    let outcome = site.finish(command);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
}
