//! The manual pages describe everything that the code knows: commands, options, directives, exit codes, capacities,
//! environment variables, shipped programs. Their messages are said, and their examples work. The README names each
//! command, and its examples work too.

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

/// What stands between `before` and `after`, each time.
fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    let parts = text.split(before).skip(1);
    parts
        .map(|part| part.split(after).next().unwrap())
        .collect()
}

/// An option as mdoc writes it: the first dash is its macro's.
fn flag(option: &str) -> String {
    format!("Fl {}", option.strip_prefix('-').unwrap())
}

#[test]
fn the_pages_have_no_mistake_that_mandoc_or_groff_finds() {
    for page in [daemon(), corefile(), programs()] {
        for (program, options) in [
            ("mandoc", &["-T", "lint", "-W", "warning"][..]),
            ("groff", &["-mdoc", "-T", "utf8", "-w", "w", "-z"]),
        ] {
            let mut command = Command::new(program);
            let output = command.args(options).arg(&page.path).output();
            let output = output.unwrap_or_else(|error| panic!("{program}: {error}; install it"));
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said);
            assert!(output.status.success() && said.is_empty(), "{said}");
        }
    }
}

#[test]
fn each_page_has_the_sections_that_somebody_in_need_looks_for() {
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
fn the_page_of_the_programs_has_what_applies_to_it() {
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
        // `run` may be left out, which brackets say.
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
fn the_synopsis_gives_each_command_its_options() {
    let page = daemon();
    let synopsis = page.section("SYNOPSIS").join("\n");
    for command in commands() {
        let expected: BTreeSet<_> = options()
            .into_iter()
            .filter(|one| has(&command, one))
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

/// Every document of the project, with the least number of links that it has.
#[test]
fn the_documents_link_to_files_that_are_there() {
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
        let said = page.split(&format!(".It Dv {name}\n")).nth(1).unwrap();
        let said = said.replace(".Ic ", "").replace('\n', " ");
        let meaning = capacity.meaning.replace('`', "");
        assert!(said.starts_with(&format!("{value} {meaning}")), "{name}");
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
    // This one makes tests fail calls, and is in no binary that is shipped.
    let names: BTreeSet<_> = names
        .into_iter()
        .filter(|name| *name != "COREXDP_FAULT")
        .collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        assert!(page.has_item(&format!("Ev {name}")), "{name}");
    }
}

/// All of the program's texts, and none of its tests.
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
fn every_message_that_is_explained_is_one_that_is_said() {
    let mut said = String::new();
    texts(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut said,
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
                assert!(said.contains(part), "{message}: nothing says {part:?}");
            }
        }
    }
}
