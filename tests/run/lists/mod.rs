//! Lists: items of published files are entries, and a change of a file is a reload.

mod adblock;
mod counts;
mod formats;
mod origins;

use std::fs;

use crate::packet;
use support::net::{Corexdp, Outcome, Site, finish};

/// A Corefile with `lines` from line 5 on.
fn corefile(lines: &str) -> String {
    format!(". {{\nprometheus\nebpf {{\nelf lists.o\nif edge0\n{lines}\n}}\n}}\n")
}

fn site() -> Site {
    let site = Site::new();
    site.folder.fixture("lists");
    site
}

/// The lines of `dump`, sorted.
fn dump(site: &Site) -> Vec<String> {
    let outcome = site.ask(&["dump"]);
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let lines = outcome.stdout.lines().map(str::trim);
    let lines = lines.filter(|line| line.starts_with("entry"));
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

fn reload(site: &Site, lines: &str) -> Outcome {
    site.folder.write("Corefile", &corefile(lines));
    site.ask(&["reload"])
}

const BLOCK: &str = "list @networks block verdict=VERDICT_DROP";

#[test]
fn list_drops_packets_and_reload_keeps_counters() {
    let site = site();
    site.folder
        .write("block", "10.11.0.0/16\n10.12.0.0/16 ; a comment\n");
    let daemon = site.run(&corefile(BLOCK)).attached(1);
    daemon.line("block: format cidr, 2 entries, 0 skipped lines");
    let page = site.get("/").body;
    let shown = "block: 2 entries of networks, 0 skipped lines, changed <time>20";
    assert!(page.contains(shown), "{page}");
    let first = site.filter();
    site.sender().send(&packet("10.11.0.1"), 3);
    let counted = ["entry @networks 10.11.0.0/16 verdict=VERDICT_DROP packets=3"];
    let both = |more: &str| {
        let mut lines = vec![
            counted[0].to_owned(),
            format!("entry @networks {more} verdict=VERDICT_DROP"),
        ];
        lines.sort();
        lines
    };
    support::wait::wait_for("entries", &both("10.12.0.0/16"), || dump(&site));
    site.folder.write("block", "10.13.0.0/16\n10.11.0.0/16\n");
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(dump(&site), both("10.13.0.0/16"));
    assert_eq!(site.filter(), first);
    daemon.stop();
}

#[test]
fn change_of_a_list_is_a_change_of_the_corefile() {
    let site = site();
    site.folder.write("block", "10.11.0.0/16\n");
    let text = corefile(BLOCK).replace("prometheus", "prometheus\nreload 2s 1s");
    let daemon = site.run(&text).attached(1);
    site.folder.write("block", "10.12.0.0/16\n");
    let expected = vec!["entry @networks 10.12.0.0/16 verdict=VERDICT_DROP".to_owned()];
    support::wait::wait_for("entries", &expected, || dump(&site));
    // Also when the file is replaced, as `mv` does after a download.
    site.folder.write("new", "10.13.0.0/16\n");
    fs::rename(site.folder.file("new"), site.folder.file("block")).unwrap();
    let expected = vec!["entry @networks 10.13.0.0/16 verdict=VERDICT_DROP".to_owned()];
    support::wait::wait_for("entries", &expected, || dump(&site));
    daemon.stop();
}

#[test]
fn lines_come_before_lists_and_earlier_lists_before_later_ones() {
    let site = site();
    site.folder.write("one", "10.11.0.0/16\n10.12.0.0/16\n");
    site.folder.write(
        "two",
        "10.12.0.0/16\n10.11.0.0/16\n10.13.0.0/16\n10.13.0.0/16\n",
    );
    let lines = "list @networks one verdict=VERDICT_PASS packets=1
list @networks two verdict=VERDICT_DROP
entry @networks 10.11.0.0/16 verdict=VERDICT_NXDOMAIN
entry @networks 10.11.0.0/16 verdict=VERDICT_DROP packets=2";
    let expected = [
        "entry @networks 10.11.0.0/16 verdict=VERDICT_DROP packets=2",
        "entry @networks 10.12.0.0/16 verdict=VERDICT_PASS packets=1",
        "entry @networks 10.13.0.0/16 verdict=VERDICT_DROP",
    ];
    let daemon = site.run(&corefile(lines)).attached(1);
    assert_eq!(dump(&site), expected);
    // The same by a reload from other entries.
    reload(&site, "list @networks two verdict=VERDICT_DROP").expect(0, &[]);
    reload(&site, lines).expect(0, &[]);
    assert_eq!(dump(&site), expected);
    daemon.stop();
}

#[test]
fn unusable_files_refuse_start_and_reload() {
    let site = site();
    site.folder.write("good", "10.11.0.0/16\n");
    let run = site.folder.file("fifo");
    nix::unistd::mkfifo(&run, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(site.folder.file("folder")).unwrap();
    let lists = [
        (
            "none",
            66,
            "none: no such file; a relative path starts at its Corefile's folder",
        ),
        ("/none", 66, "/none: no such file"),
        ("folder", 66, "folder: cannot be read: is a directory"),
        (
            "fifo",
            66,
            "fifo: cannot be read: the path is a FIFO; name a regular file",
        ),
        (
            "/dev/zero",
            66,
            "/dev/zero: cannot be read: the path is a device; name a regular file",
        ),
    ];
    let daemon = site
        .run(&corefile("list @networks good verdict=VERDICT_DROP"))
        .attached(1);
    for (file, code, message) in lists {
        let lines = format!("list @networks {file} verdict=VERDICT_DROP");
        let outcome = reload(&site, &lines);
        outcome.refuses(code, &["Corefile:6: list: ", message]);
        let check = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
        check.refuses(code, &["Corefile:6: list: ", message]);
        assert_eq!(dump(&site).len(), 1);
    }
    daemon.stop();
}

#[test]
fn short_list_is_refused_and_empty_one_is_a_warning() {
    let site = site();
    let lines = "list @networks block verdict=VERDICT_DROP at-least 2";
    site.folder.write("block", "10.11.0.0/16\n10.12.0.0/16\n");
    let daemon = site.run(&corefile(lines)).attached(1);
    site.folder.write("block", "10.11.0.0/16\n<html>\n");
    let outcome = site.ask(&["reload"]);
    outcome.refuses(
        78,
        &[
            "Corefile:6: list: ",
            "block: 1 entry, 1 skipped line, instead of at least 2 entries; check the file and its download (",
            "block:2: a web page, such as a proxy's login or error page: \"<html>\"); if the file is right, `at-least 1` accepts it",
        ],
    );
    assert_eq!(dump(&site).len(), 2);
    site.folder.write("block", "");
    reload(&site, &format!("{BLOCK} at-least 0")).expect(0, &[]);
    daemon.line("block gives no entry");
    assert_eq!(dump(&site).len(), 0);
    daemon.stop();
}

#[test]
fn list_that_lost_most_of_its_entries_is_refused() {
    let site = site();
    let networks = |count| (0..count).map(|net| format!("10.11.{net}.0/24\n"));
    site.folder
        .write("block", &networks(120).collect::<String>());
    let daemon = site.run(&corefile(BLOCK)).attached(1);
    for (kept, outcome) in [(0, 78), (59, 78), (60, 0), (1, 0), (0, 78)] {
        site.folder
            .write("block", &networks(kept).collect::<String>());
        let before = dump(&site).len();
        let answer = site.ask(&["reload"]);
        if outcome == 0 {
            answer.expect(0, &[]);
            assert_eq!(dump(&site).len(), kept);
        } else {
            let in_use = match before {
                1 => "1 entry".to_owned(),
                _ => format!("{before} entries"),
            };
            let message = format!(
                "block: {kept} entries, 0 skipped lines, instead of the {in_use} in use; check the file and its download; if the file is right, `at-least {kept}` accepts it"
            );
            answer.refuses(78, &["Corefile:6: list: ", &message]);
            assert_eq!(dump(&site).len(), before);
        }
    }
    reload(&site, &format!("{BLOCK} at-least 0")).expect(0, &[]);
    assert_eq!(dump(&site).len(), 0);
    daemon.stop();
}

#[test]
fn web_page_in_the_place_of_a_list_changes_nothing() {
    let site = site();
    let page = "<!DOCTYPE html>\n<title>Login</title>\n10.13.0.0/16\n";
    site.folder.write("block", "10.11.0.0/16\n10.12.0.0/16\n");
    let daemon = site.run(&corefile(BLOCK)).attached(1);
    site.folder.write("block", page);
    let named = "block:1: a web page, such as a proxy's login or error page: \"<!DOCTYPE html>\"";
    site.ask(&["reload"]).refuses(
        78,
        &[
            "Corefile:6: list: ",
            "block: 0 entries, 1 skipped line, ",
            named,
        ],
    );
    assert_eq!(dump(&site).len(), 2);
    let check = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
    let named = named.replace(": a", ": skipped: a");
    assert_eq!(check.code, Some(0), "{check:#?}");
    for part in ["block gives no entry", &named] {
        assert!(check.stderr.contains(part), "{part}: {check:#?}");
    }
    daemon.stop();
}

#[test]
fn map_without_room_for_all_items_is_refused() {
    let site = site();
    let addresses: Vec<_> = (1..=8).map(|last| format!("10.11.0.{last}\n")).collect();
    site.folder.write("one", &addresses.concat());
    site.folder.write("two", "10.11.0.1\n10.11.0.9\n");
    let one =
        "list @addresses one verdict=VERDICT_DROP\nentry @addresses 10.11.0.8 verdict=VERDICT_PASS";
    let daemon = site.run(&corefile(one)).attached(1);
    let two = format!("{one}\nlist @addresses two verdict=VERDICT_DROP");
    let outcome = reload(&site, &two);
    outcome.refuses(
        78,
        &["Corefile:8: list: addresses has room for 8 entries; its lines and lists have 9"],
    );
    assert_eq!(dump(&site).len(), 8);
    daemon.stop();
}

#[test]
fn held_filter_is_adopted_with_the_counters_of_its_lists() {
    let site = site();
    site.folder.write("block", "10.11.0.0/16\n10.12.0.0/16\n");
    let text = corefile(&format!("exit hold\n{BLOCK}"));
    let daemon = site.run(&text).attached(1);
    let first = site.filter();
    site.sender().send(&packet("10.11.0.1"), 2);
    daemon.stop();
    let daemon = site.run(&text).attached(1);
    assert_eq!(site.filter(), first);
    let counted = "entry @networks 10.11.0.0/16 verdict=VERDICT_DROP packets=2".to_owned();
    assert!(dump(&site).contains(&counted));
    daemon.stop();
}

#[test]
fn start_with_a_short_list_attaches_nothing_and_keeps_a_held_filter() {
    let site = site();
    site.folder.write("block", "10.11.0.0/16\n");
    let text = corefile(&format!("exit hold\n{BLOCK} at-least 2"));
    site.refused(&text)
        .refuses(78, &["Corefile:7: list: ", "instead of at least 2 entries"]);
    let daemon = site.run(&text.replace("least 2", "least 1")).attached(1);
    let held = site.filter();
    daemon.stop();
    site.folder.write("Corefile", &text);
    let outcome = site.finish(&mut site.command("run", &[]));
    outcome.refuses(78, &["instead of at least 2 entries"]);
    assert_eq!(site.filter(), held);
}

#[test]
fn number_without_a_name_is_a_warning() {
    let site = site();
    site.folder.write("block", "10.11.0.0/16\n");
    site.folder
        .write("Corefile", &corefile("list @networks block verdict=7"));
    let check = finish(&mut Corexdp::command(site.folder.path(), &["check"]));
    check.expect(
        0,
        &["warning: Corefile:6: list: verdict is 7, which has no name in enum verdict; the names are VERDICT_PASS (0), VERDICT_DROP (1) and VERDICT_NXDOMAIN (2)"],
    );
}
