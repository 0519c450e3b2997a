//! `corexdp status --measure`: the number of program runs and their duration.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::packet;
use crate::status::{ask, json, start};
use support::wait::{PATIENCE, wait_until};

#[test]
fn measuring_counts_runs_and_stops_the_kernel_counters() {
    let (site, daemon) = start();
    let sender = site.sender();
    let program = |status: &Value| status["filters"][0]["program"].clone();
    let measured = std::thread::scope(|scope| {
        let measuring = scope.spawn(|| json(&site, &["--measure", "1s"]));
        while !measuring.is_finished() {
            sender.send(&packet("10.11.0.1"), 10);
            std::thread::sleep(Duration::from_millis(10));
        }
        measuring.join().unwrap()
    });
    let all = &measured["measured"];
    let milliseconds = u128::from(all["milliseconds"].as_u64().unwrap());
    assert!(
        (1000..PATIENCE.as_millis()).contains(&milliseconds),
        "{all}"
    );
    let one = &all["filters"][0];
    assert_eq!(one["interface"], "edge0");
    let number = |name: &str| {
        one[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {all}"))
    };
    assert!(number("runs") >= 10, "{all}");
    assert!(
        number("runs_per_second") > 0 && number("ns_per_run") > 0,
        "{all}"
    );
    assert_eq!(number("ns_per_run"), number("run_time_ns") / number("runs"));
    // The counters keep their values and stop counting.
    let before = program(&json(&site, &[]));
    assert!(
        before["runs"].as_u64().unwrap() >= number("runs"),
        "{before}"
    );
    if fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").unwrap() == "0\n" {
        wait_until(
            "the kernel has stopped counting, also for other processes",
            || {
                let before = program(&json(&site, &[]))["runs"].clone();
                sender.send(&packet("10.11.0.1"), 5);
                std::thread::sleep(Duration::from_millis(50));
                (program(&json(&site, &[]))["runs"] == before).then_some(())
            },
        );
    }
    let text = ask(&site, &["--measure", "10ms"]).stdout;
    assert!(text.contains("  runs/s  ns/run\n"), "{text}");
    daemon.stop();
}

#[test]
fn measuring_needs_cap_sys_admin() {
    let (site, daemon) = start();
    let outcome = site.ask_with_less(&["status", "--measure", "1s"]);
    outcome.refuses(
        77,
        &["not permitted to measure runs; start as root, or with CAP_SYS_ADMIN"],
    );
    daemon.stop();
}
