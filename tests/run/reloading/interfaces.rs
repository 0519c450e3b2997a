//! Reloads of a Corefile with several interfaces.

use super::{refuses, reload_and_wait, two};
use support::net::{Attached, SERVER, Site};
#[cfg(feature = "faults")]
use {super::other, support::net::Daemon};

#[test]
fn reload_adds_and_removes_interfaces() {
    let site = Site::new();
    site.add_wire("edge1", "far1");
    let on = |name: &str| Attached::on(&site.server, name);
    let daemon = site.run(&two(SERVER, "")).attached(1);
    reload_and_wait(&site, &daemon, &two(SERVER, "edge1"));
    assert!(on(SERVER).is_some() && on("edge1").is_some());
    reload_and_wait(&site, &daemon, &two("edge1", ""));
    assert!(on(SERVER).is_none() && on("edge1").is_some());
    assert_eq!(
        site.get("/metrics")
            .metric("corexdp_filter_attached{interface=\"edge1\",mode=\"native\"}"),
        Some("1")
    );
    reload_and_wait(&site, &daemon, ". {\nprometheus\n}\n");
    assert!(on(SERVER).is_none() && on("edge1").is_none());
    reload_and_wait(&site, &daemon, &two(SERVER, "edge1"));
    assert!(on(SERVER).is_some() && on("edge1").is_some());
    daemon.stop();
}

#[test]
fn reload_refuses_an_occupied_interface() {
    let site = Site::new();
    site.add_wire("edge1", "far1");
    site.folder.fixture("foreign");
    let daemon = site.run(&two(SERVER, "")).attached(1);
    let filter = site.filter();
    let object = site.folder.file("foreign.o");
    site.server.run(&format!(
        "ip link set edge1 xdp object {} section xdp",
        object.display()
    ));
    let foreign = Attached::on(&site.server, "edge1").unwrap();
    let parts = ["Corefile:9: if: interface edge1 has another"];
    refuses(&site, &daemon, &two(SERVER, "edge1"), &parts);
    assert_eq!(site.filter().mode, filter.mode);
    assert_eq!(Attached::on(&site.server, "edge1"), Some(foreign));
    daemon.stop();
}

/// The second of two filters cannot be replaced, so the first one is rolled back.
#[cfg(feature = "faults")]
#[test]
fn failed_reload_is_rolled_back() {
    let site = Site::new();
    site.add_wire("edge1", "far1");
    site.folder.write("Corefile", &two(SERVER, "edge1"));
    let mut command = site.command("run", &[]);
    command.env("COREXDP_FAULT", "link_update:ENOMEM:2");
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(2);
    let before = (site.filter(), Attached::on(&site.server, "edge1"));
    site.add_other_object();
    let other = other(&two(SERVER, "edge1"));
    let parts = ["Corefile:9: if: interface edge1 refuses native mode: "];
    refuses(&site, &daemon, &other, &parts);
    assert_eq!((site.filter(), Attached::on(&site.server, "edge1")), before);
    reload_and_wait(&site, &daemon, &other);
    assert_ne!(site.filter().id, before.0.id);
    daemon.stop();
}
