//! Interfaces that appear late.

use std::time::{Duration, Instant};

use support::net::{Attached, Site};
use support::wait::PATIENCE;

fn corefile(interface: &str, wait: &str) -> String {
    format!(". {{\n  ebpf {{\n    elf example.o\n    if {interface}\n    wait {wait}\n  }}\n}}\n")
}

#[test]
fn interface_that_appears_in_time_is_filtered() {
    let site = Site::new();
    let daemon = site.run(&corefile("late0", "1m"));
    daemon.line("late0: waiting up to ");
    assert_eq!(daemon.lines_with(" attached "), [""; 0]);
    site.add_wire("late0", "late1");
    let daemon = daemon.attached(1);
    assert_eq!(
        Attached::on(&site.server, "late0").unwrap().name,
        "xdp_prog"
    );
    daemon.stop();
    assert_eq!(Attached::on(&site.server, "late0"), None);
}

#[test]
fn interface_that_goes_up_in_time_is_filtered() {
    let site = Site::new();
    site.server.run("ip link set edge0 down");
    let daemon = site.run(&corefile("edge0", "1m"));
    daemon.line("edge0: waiting up to ");
    assert_eq!(site.attached(), None);
    site.server.run("ip link set edge0 up");
    let daemon = daemon.attached(1);
    assert_eq!(site.filter().name, "xdp_prog");
    daemon.stop();
}

#[test]
fn wait_times_out() {
    let site = Site::new();
    let start = Instant::now();
    let outcome = site.refused(&corefile("nowhere0", "1500ms"));
    let took = start.elapsed();
    let lines = outcome.lines();
    // The remaining time, which is shorter on a busy machine.
    let waiting =
        ["1", "2"].map(|rest| format!("nowhere0: waiting up to {rest} s for the interface"));
    assert!(waiting.iter().any(|line| line == lines[0]), "{lines:?}");
    let refusal = ["Corefile:4: if: interface nowhere0 is missing; create it, or correct its name"];
    assert_eq!(lines[1..], refusal);
    assert_eq!(outcome.code, Some(69));
    let least = Duration::from_millis(1500);
    assert!((least..PATIENCE).contains(&took), "{took:?}");
    site.server.run("ip link set edge0 down");
    let outcome = site.refused(&corefile("edge0", "1ms"));
    let refusal = "Corefile:4: if: interface edge0 is down; set it up";
    assert_eq!(outcome.lines().last(), Some(&refusal));
}
