//! The DNS servers: Knot on each host, Knot and Unbound on the router.
//!
//! Knot on a host is an upstream server, and primary and secondary of Knot on the router. Knot on the router listens on the
//! addresses of the WAN interface. Unbound listens on the addresses of the LAN interface, and forwards to two upstream
//! servers in the WAN.

use std::fmt::Write as _;
use std::process::Command;

use support::net::Namespace;
use support::wait::wait_until;

use crate::router::{
    LAN, LAN_HOST, ROUTER_LAN, ROUTER_WAN, Router, Server, WAN, WAN_HOST, WAN_OTHER, ask, start,
};

/// Number of A records of a zone to be transferred.
pub const RECORDS: usize = 500;
/// Bytes of text of `large.example`. The whole response has less than 4096 bytes.
const LARGE: usize = 3600;

/// The running servers, which are killed on drop.
pub struct Servers(#[expect(dead_code, reason = "held until all traffics are over")] [Server; 4]);

impl Servers {
    pub fn start(router: &Router) -> Self {
        write_certificate(router);
        let wan = [WAN_HOST, WAN_OTHER].concat();
        let servers = Self([
            start_knot(router, &router.wan, WAN, &wan),
            start_knot(router, &router.lan, LAN, &LAN_HOST),
            start_router_knot(router),
            start_unbound(router),
        ]);
        let own = &router.router;
        wait_for(&router.wan, WAN_HOST[0], "www.example");
        wait_for(&router.lan, LAN_HOST[0], "www.example");
        wait_for(own, ROUTER_LAN[0], "www.example");
        for port in [WAN, LAN] {
            wait_for(own, ROUTER_WAN[0], &format!("r0.out-{port}.example"));
            wait_for(own, ROUTER_WAN[0], &format!("r0.in-{port}.example"));
        }
        wait_for(&router.wan, WAN_HOST[0], &format!("r0.out-{WAN}.example"));
        wait_for(&router.lan, LAN_HOST[0], &format!("r0.out-{LAN}.example"));
        servers
    }
}

/// Namespace and address of the host that is connected to `port`.
pub fn host<'a>(router: &'a Router, port: &str) -> (&'a Namespace, &'static str) {
    if port == WAN {
        (&router.wan, WAN_HOST[0])
    } else {
        (&router.lan, LAN_HOST[0])
    }
}

fn wait_for(namespace: &Namespace, server: &str, name: &str) {
    wait_until(&format!("{server} knows {name}"), || {
        let output = ask(
            namespace,
            &format!("kdig @{server} +retry=0 +time=1 {name} A"),
        )?;
        if output.contains("NOERROR") && output.contains("198.51.100.") {
            Ok(())
        } else {
            Err(output)
        }
    });
}

/// Starts Knot on a host: upstream server, secondary of the router's zone `out-PORT.example`, and primary of
/// `in-PORT.example`.
fn start_knot(router: &Router, host: &Namespace, port: &str, addresses: &[&str]) -> Server {
    let place = format!("knot-{port}");
    let zones = [
        zone(
            "example",
            &format!("file: {}", write_upstream_zone(router, &place)),
        ),
        zone(
            &format!("out-{port}.example"),
            "master: router\n    acl: notify",
        ),
        zone(
            &format!("in-{port}.example"),
            &format!(
                "file: {}\n    notify: router\n    acl: [update, transfer]",
                write_zone(router, &place, &format!("in-{port}.example"))
            ),
        ),
    ];
    let remotes = format!("remote:\n  - id: router\n    address: {}\n", ROUTER_WAN[0]);
    run_knot(
        router,
        host,
        &place,
        addresses,
        &(remotes + ACLS + "zone:\n" + &zones.concat()),
    )
}

/// Starts Knot on the router.
fn start_router_knot(router: &Router) -> Server {
    let place = "knot-router";
    let (mut remotes, mut zones) = ("remote:\n".to_owned(), "zone:\n".to_owned());
    for port in [WAN, LAN] {
        let (_, address) = host(router, port);
        writeln!(remotes, "  - id: {port}\n    address: {address}").unwrap();
        zones += &zone(
            &format!("out-{port}.example"),
            &format!(
                "file: {}\n    notify: {port}\n    acl: [update, transfer]",
                write_zone(router, place, &format!("out-{port}.example"))
            ),
        );
        zones += &zone(
            &format!("in-{port}.example"),
            &format!("master: {port}\n    acl: notify"),
        );
    }
    run_knot(
        router,
        &router.router,
        place,
        &ROUTER_WAN,
        &(remotes + ACLS + &zones),
    )
}

const ACLS: &str = "acl:
  - id: notify
    action: notify
  - id: update
    action: update
  - id: transfer
    action: transfer
";

fn zone(name: &str, more: &str) -> String {
    format!("  - domain: {name}\n    {more}\n")
}

/// Starts knotd with the folder `place`.
fn run_knot(router: &Router, host: &Namespace, place: &str, own: &[&str], more: &str) -> Server {
    let folder = router.folder.file(place);
    let folder = folder.display();
    let listen: Vec<String> = own.iter().map(|address| format!("{address}@53")).collect();
    let conf = format!(
        "server:\n  rundir: {folder}\n  listen: [{}]\n  udp-max-payload: 4096\n  udp-workers: 1\n  tcp-workers: 2\n  background-workers: 1\n\
         database:\n  storage: {folder}\n\
         log:\n  - target: {folder}/log\n    any: info\n\
         template:\n  - id: default\n    storage: {folder}\n    zonefile-sync: -1\n\
         {more}",
        listen.join(", ")
    );
    let file = format!("{place}/knot.conf");
    router.folder.write(&file, &conf);
    start(
        host,
        Command::new("knotd")
            .arg("-c")
            .arg(router.folder.file(&file)),
    )
}

/// Writes the zone of the upstream servers. The TTL is 0, so that resolvers cache no record.
fn write_upstream_zone(router: &Router, place: &str) -> String {
    let large = "x".repeat(190);
    let large: Vec<_> = (0..LARGE / 200)
        .map(|number| format!("large 0 TXT \"{large}{number}\"\n"))
        .collect();
    let large = large.concat();
    let text = format!(
        "@ 0 SOA ns admin 1 60 60 60 0\n@ 0 NS ns\nns 0 A 198.51.100.80\n* 0 A 198.51.100.80\n{large}"
    );
    write(router, place, "example", &text)
}

/// Writes a zone to be transferred.
fn write_zone(router: &Router, place: &str, name: &str) -> String {
    let mut text = "@ 60 SOA ns admin 1 3600 60 3600 0\n@ 60 NS ns.example.\n".to_owned();
    for number in 0..RECORDS {
        writeln!(text, "r{number} 60 A 198.51.100.{}", number % 256).unwrap();
    }
    write(router, place, name, &text)
}

fn write(router: &Router, place: &str, name: &str, text: &str) -> String {
    let file = format!("{name}.zone");
    router.folder.write(&format!("{place}/{file}"), text);
    file
}

/// Starts Unbound: the resolver of the LAN, and the server for DNS over TLS.
fn start_unbound(router: &Router) -> Server {
    let folder = router.folder.file("unbound");
    let folder = folder.display();
    let conf = format!(
        "server:
    directory: \"{folder}\"
    chroot: \"\"
    username: \"\"
    pidfile: \"\"
    do-daemonize: no
    use-syslog: no
    logfile: log
    interface: {}
    interface: {}
    interface: {}@853
    interface: {}@853
    tls-service-key: key.pem
    tls-service-pem: certificate.pem
    access-control: 0.0.0.0/0 allow
    access-control: ::/0 allow
    module-config: iterator
    edns-buffer-size: 4096
    local-data: \"tls.example. A 198.51.100.80\"
remote-control:
    control-enable: no
forward-zone:
    name: .
    forward-addr: {}
    forward-addr: {}
",
        ROUTER_LAN[0], ROUTER_LAN[1], ROUTER_WAN[0], ROUTER_WAN[1], WAN_HOST[0], WAN_OTHER[1]
    );
    router.folder.write("unbound/unbound.conf", &conf);
    let file = router.folder.file("unbound/unbound.conf");
    start(
        &router.router,
        Command::new("unbound").arg("-d").arg("-c").arg(file),
    )
}

fn write_certificate(router: &Router) {
    let folder = router.folder.file("unbound");
    std::fs::create_dir_all(&folder).unwrap();
    let folder = folder.display();
    router.router.run(&format!(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=router -days 2 -keyout {folder}/key.pem -out {folder}/certificate.pem"
    ));
}
