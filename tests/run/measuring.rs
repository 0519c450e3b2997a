//! `corexdp status --measure`: how often programs run, and how long that takes.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::packet;
use crate::status::{ask, json, start};
use support::wait::wait_until;

#[test]
fn runs_are_measured_and_the_kernel_stops_counting() {
    let (site, daemon) = start();
    let sender = site.sender();
    let program = |status: &Value| status["filters"][0]["program"].clone();
    let measured = std::thread::scope(|scope| {
        let asked = scope.spawn(|| json(&site, &["--measure", "1s"]));
        while !asked.is_finished() {
            sender.send(&packet("10.11.0.1"), 10);
            std::thread::sleep(Duration::from_millis(10));
        }
        asked.join().unwrap()
    });
    let all = &measured["measured"];
    assert!(
        (1000..20_000).contains(&all["milliseconds"].as_u64().unwrap()),
        "{all}"
    );
    let one = &all["filters"][0];
    assert_eq!(one["interface"], "edge0");
    let number = |name: &str| {
        one[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {all}"))
    };
    assert!(number("runs") >= 100, "{all}");
    assert!(
        number("runs_per_second") > 0 && number("ns_per_run") > 0,
        "{all}"
    );
    assert_eq!(number("ns_per_run"), number("run_time_ns") / number("runs"));
    // The counts stay, and grow no more.
    let before = program(&json(&site, &[]));
    assert!(
        before["runs"].as_u64().unwrap() >= number("runs"),
        "{before}"
    );
    if fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").unwrap() == "0\n" {
        wait_until("nobody else has the kernel count", || {
            let before = program(&json(&site, &[]))["runs"].clone();
            sender.send(&packet("10.11.0.1"), 5);
            std::thread::sleep(Duration::from_millis(50));
            (program(&json(&site, &[]))["runs"] == before).then_some(())
        });
    }
    let text = ask(&site, &["--measure", "10ms"]).stdout;
    assert!(text.contains("  runs/s  ns/run\n"), "{text}");
    daemon.stop();
}

#[test]
fn measuring_needs_cap_sys_admin() {
    let (site, daemon) = start();
    let asked = site.ask_with_less(&["status", "--measure", "1s"]);
    asked.refuses(
        77,
        &["not permitted to measure runs; start as root, or with CAP_SYS_ADMIN"],
    );
    daemon.stop();
}
