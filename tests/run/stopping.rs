//! The filter ends with its daemon, however the daemon ends, and foreign filters stay.

use std::fs;

use nix::sys::signal::Signal;

use crate::COREFILE;
use support::net::{Site, lives};
use support::wait::{wait_for, wait_until};

#[test]
fn killed_daemon_leaves_nothing_behind() {
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
fn sigterm_detaches_and_succeeds() {
    stops(Signal::SIGTERM);
}

#[test]
fn sigint_detaches_and_succeeds() {
    stops(Signal::SIGINT);
}

#[test]
fn sigquit_detaches_and_succeeds() {
    stops(Signal::SIGQUIT);
}

/// The worker is exposed to the network; the filter does not depend on it.
#[test]
fn killed_worker_is_replaced_and_the_filter_stays() {
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

/// Kernels before 5.9 have no XDP links; there the daemon removes its programs over netlink.
#[cfg(feature = "faults")]
#[test]
fn filter_is_attached_and_detached_over_netlink_without_links() {
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
    // A program without a link was attached over netlink.
    let links = site.server.run("bpftool -j link show");
    assert!(
        !links.contains(&format!("\"prog_id\":{},", filter.id)),
        "{links}"
    );
    daemon.stop();
    assert_eq!(site.attached(), None);
}
