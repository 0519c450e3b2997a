//! Reloads that change the address of the page.

use nix::sys::signal::Signal;

use super::{becomes_up, corefile, get, listen, reload, up};
use support::net::{PAGE, Site};
use support::wait::wait_for;

/// The filters of the new Corefile run, and nothing listens at the old address, which the new Corefile does not name.
#[test]
fn reload_to_an_address_in_use_takes_effect_for_the_filters() {
    let site = Site::new();
    site.add_other_object();
    let daemon = site.run(&corefile("localhost:9153")).attached(1);
    let filter = site.filter();
    let taken = listen(&site, "127.0.0.1:9155");
    let new = corefile("localhost:9155").replace("example.o", "other/example.o");
    reload(&site, &daemon, &new);
    assert_ne!(site.filter().id, filter.id);
    daemon.line("warning: Corefile:2: prometheus: cannot listen on 127.0.0.1:9155");
    assert_eq!(get(&site, PAGE), None);
    assert_eq!(up(&site, "127.0.0.1:9155").as_deref(), Some("0"));
    assert_eq!(up(&site, PAGE), None);
    // A reload of the same Corefile succeeds, and retries at once.
    drop(taken);
    reload(&site, &daemon, &new);
    becomes_up(&site, "127.0.0.1:9155");
    assert_eq!(get(&site, "127.0.0.1:9155"), Some(200));
    daemon.stop();
}

/// The old socket conflicts with the new one. The daemon does not wait for the worker to close the old socket.
#[test]
fn reload_narrows_and_widens_an_address() {
    let site = Site::new();
    let daemon = site.run(&corefile(":9153")).attached(1);
    for address in [
        "localhost:9153",
        ":9153",
        "127.0.0.2:9153",
        "localhost:9153",
    ] {
        reload(&site, &daemon, &corefile(address));
        let name = address.replace("localhost", "127.0.0.1");
        assert_eq!(up(&site, &name).as_deref(), Some("1"), "{address}");
    }
    assert_eq!(get(&site, PAGE), Some(200));
    assert!(daemon.lines_with("cannot listen").is_empty());
    daemon.stop();
}

/// A stopped worker does not block the address for the next worker or for another process.
#[test]
fn hanging_worker_does_not_block_the_address() {
    let site = Site::new();
    let daemon = site.run(&corefile("localhost:9153")).attached(1);
    let worker = nix::unistd::Pid::from_raw(daemon.worker().cast_signed());
    nix::sys::signal::kill(worker, Signal::SIGSTOP).unwrap();
    reload(&site, &daemon, &corefile("localhost:9155"));
    drop(listen(&site, PAGE));
    nix::sys::signal::kill(worker, Signal::SIGCONT).unwrap();
    wait_for("the status of the page", &Some(200), || {
        get(&site, "127.0.0.1:9155")
    });
    daemon.stop();
}

#[test]
fn rollback_to_an_address_in_use_restores_the_filters() {
    let site = Site::new();
    site.add_other_object();
    let daemon = site.run(&corefile("localhost:9153")).attached(1);
    let filter = site.filter();
    let new = corefile("localhost:9155").replace("example.o", "other/example.o");
    site.folder.write("Corefile", &new);
    site.ask(&["reload", "--confirm", "5s"]).expect(0, &[]);
    let taken = listen(&site, PAGE);
    daemon.line("not confirmed in time");
    daemon.line("warning: page: cannot listen on 127.0.0.1:9153");
    assert_eq!(site.filter().id, filter.id);
    assert_eq!(up(&site, PAGE).as_deref(), Some("0"));
    drop(taken);
    becomes_up(&site, PAGE);
    daemon.stop();
}
