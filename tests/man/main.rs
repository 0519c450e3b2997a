//! The manual pages describe every command, option, directive, exit code, capacity, environment variable and shipped
//! program. The messages that they explain are in the code, and their examples work. The README names each command, and
//! its examples work too.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod directives;
mod examples;
mod json;
mod page;
mod programs;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use corexdp::base::capacity;
use corexdp::commands::cli::HELP;
use page::Page;
use support::command_line::{commands, has, options};

fn daemon() -> Page {
    Page::read("corexdp.8")
}

fn corefile() -> Page {
    Page::read("corexdp-corefile.5")
}

fn programs() -> Page {
    Page::read("corexdp-programs.7")
}

fn source(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Each text between `before` and `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .map(|part| part.split(after).next().unwrap())
        .collect()
}

/// An option in mdoc, whose macro `Fl` stands for the first dash.
fn flag(option: &str) -> String {
    format!("Fl {}", option.strip_prefix('-').unwrap())
}

#[test]
fn mandoc_and_groff_accept_the_pages() {
    for page in [daemon(), corefile(), programs()] {
        for (program, options) in [
            ("mandoc", &["-T", "lint", "-W", "warning"][..]),
            ("groff", &["-mdoc", "-T", "utf8", "-w", "w", "-z"]),
        ] {
            let mut command = Command::new(program);
            let output = command.args(options).arg(&page.path).output();
            let output = output.unwrap_or_else(|error| panic!("{program}: {error}; install it"));
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(output.status.success() && text.is_empty(), "{text}");
        }
    }
}

#[test]
fn pages_have_the_reference_sections() {
    for page in [daemon(), corefile()] {
        let sections = page.sections();
        for section in [
            "DESCRIPTION",
            "SIGNALS",
            "ENVIRONMENT",
            "FILES",
            "EXIT STATUS",
            "EXAMPLES",
            "DIAGNOSTICS",
            "COMPATIBILITY",
            "SECURITY CONSIDERATIONS",
        ] {
            let path = page.path.display();
            assert!(sections.contains(&section), "{path}: no {section}");
        }
    }
}

#[test]
fn programs_page_has_its_sections() {
    let page = programs();
    for section in [
        "FILES",
        "EXAMPLES",
        "COMPATIBILITY",
        "SECURITY CONSIDERATIONS",
    ] {
        assert!(page.sections().contains(&section), "no {section}");
    }
}

#[test]
fn every_command_and_option_is_described() {
    let (page, readme) = (daemon(), source("README.md"));
    for command in commands() {
        assert!(page.has_item(&format!("Cm {command}")), "{command}");
        // The README writes the optional `run` in brackets.
        let named = [
            format!("`corexdp {command}"),
            format!("`corexdp [{command}"),
        ];
        assert!(named.iter().any(|name| readme.contains(name)), "{command}");
    }
    for option in options()
        .iter()
        .map(String::as_str)
        .chain(["--help", "--version"])
    {
        assert!(page.has_item(&flag(option)), "{option}");
    }
}

#[test]
fn synopsis_has_the_options_of_each_command() {
    let page = daemon();
    let synopsis = page.section("SYNOPSIS").join("\n");
    for command in commands() {
        let expected: BTreeSet<_> = options()
            .into_iter()
            .filter(|option| has(&command, option))
            .collect();
        let mut parts = synopsis.split(".Nm\n").skip(1);
        let part = parts.find(|part| {
            part.lines()
                .next()
                .unwrap()
                .ends_with(&format!("Cm {command}"))
        });
        let flags = between(part.unwrap(), "Fl ", " ")
            .into_iter()
            .filter_map(|flag| flag.lines().next());
        let flags: BTreeSet<_> = flags.map(|flag| format!("-{flag}")).collect();
        assert_eq!(flags, expected, "{command}");
    }
}

/// Each document has at least `least` links, so that the search for links is known to work.
#[test]
fn links_of_the_documents_exist() {
    for (document, least) in [
        ("README.md", 10),
        ("CONTRIBUTING.md", 3),
        ("SECURITY.md", 1),
        ("bpf/README.md", 1),
        ("src/README.md", 1),
        ("tests/corefiles/examples/README.md", 10),
    ] {
        let text = source(document);
        let links = between(&text, "](", ")");
        let links: Vec<_> = links
            .into_iter()
            .filter(|link| !link.starts_with(['#', 'h']))
            .collect();
        assert!(links.len() >= least, "{document}: {links:?}");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
        for link in links {
            let path = folder.parent().unwrap().join(link);
            assert!(path.exists(), "{document}: {link}");
        }
    }
}

#[test]
fn every_exit_code_is_described() {
    let page = daemon().section("EXIT STATUS").join("\n");
    let codes = source("src/base/exit.rs");
    let codes = between(&codes, ": u8 = ", ";");
    assert_eq!(codes.len(), 8, "{codes:?}");
    let (_, help) = HELP.split_once("exit codes: ").unwrap();
    for code in codes {
        assert!(page.contains(&format!(".It {code}\n")), "{code}");
        let words = help.split([' ', '\n']);
        assert!(words.into_iter().any(|word| word == code), "--help: {code}");
    }
}

#[test]
fn every_capacity_is_described() {
    let page = corefile().section("LIMITS").join("\n");
    for capacity in capacity::TABLE {
        let (name, value) = (format!("COREXDP_{}", capacity.name), capacity.value);
        let item = page.split(&format!(".It Dv {name}\n")).nth(1).unwrap();
        let item = item.replace(".Ic ", "").replace('\n', " ");
        let meaning = capacity.meaning.replace('`', "");
        assert!(item.starts_with(&format!("{value} {meaning}")), "{name}");
    }
}

#[test]
fn every_environment_variable_is_described() {
    let page = daemon();
    let mut code = String::new();
    texts(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut code,
    );
    let names = [
        between(&code, "env::var(\"", "\""),
        between(&code, "env::var_os(\"", "\""),
    ]
    .concat();
    // Tests inject faults by COREXDP_FAULT, and are longer by COREXDP_ROUNDS, which no shipped binary reads.
    let names: BTreeSet<_> = names
        .into_iter()
        .filter(|name| !["COREXDP_FAULT", "COREXDP_ROUNDS"].contains(name))
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        assert!(page.has_item(&format!("Ev {name}")), "{name}");
    }
}

/// Appends the text of every source file in `folder`.
fn texts(folder: &Path, all: &mut String) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            texts(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            all.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn every_explained_message_is_in_the_code() {
    let mut code = String::new();
    texts(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut code,
    );
    for page in [daemon(), corefile()] {
        let lines = page.section("DIAGNOSTICS");
        let messages: Vec<_> = lines
            .iter()
            .filter_map(|line| line.strip_prefix(".It "))
            .collect();
        assert!(messages.len() > 10, "{messages:?}");
        for message in messages {
            for part in message
                .split("%s")
                .flat_map(|part| part.split("%u"))
                .flat_map(|part| part.split("; "))
            {
                let part = part.trim_matches([' ', ';', ':', ',']);
                assert!(
                    code.contains(part),
                    "{message}: {part:?} is not in the code"
                );
            }
        }
    }
}
