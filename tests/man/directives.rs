//! The manual describes every directive.

use std::fs;

use corexdp::config::{DEBUG, EBPF, EBPF_OPTIONS, RELOAD, Service};
use corexdp::list::{Format, Reason};

use super::corefile;
use support::net::{Corexdp, Folder, finish};

/// Options in the blocks of `prometheus`, `health` and `ready`, read from the errors for an unknown option.
fn service_options() -> Vec<String> {
    let folder = Folder::new();
    let services = Service::ALL.map(Service::directive);
    let blocks = services.map(|name| format!("{name} {{\n  frobnicate\n}}\n"));
    folder.write("Corefile", &format!(". {{\n{}}}\n", blocks.concat()));
    let outcome = finish(&mut Corexdp::command(folder.path(), &["check"]));
    assert_eq!(outcome.code, Some(78));
    let lines = outcome.lines();
    let options = lines.iter().filter_map(|line| line.split_once("; use "));
    let options = options.flat_map(|(_, options)| options.split(", "));
    options.map(str::to_owned).collect()
}

/// Converts an item of the manual to the form of messages: `Oo Ar @MAP Oc Ar KEY` to `[@MAP] KEY`.
fn plain_form(item: &str) -> String {
    let macros = [
        ("Ic ", ""),
        ("Ar ", ""),
        ("Cm ", ""),
        ("Oo ", "["),
        (" Oc", "]"),
    ];
    let spaces = [(" Ns = Ns ", "="), (" | ", "|"), (" ...", "…")];
    let quotes = [("Qq HELP", "\"HELP\"")];
    let all = macros.into_iter().chain(spaces).chain(quotes);
    all.fold(item.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[test]
fn every_ebpf_option_is_described_in_its_form() {
    let items: Vec<String> = corefile()
        .items()
        .iter()
        .map(|item| plain_form(item))
        .collect();
    for option in EBPF_OPTIONS {
        let expected = format!("{} {}", option.name, option.form);
        assert!(items.contains(&expected), "{expected}: {items:#?}");
        let lines = option.meaning.lines().count();
        assert_eq!(lines, 1, "{expected}: {}", option.meaning);
    }
    let repeated: Vec<&str> = EBPF_OPTIONS
        .iter()
        .filter(|option| option.may_repeat())
        .map(|option| option.name)
        .collect();
    assert_eq!(
        repeated,
        ["map", "entry", "list", "metric", "gauge", "counter"]
    );
    let required = EBPF_OPTIONS.iter().filter(|option| option.required);
    assert_eq!(required.count(), 2);
}

#[test]
fn every_format_and_reason_of_lists_is_described() {
    let page = corefile();
    let section = page.section("LISTS");
    let item = |text: &str| section.contains(&format!(".It {text}").as_str());
    for format in Format::ALL {
        let name = format!("Cm {}", format.name());
        assert!(item(&name), "{name}");
    }
    for reason in Reason::ALL {
        assert!(item(reason.text()), "{}", reason.text());
    }
}

#[test]
fn every_directive_is_described() {
    let page = corefile();
    let services = Service::ALL.map(Service::directive);
    let options = EBPF_OPTIONS.iter().map(|option| option.name);
    let service_options = service_options();
    assert_eq!(
        service_options,
        ["host", "runtime_metrics", "lameduck", "monitor"]
    );
    let names = [EBPF, DEBUG, RELOAD, "import", "tls"]
        .into_iter()
        .chain(services)
        .chain(options)
        .chain(service_options.iter().map(String::as_str));
    let text = fs::read_to_string(&page.path).unwrap();
    for name in names {
        let in_text = format!("Ic {name}\n");
        assert!(
            page.has_item(&format!("Ic {name}")) || text.contains(&in_text),
            "{name}"
        );
    }
}
