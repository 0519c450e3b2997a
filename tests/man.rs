//! The manual pages say all that the code knows: commands, options, directives, exit codes, capacities, environment
//! variables; and the README does, but for the last. Their messages are said, and their examples work.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "man/directives.rs"]
mod directives;
#[path = "man/examples.rs"]
mod examples;
#[path = "man/json.rs"]
mod json;
mod net;
mod objects;
#[path = "man/page.rs"]
mod page;
#[path = "completion/words.rs"]
mod words;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use corexdp::base::capacity;
use corexdp::commands::cli::HELP;
use page::Page;
use words::{commands, has, options};

fn daemon() -> Page {
    Page::read("corexdp.8")
}

fn corefile() -> Page {
    Page::read("corexdp-corefile.5")
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
    for page in [daemon(), corefile()] {
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
        assert!(readme.contains(option), "README: {option}");
    }
}

#[test]
fn the_synopsis_and_the_readme_give_each_command_its_options() {
    let (page, readme) = (daemon(), source("README.md"));
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
        let rows = readme
            .lines()
            .filter_map(|line| line.strip_prefix("| `corexdp "));
        let row = rows
            .map(|row| row.split("` |").next().unwrap())
            .find(|row| {
                let word = row.split(' ').next().unwrap();
                word.trim_matches(['[', ']']) == command
            });
        let row = row.unwrap_or_else(|| panic!("README: {command}"));
        let named: BTreeSet<_> = row
            .split([' ', '[', ']'])
            .filter(|word| word.starts_with('-'))
            .map(str::to_owned)
            .collect();
        assert_eq!(named, expected, "README: {command}");
    }
}

#[test]
fn the_readme_links_to_files_that_are_there() {
    let readme = source("README.md");
    let links = between(&readme, "](", ")");
    let links: Vec<_> = links
        .into_iter()
        .filter(|link| !link.starts_with(['#', 'h']))
        .collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(link);
        assert!(path.exists(), "{link}");
    }
}

#[test]
fn every_exit_code_is_described() {
    let (page, readme) = (
        daemon().section("EXIT STATUS").join("\n"),
        source("README.md"),
    );
    let codes = source("src/base/exit.rs");
    let codes = between(&codes, ": u8 = ", ";");
    assert_eq!(codes.len(), 8, "{codes:?}");
    let (_, help) = HELP.split_once("exit codes: ").unwrap();
    for code in codes {
        assert!(page.contains(&format!(".It {code}\n")), "{code}");
        assert!(readme.contains(&format!("\n| {code} | ")), "README: {code}");
        let words = help.split([' ', '\n']);
        assert!(words.into_iter().any(|word| word == code), "--help: {code}");
    }
}

#[test]
fn every_capacity_is_described() {
    let (page, readme) = (corefile().section("LIMITS").join("\n"), source("README.md"));
    for capacity in capacity::TABLE {
        let (name, value) = (format!("COREXDP_{}", capacity.name), capacity.value);
        let said = page.split(&format!(".It Dv {name}\n")).nth(1).unwrap();
        let said = said.replace(".Ic ", "").replace('\n', " ");
        let meaning = capacity.meaning.replace('`', "");
        assert!(said.starts_with(&format!("{value} {meaning}")), "{name}");
        let row = format!("| `{name}` | {value} | {} |", capacity.meaning);
        assert!(readme.contains(&row), "README: {row}");
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
