//! `XDP_TX` on a veth: in native mode packets reach the peer only if the peer has a native program too.

use crate::status::{json, status_text};
use support::net::{CLIENT, Daemon, NATIVE, Receiver, SERVER, Site, set_queues};
use support::packets::frame::ip4;
use support::packets::message::query;
use support::wait::wait_until;

const WARNING: &str = "packets that the program sends back (XDP_TX) are lost: the other end of this veth has no XDP program in native mode; `mode generic` delivers them";
const LOST: &str = "corexdp_xdp_tx_errors_total{interface=\"edge0\"}";

fn corefile(object: &str, mode: &str) -> String {
    let entry = if object == "qname" {
        "entry ads.example action=QNAME_REFUSE"
    } else {
        ""
    };
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf {object}.o\n    mode {mode}\n    {entry}\n  }}\n}}\n"
    )
}

fn start(object: &str, mode: &str) -> (Site, Daemon) {
    let site = Site::new();
    if object != "example" {
        site.folder.shipped(object);
    }
    let daemon = site.run(&corefile(object, mode)).attached(1);
    (site, daemon)
}

fn warnings(site: &Site) -> Vec<String> {
    let status = json(site, &[]);
    serde_json::from_value(status["filters"][0]["warnings"].clone()).unwrap()
}

/// Attaches a program that passes every packet to the peer.
fn attach_to_peer(site: &Site, mode: &str) {
    site.folder.fixture("foreign");
    let object = site.folder.file("foreign.o");
    let object = object.display();
    site.client.run(&format!(
        "ip link set {CLIENT} {mode} object {object} section xdp"
    ));
}

/// A query for ads.example from the peer, which the program answers with REFUSED.
fn refused_query() -> Vec<u8> {
    let query = query("ads.example", 1).bytes;
    ip4("192.0.2.9").datagram(53, &query).bytes
}

/// True for a response with RCODE 5, REFUSED.
fn is_answer(frame: &[u8]) -> bool {
    frame.len() > 45 && frame[44] & 0x80 != 0 && frame[45] & 15 == 5
}

/// Sends a query and waits for its response.
fn is_answered(site: &Site) {
    let answers = Receiver::new(&site.client, CLIENT);
    site.sender().send(&refused_query(), 1);
    wait_until("the answer arrives", || {
        let mut frames = std::iter::from_fn(|| answers.next());
        frames.find(|frame| is_answer(frame))
    });
}

#[test]
fn native_mode_without_a_peer_program_gets_a_warning() {
    let (site, daemon) = start("qname", "auto");
    assert_eq!(site.filter().mode, NATIVE);
    daemon.line(&format!("warning: edge0: {WARNING}"));
    assert_eq!(warnings(&site), [WARNING]);
    let text = status_text(&site);
    assert!(text.contains(&format!("\nedge0: {WARNING}\n")), "{text}");
    assert!(site.get("/").body.contains(WARNING));
    // The remedy that the warning names.
    site.folder.write("Corefile", &corefile("qname", "generic"));
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(warnings(&site), [""; 0]);
    is_answered(&site);
    assert_eq!(daemon.lines_with(WARNING).len(), 1);
    daemon.stop();
}

#[test]
fn each_answering_program_gets_a_warning() {
    for object in ["dns", "guard", "qname"] {
        let (site, daemon) = start(object, "native");
        assert_eq!(warnings(&site), [WARNING], "{object}");
        daemon.stop();
    }
}

/// The program at the peer may be attached and detached while the filter runs. A generic program does not help.
#[test]
fn warning_follows_the_program_at_the_peer() {
    let (site, daemon) = start("qname", "native");
    assert_eq!(warnings(&site), [WARNING]);
    attach_to_peer(&site, "xdpgeneric");
    assert_eq!(warnings(&site), [WARNING]);
    site.client
        .run(&format!("ip link set {CLIENT} xdpgeneric off"));
    attach_to_peer(&site, "xdpdrv");
    assert_eq!(warnings(&site), [""; 0]);
    is_answered(&site);
    site.client.run(&format!("ip link set {CLIENT} xdpdrv off"));
    assert_eq!(warnings(&site), [WARNING]);
    daemon.stop();
}

/// Both ends are in one namespace, for which the kernel reports no namespace id of the peer.
#[test]
fn peer_in_the_same_namespace_is_found() {
    let (site, daemon) = start("qname", "native");
    site.server
        .run("ip link add edge1 type veth peer name edge2");
    site.server.run("ip link set edge1 up");
    let second = corefile("qname", "native").replace("edge0", "edge1");
    let second = second.replace("  prometheus\n", "");
    let both = format!("{}{second}", corefile("qname", "native"));
    site.folder.write("Corefile", &both);
    site.ask(&["reload"]).expect(0, &[]);
    let status = json(&site, &[]);
    assert_eq!(status["filters"][1]["warnings"][0], WARNING);
    daemon.stop();
}

#[test]
fn program_without_xdp_tx_gets_no_warning() {
    for (object, mode) in [
        ("acl", "native"),
        ("count", "native"),
        ("limit", "native"),
        ("ordered", "native"),
        ("example", "auto"),
        ("qname", "generic"),
    ] {
        let (site, daemon) = start(object, mode);
        assert_eq!(warnings(&site), [""; 0], "{object}");
        daemon.stop();
    }
}

#[test]
fn lost_answers_are_counted() {
    let (site, daemon) = start("qname", "native");
    site.metric_becomes(LOST, 0);
    site.sender().send(&refused_query(), 3);
    site.metric_becomes(LOST, 3);
    attach_to_peer(&site, "xdpdrv");
    is_answered(&site);
    site.metric_becomes(LOST, 3);
    // The counters of a new interface with the same name begin at zero.
    site.server.run("ip link delete edge0");
    daemon.line("the interface has gone");
    assert_eq!(site.get("/metrics").metric(LOST), None);
    site.add_wire(SERVER, CLIENT);
    daemon.line("edge0: attached again in native mode");
    site.metric_becomes(LOST, 0);
    site.sender().send(&refused_query(), 2);
    site.metric_becomes(LOST, 2);
    // In generic mode the network stack sends, and the driver counts nothing.
    site.folder.write("Corefile", &corefile("qname", "generic"));
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!(site.get("/metrics").metric(LOST), None);
    daemon.stop();
}

/// The driver gets more counters while the filter runs.
#[test]
fn counters_of_more_queues_are_found() {
    let site = Site::new();
    site.folder.shipped("qname");
    let (client, server) = (site.client.name(), &site.server);
    server.run("ip link delete edge0");
    server.run(&format!(
        "ip link add edge0 numrxqueues 4 numtxqueues 4 type veth peer name {CLIENT} numrxqueues 4 numtxqueues 1 netns {client}"
    ));
    server.run("ip link set edge0 up");
    site.client.run(&format!("ip link set {CLIENT} up"));
    set_queues(&site.server, SERVER, 1);
    let daemon = site.run(&corefile("qname", "native")).attached(1);
    site.link_is_up();
    site.sender().send(&refused_query(), 3);
    site.metric_becomes(LOST, 3);
    for queues in [4, 2] {
        set_queues(&site.server, SERVER, queues);
        site.metric_becomes(LOST, 3);
    }
    daemon.stop();
}
