//! However the daemon ends, the filter ends with it, and nobody else's does.

use std::fs;

use nix::sys::signal::Signal;

use crate::COREFILE;
use support::net::{Site, lives};
use support::wait::{wait_for, wait_until};

#[test]
fn a_killed_daemon_leaves_nothing_behind() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    assert_eq!(site.filter().name, "xdp_prog");
    daemon.signal(Signal::SIGKILL);
    wait_for("the program of the interface", &None, || site.attached());
    wait_for("whether the worker lives", &false, || lives(worker));
    let (code, _) = daemon.ended();
    assert_eq!(code, None);
}

fn stops(signal: Signal) {
    let site = Site::new();
    site.folder.write("Corefile", COREFILE);
    let daemon = site.start(&["--pidfile", "pid"]).attached(1);
    let (worker, pidfile) = (daemon.worker(), site.folder.file("pid"));
    assert_eq!(
        fs::read_to_string(&pidfile).unwrap().trim(),
        daemon.pid().to_string()
    );
    daemon.signal(signal);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(site.attached(), None);
    assert!(!pidfile.exists());
    wait_for("whether the worker lives", &false, || lives(worker));
}

#[test]
fn sigterm_detaches_and_is_no_failure() {
    stops(Signal::SIGTERM);
}

#[test]
fn sigint_detaches_and_is_no_failure() {
    stops(Signal::SIGINT);
}

#[test]
fn sigquit_detaches_and_is_no_failure() {
    stops(Signal::SIGQUIT);
}

/// The worker faces the network; the filter does not depend on it.
#[test]
fn a_killed_worker_is_replaced_and_the_filter_stays() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let (worker, filter) = (daemon.worker(), site.filter());
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(worker.cast_signed()),
        Signal::SIGKILL,
    )
    .unwrap();
    wait_until("another worker lives", || {
        let now = daemon.worker();
        if now == worker { Err(now) } else { Ok(()) }
    });
    site.metric_becomes("coredns_ebpf_example_packets", 0);
    assert_eq!(site.filter(), filter);
    daemon.stop();
}

/// Kernels before 5.9 have no links for XDP; there the daemon takes away what it attached.
#[cfg(feature = "faults")]
#[test]
fn without_links_it_attaches_over_netlink_and_detaches() {
    let site = Site::new();
    site.folder.write("Corefile", COREFILE);
    let mut command = site.command("run", &[]);
    command.env("COREXDP_FAULT", "link_create:EINVAL");
    let daemon = site
        .server
        .enter(|| support::net::Daemon::spawn(&mut command))
        .attached(1);
    let filter = site.filter();
    assert_eq!(filter.name, "xdp_prog");
    // Nothing but netlink could have attached it.
    let links = site.server.run("bpftool -j link show");
    assert!(
        !links.contains(&format!("\"prog_id\":{},", filter.id)),
        "{links}"
    );
    daemon.stop();
    assert_eq!(site.attached(), None);
}
