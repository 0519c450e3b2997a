//! `--confirm`: a change that is not confirmed in time is rolled back.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::control::{NEW, OLD, corefile, drops, start};
use crate::status::status_text;
use support::net::{Attached, GENERIC, SERVER, Site};
use support::wait::{PATIENCE, wait_for, wait_until};

/// The time at which the running Corefile was read.
const READ_AT: &str = "corexdp_last_reload_success_timestamp_seconds";

/// Time limit of a confirmation. A busy machine must do all steps of a test before it.
const TIME: Duration = Duration::from_secs(10);

/// The options for [`TIME`].
const CONFIRM: [&str; 2] = ["--confirm", "10s"];

fn other_program(network: &str) -> String {
    corefile(network).replace("example.o", "other/example.o")
}

/// Pauses until an unconfirmed change would have been rolled back.
fn pause_past_confirmation() {
    sleep(TIME + Duration::from_millis(200));
}

/// The reload changes an entry, or replaces the program.
#[test]
fn unconfirmed_reload_is_rolled_back() {
    for new in [corefile(NEW), other_program(NEW)] {
        is_rolled_back(&new);
    }
}

fn is_rolled_back(new: &str) {
    let (site, daemon) = start();
    site.add_other_object();
    drops(&site, "10.11.0.1", 0);
    let before = site.filter();
    let read = site.get("/metrics");
    let read = read.metric(READ_AT).unwrap().to_owned();
    let second: u64 = read.parse().unwrap();
    wait_until(
        "the next second, so that the new Corefile has another time",
        || {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            (now.as_secs() > second).then_some(())
        },
    );
    site.folder.write("Corefile", new);
    let asked = Instant::now();
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    drops(&site, "10.12.0.1", 0);
    daemon.line("warning: run `corexdp confirm` within 10 s, or the reload is rolled back");
    // A reload is refused while another waits for its confirmation.
    site.ask(&["reload"]).refuses(69, &["is not confirmed yet"]);
    let (returned, _) = daemon.nth_line(0, "not confirmed in time: the reload is rolled back");
    shows_the_rollback(&site, &read);
    let delay = returned - asked;
    assert!((TIME..PATIENCE).contains(&delay), "{delay:?}");
    wait_for("the filter", &before, || site.filter());
    // The filter has kept its counters.
    drops(&site, "10.11.0.1", 2);
    site.ask(&["confirm"])
        .refuses(69, &["there is nothing to confirm"]);
    daemon.stop();
}

/// Fails unless metrics, status and page show that the last reload was rolled back, and that the Corefile read at
/// `read` runs. The reload that was refused meanwhile is not counted, and is not shown as the last.
fn shows_the_rollback(site: &Site, read: &str) {
    let metrics = site.get("/metrics");
    for (result, count) in [("success", "0"), ("failure", "0"), ("unconfirmed", "1")] {
        let name = format!("corexdp_reloads_total{{result=\"{result}\"}}");
        assert_eq!(metrics.metric(&name), Some(count), "{name}");
    }
    assert_eq!(metrics.metric(READ_AT), Some(read));
    assert_eq!(metrics.metric("corexdp_confirm_pending"), Some("0"));
    let text = status_text(site);
    for part in [
        "reloads: 0 done, 0 failed, 1 not confirmed; the last at 20",
        "Z: unconfirmed not confirmed in time: the reload is rolled back; the Corefile is still the new one",
        "restore the old Corefile, or reload with --confirm again",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let page = site.get("/").body;
    let banner = "<strong>The last reload was not confirmed</strong> and rolled back, at <time>20";
    assert!(page.contains(banner), "{page}");
}

// The polls are far enough apart for a test to write a Corefile and reload it before the next poll.
fn polling(network: &str) -> String {
    corefile(network).replace("  prometheus\n", "  prometheus\n  reload 5s 1s\n")
}

/// The new Corefile has no `reload` directive; the old Corefile, which returns, has one.
#[test]
fn rollback_restores_the_polls_of_the_corefile() {
    let site = Site::new();
    let daemon = site.run(&polling(OLD)).attached(1);
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&["reload", "--confirm", "1s"]).expect(0, &[]);
    daemon.line("not confirmed in time: the reload is rolled back");
    site.folder.write("Corefile", &polling("0A0D0000"));
    daemon.nth_line(1, "reload: done");
    drops(&site, "10.13.0.1", 0);
    // The polls did not retry the Corefile that was rolled back.
    assert_eq!(daemon.lines_with("has changed").len(), 1);
    daemon.stop();
}

#[test]
fn refused_second_reload_keeps_the_polls() {
    let site = Site::new();
    let daemon = site.run(&polling(OLD)).attached(1);
    site.folder.write("Corefile", &polling(NEW));
    site.ask(&["reload", "--confirm", "1m"]).expect(0, &[]);
    site.ask(&["reload"]).refuses(69, &["is not confirmed yet"]);
    site.ask(&["confirm"]).expect(0, &[]);
    site.folder.write("Corefile", &polling("0A0D0000"));
    daemon.nth_line(1, "reload: done");
    daemon.stop();
}

/// `mode auto` would accept the generic mode of the new filter; the rollback restores native mode all the same.
#[test]
fn rollback_restores_the_mode() {
    let (site, daemon) = start();
    let before = site.filter();
    let generic = corefile(OLD).replace("elf", "mode generic\n    elf");
    site.folder.write("Corefile", &generic);
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    assert_eq!(site.filter().mode, GENERIC);
    daemon.nth_line(0, "not confirmed in time: the reload is rolled back");
    // While the mode changes, no program is attached.
    wait_for("the filter in native mode", &Some(before.mode), || {
        site.attached().map(|filter| filter.mode)
    });
    daemon.stop();
}

#[test]
fn rollback_keeps_the_count_of_attachments() {
    let (site, daemon) = start();
    let count = "corexdp_filter_reattached_total{interface=\"edge0\"}";
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    site.server.run("ip link set edge0 name other0");
    daemon.line("warning: edge0: the interface has gone");
    site.server.run("ip link set other0 name edge0");
    site.metric_becomes(count, 1);
    daemon.nth_line(0, "not confirmed in time: the reload is rolled back");
    site.metric_becomes(count, 1);
    daemon.stop();
}

#[test]
fn confirmed_reload_stays() {
    let (site, daemon) = start();
    site.folder.write("Corefile", &corefile(NEW));
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    let filter = site.filter();
    site.ask(&["confirm"]).expect(0, &[]);
    pause_past_confirmation();
    assert_eq!(site.filter(), filter);
    drops(&site, "10.12.0.1", 0);
    daemon.stop();
}

#[test]
fn unconfirmed_interfaces_and_pages_are_rolled_back() {
    let (site, daemon) = start();
    site.add_wire("edge1", "far1");
    let moved = corefile(NEW)
        .replace("edge0", "edge1")
        .replace("prometheus", "prometheus localhost:9154");
    site.folder.write("Corefile", &moved);
    site.ask(&[&["reload"], &CONFIRM[..]].concat())
        .expect(0, &[]);
    let on = |name: &str| Attached::on(&site.server, name).is_some();
    assert!(!on(SERVER) && on("edge1"));
    wait_for(
        "whether the old and the new filter are there",
        &(true, false),
        || (on(SERVER), on("edge1")),
    );
    wait_until("the old page is back", || {
        let page = site
            .server
            .attempt("curl -sf http://127.0.0.1:9153/metrics");
        if page.status.success() {
            Ok(())
        } else {
            Err(page.status)
        }
    });
    drops(&site, "10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn unconfirmed_start_ends() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile(OLD));
    let daemon = site.start(&["--confirm", "300ms"]).attached(1);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(
        lines.last().unwrap(),
        "stopped by lack of confirmation, detached"
    );
    assert_eq!(site.attached(), None);
}

#[test]
fn confirmed_start_stays() {
    let site = Site::new();
    site.folder.write("Corefile", &corefile(OLD));
    let daemon = site.start(&CONFIRM).attached(1);
    site.ask(&["confirm"]).expect(0, &[]);
    pause_past_confirmation();
    drops(&site, "10.11.0.1", 0);
    daemon.stop();
}
