//! Messages to a service manager (`sd_notify(3)`).

use std::io::ErrorKind;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use support::net::{Daemon, SERVER, Site};
use support::wait::PATIENCE;

const COREFILE: &str =
    ". {\nhealth 127.0.0.1:8080 {\nlameduck 1s\n}\nebpf {\nif edge0\nelf example.o\n}\n}\n";

/// A site, and the socket of a service manager.
struct Managed {
    site: Site,
    socket: UnixDatagram,
    name: String,
}

impl Managed {
    /// Creates the socket at a path, or with an abstract name.
    fn new(abstract_name: bool) -> Self {
        let site = Site::new();
        site.folder.write("Corefile", COREFILE);
        let (address, name) = if abstract_name {
            let name = site.server.name();
            (SocketAddr::from_abstract_name(name), format!("@{name}"))
        } else {
            let path = site.folder.file("notify");
            (SocketAddr::from_pathname(&path), path.display().to_string())
        };
        let bind = || UnixDatagram::bind_addr(&address.unwrap()).unwrap();
        let socket = site.server.enter(bind);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { site, socket, name }
    }

    fn start(&self, more: &[(&str, &str)]) -> Daemon {
        let mut command = self.site.command("run", &[]);
        command.env("NOTIFY_SOCKET", &self.name);
        command.envs(more.iter().copied());
        self.site.server.enter(|| Daemon::spawn(&mut command))
    }

    fn next(&self) -> String {
        let mut text = [0; 1024];
        let length = loop {
            match self.socket.recv(&mut text) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other.expect("the daemon sends a message"),
            }
        };
        String::from_utf8_lossy(&text[..length]).into_owned()
    }

    fn receives(&self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.next(), *expected);
        }
    }
}

#[test]
fn service_manager_receives_each_state() {
    let managed = Managed::new(false);
    let site = &managed.site;
    let daemon = managed.start(&[]);
    managed.receives(&["READY=1", "STATUS=edge0 filtered (native)"]);
    // READY is sent after the filter is attached.
    assert!(site.attached().is_some());
    for corefile in [COREFILE, "nonsense {"] {
        site.folder.write("Corefile", corefile);
        daemon.signal(Signal::SIGHUP);
        let begun = managed.next();
        let since = begun.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(since.parse::<u64>().unwrap() > 0, "{begun}");
        managed.receives(&["READY=1"]);
    }
    site.server.run(&format!("ip link delete {SERVER}"));
    managed.receives(&["STATUS=edge0 NOT filtered"]);
    daemon.signal(Signal::SIGTERM);
    managed.receives(&["STOPPING=1", "STATUS=stopping; edge0 NOT filtered"]);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
}

/// READY means that the filters are attached: a DNS server that starts after corexdp need not wait for an address.
#[test]
fn ready_does_not_wait_for_the_page() {
    let managed = Managed::new(false);
    let site = &managed.site;
    let listen = || std::net::TcpListener::bind("127.0.0.1:8080").unwrap();
    let taken = site.server.enter(listen);
    let daemon = managed.start(&[]);
    managed.receives(&[
        "READY=1",
        "STATUS=edge0 filtered (native); health NOT served at 127.0.0.1:8080",
    ]);
    drop(taken);
    managed.receives(&["STATUS=edge0 filtered (native)"]);
    daemon.stop();
}

#[test]
fn waiting_for_an_interface_extends_the_start_timeout() {
    let managed = Managed::new(false);
    let site = &managed.site;
    site.server.run(&format!("ip link set {SERVER} down"));
    let waiting = COREFILE.replace("elf", "wait 300s\nelf");
    site.folder.write("Corefile", &waiting);
    let daemon = managed.start(&[]);
    // 300 s, and a minute for the other steps of the start.
    managed.receives(&["EXTEND_TIMEOUT_USEC=360000000"]);
    site.server.run(&format!("ip link set {SERVER} up"));
    managed.receives(&["READY=1"]);
    daemon.stop();
}

#[test]
fn watchdog_is_notified_in_time() {
    let managed = Managed::new(true);
    let daemon = managed.start(&[("WATCHDOG_USEC", "400000")]);
    managed.receives(&["READY=1"]);
    let mut beats = Vec::new();
    while beats.len() < 11 {
        if managed.next() == "WATCHDOG=1" {
            beats.push(Instant::now());
        }
    }
    let shortest = beats.windows(2).map(|two| two[1] - two[0]).min().unwrap();
    // Half of the manager's limit. A busy machine may delay single messages, and all of them together only prolongs.
    assert!(shortest < Duration::from_millis(400), "{beats:?}");
    let all = beats[10] - beats[0];
    assert!(all >= Duration::from_millis(1500), "{all:?}");
    daemon.stop();
}

#[test]
fn missing_service_manager_is_logged_and_ignored() {
    let managed = Managed::new(false);
    let mut command = managed.site.command("run", &[]);
    command.env("NOTIFY_SOCKET", managed.site.folder.file("nobody"));
    let daemon = managed
        .site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    daemon.line("warning: cannot reach the service manager: NOTIFY_SOCKET: ");
    daemon.stop();
}
