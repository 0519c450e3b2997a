//! `--fallback`: a Corefile that is refused at the start does not leave the box without a filter.

use std::fs;
use std::process::Command;

use crate::control::{NEW, OLD, corefile, drops};
use crate::status::status_text;
use support::net::{Attached, Daemon, Outcome, SERVER, Site};
use support::objects::compile::compile;

/// The options with the fallback `Old`.
const FALLBACK: [&str; 2] = ["--fallback", "Old"];

/// Starts with this Corefile, and the fallback [`OLD`].
fn start(site: &Site, text: &str) -> Daemon {
    site.folder.write("Corefile", text);
    site.folder.write("Old", &corefile(OLD));
    site.start(&FALLBACK).attached(1)
}

/// A start that must fail.
fn refused(site: &Site) -> Outcome {
    site.finish(&mut site.command("run", &FALLBACK))
}

fn status(site: &Site) -> serde_json::Value {
    serde_json::from_str(&site.ask(&["status", "--json"]).stdout).unwrap()
}

/// The metric about the file that runs, with the hash that `sha256sum` prints.
fn config_info(site: &Site, file: &str, source: &str) -> String {
    let mut command = Command::new("sha256sum");
    let output = command.arg(site.folder.file(file)).output().unwrap().stdout;
    let output = String::from_utf8(output).unwrap();
    let (sha256, _) = output.split_once(' ').unwrap();
    assert_eq!(status(site)["sha256"], sha256);
    format!("corexdp_config_info{{sha256=\"{sha256}\",source=\"{source}\"}}")
}

fn runs(site: &Site, file: &str, source: &str) {
    let info = config_info(site, file, source);
    assert_eq!(site.get("/metrics").metric(&info), Some("1"), "{info}");
    let fallback = match source {
        "main" => serde_json::Value::Null,
        _ => file.into(),
    };
    let status = status(site);
    assert_eq!(
        (&status["corefile"], &status["fallback"]),
        (&"Corefile".into(), &fallback)
    );
}

/// The Corefile, an object, a list or an import is wrong or missing, or only the kernel refuses the program.
#[test]
fn fallback_runs_if_the_corefile_is_refused() {
    let site = Site::new();
    compile("unverifiable", site.folder.path());
    site.folder.write("text.o", "no object");
    for (wrong, place) in [
        (corefile("nonsense"), "Corefile:6: map: "),
        (
            corefile(NEW).replace("example.o", "none.o"),
            "Corefile:5: elf: ",
        ),
        (
            corefile(NEW).replace("example.o", "text.o"),
            "Corefile:5: elf: ",
        ),
        ("import none\n".into(), "Corefile:1: import: "),
        (
            format!(". {{\nprometheus\nebpf {{\nelf unverifiable.o\nif {SERVER}\n}}\n}}\n"),
            "Corefile:4: elf: ",
        ),
    ] {
        let daemon = start(&site, &wrong);
        daemon.line(place);
        daemon.line("the Corefile was refused, so the fallback Old is used; correct the Corefile");
        drops(&site, "10.11.0.1", 0);
        runs(&site, "Old", "fallback");
        let text = status_text(&site);
        assert!(text.contains("the fallback Old runs: "), "{text}");
        let error = status(&site)["last_reload"]["error"].clone();
        assert!(error.as_str().unwrap().starts_with(place), "{error}");
        let page = site.get("/").body;
        assert!(
            page.contains("<strong>The fallback Old runs</strong>"),
            "{page}"
        );
        assert!(page.contains(place), "{page}");
        daemon.stop();
    }
    site.folder.write("Corefile", "");
    fs::remove_file(site.folder.file("Corefile")).unwrap();
    let daemon = site.start(&FALLBACK).attached(1);
    daemon.line("Corefile: no such Corefile");
    daemon.stop();
}

#[test]
fn fallback_is_not_used_without_need() {
    let site = Site::new();
    let daemon = start(&site, &corefile(NEW));
    drops(&site, "10.12.0.1", 0);
    runs(&site, "Corefile", "main");
    // A Corefile that a reload refuses leaves its predecessor.
    site.folder.write("Corefile", &corefile("nonsense"));
    site.ask(&["reload"]).refuses(78, &["Corefile:6: map: "]);
    drops(&site, "10.12.0.1", 2);
    assert_eq!(status(&site)["fallback"], serde_json::Value::Null);
    daemon.stop();
    // An interface may appear later, so a supervisor starts the Corefile again.
    site.folder
        .write("Corefile", &corefile(NEW).replace(SERVER, "edge7"));
    refused(&site).refuses(69, &["Corefile:4: if: "]);
    assert_eq!(Attached::on(&site.server, SERVER), None);
}

#[test]
fn fallback_that_is_refused_ends_the_start() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile("nonsense"));
    for (code, fallback, place) in [
        (66, None, "Old: no such Corefile"),
        (
            78,
            Some(corefile(OLD).replace("map", "mop")),
            "Old:6: ebpf: ",
        ),
    ] {
        if let Some(text) = fallback {
            site.folder.write("Old", &text);
        }
        let outcome = refused(&site);
        let lines: Vec<_> = outcome.stderr.lines().collect();
        assert_eq!((outcome.code, lines.len()), (Some(code), 3), "{lines:#?}");
        assert!(lines[0].starts_with("Corefile:6: map: "), "{lines:#?}");
        assert!(lines[2].starts_with(place), "{lines:#?}");
        assert_eq!(Attached::on(&site.server, SERVER), None);
    }
}

/// A reload, or the directive `reload` of the fallback, tries the Corefile again.
#[test]
fn reload_returns_to_the_corefile() {
    for polls in [false, true] {
        let site = Site::new();
        site.folder.write("Corefile", &corefile("nonsense"));
        let mut old = corefile(OLD);
        if polls {
            old = old.replace("  prometheus\n", "  prometheus\n  reload 2s 1s\n");
        }
        site.folder.write("Old", &old);
        let daemon = site.start(&FALLBACK).attached(1);
        drops(&site, "10.11.0.1", 0);
        if !polls {
            site.ask(&["reload"]).refuses(78, &["Corefile:6: map: "]);
            runs(&site, "Old", "fallback");
        }
        site.folder.write("Corefile", &corefile(NEW));
        if !polls {
            site.ask(&["reload"]).expect(0, &[]);
        }
        daemon.line("reload: done");
        drops(&site, "10.12.0.1", 0);
        runs(&site, "Corefile", "main");
        daemon.stop();
    }
}

/// The Corefile is tried for a time, and then a file that replaces it.
#[test]
fn rollback_returns_to_the_fallback() {
    let site = Site::new();
    let daemon = start(&site, &corefile("nonsense"));
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&["reload", "--confirm", "2s"]).expect(0, &[]);
    runs(&site, "Corefile", "main");
    daemon.line("not confirmed in time");
    drops(&site, "10.11.0.1", 0);
    runs(&site, "Old", "fallback");
    site.folder.write("New", &corefile("0A0D0000"));
    site.ask(&["reload", "-conf", "New", "--confirm", "1m"])
        .expect(0, &[]);
    runs(&site, "New", "main");
    site.ask(&["confirm"]).expect(0, &[]);
    runs(&site, "Corefile", "main");
    daemon.stop();
}
