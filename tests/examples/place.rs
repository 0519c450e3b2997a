//! The place of an example: its interfaces and objects, and its own BPF file system.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cases::{Case, Object, Shot};
use support::net::{Corexdp, Daemon, Receiver, Response, Site, finish};
use support::packets::frame::{ip4, ip6};
use support::wait::wait_until;

const ENVIRONMENT: [(&str, &str); 3] = [
    ("OBJECT", "ordered.o"),
    ("IFACE", "eth0"),
    ("BLOCKED", "203.0.113.9"),
];

/// The folder of the examples.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corefiles/examples")
}

/// The peer of an interface.
pub(crate) fn far_end(interface: &str) -> String {
    format!("far-{interface}")
}

/// A UDP packet to port 53 from this address.
pub(crate) fn frame(source: &str) -> Vec<u8> {
    let packet = match source.parse().unwrap() {
        IpAddr::V4(_) => ip4(source),
        IpAddr::V6(_) => ip6(source),
    };
    packet.udp(53).bytes
}

/// Waits for all packets that must pass, of which the last packet is one, and then counts all packets.
pub(crate) fn expect_arrivals(name: &str, receiver: &Receiver, shots: &[&Shot]) {
    let last = shots.last().unwrap();
    assert!(last.passes, "{name}: the last packet must pass");
    let mut arrived = Vec::new();
    let count = |arrived: &[Vec<u8>], shot: &Shot| {
        let same = arrived.iter().filter(|seen| **seen == frame(shot.from));
        u32::try_from(same.count()).unwrap()
    };
    wait_until(
        &format!("{name}: all packets that must pass have arrived"),
        || {
            arrived.extend(std::iter::from_fn(|| receiver.next()));
            let passing = shots.iter().filter(|shot| shot.passes);
            let mut missing = passing.filter(|shot| count(&arrived, shot) < shot.times);
            missing.next().map_or(Ok(()), |shot| Err(shot.from))
        },
    );
    for shot in shots {
        let expected = if shot.passes { shot.times } else { 0 };
        assert_eq!(count(&arrived, shot), expected, "{name}: {}", shot.from);
    }
}

/// A site with everything that an example names, except late interfaces.
pub(crate) struct Place {
    pub(crate) site: Site,
}

impl Place {
    pub(crate) fn of(case: &Case) -> Self {
        let site = Site::new();
        for interface in case.interfaces {
            if case.late != Some(interface) {
                site.add_wire(interface, &far_end(interface));
            }
        }
        if let Some(address) = case.address {
            site.server.run(&format!("ip address add {address} dev lo"));
        }
        copy(&folder(), site.folder.path());
        match case.object {
            Object::Shipped(name) => site.folder.shipped(name),
            Object::Fixture(name) => site.folder.fixture(name),
            Object::Installed(name) => {
                let arch = std::env::consts::ARCH;
                let object = format!("/usr/lib/{arch}-linux-gnu/bpf/{name}.o");
                fs::copy(&object, site.folder.file(&format!("{name}.o")))
                    .unwrap_or_else(|error| panic!("{object}: {error}; install xdp-tools"));
            }
        }
        Self { site }
    }

    /// Fails unless `corexdp check` accepts the example.
    pub(crate) fn check(&self, case: &Case) {
        let file = format!("{}.Corefile", case.name);
        let mut command = Corexdp::command(self.site.folder.path(), &["check", "-conf", &file]);
        let outcome = finish(command.envs(ENVIRONMENT));
        assert_eq!(outcome.code, Some(0), "{}: {}", case.name, outcome.stderr);
        let pinned = matches!(case.object, Object::Installed(_));
        for line in outcome.lines() {
            assert!(
                pinned && line.contains("asks to be pinned by its name, which is ignored"),
                "{}: {line}",
                case.name
            );
        }
    }

    /// Starts the daemon, and waits until it filters. Pins are named after the interface, so the daemon gets its own
    /// BPF file system, which parallel tests do not share.
    pub(crate) fn run(&self, case: &Case) -> Daemon {
        let file = format!("{}.Corefile", case.name);
        let corexdp = self.site.command("run", &[]);
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c"]);
        command.arg("mount -t bpf -o mode=0700 bpf /sys/fs/bpf && exec \"$0\" \"$@\"");
        command.arg(corexdp.get_program());
        command.args(corexdp.get_args().map(|arg| match arg.to_str() {
            Some("Corefile") => file.as_ref(),
            _ => arg,
        }));
        command.current_dir(self.site.folder.path());
        command.envs(ENVIRONMENT);
        let daemon = self.site.server.enter(|| Daemon::spawn(&mut command));
        if let Some(interface) = case.late {
            daemon.line("waiting up to");
            self.site.add_wire(interface, &far_end(interface));
        }
        daemon.attached(case.interfaces.len())
    }

    pub(crate) fn get(&self, address: &str, path: &str) -> Response {
        Response::to(&self.site.server, address, &format!("GET {path} HTTP/1.1"))
    }

    /// The value of the Corefile's metric NAME.
    pub(crate) fn metric(&self, case: &Case, name: &str) -> u64 {
        let page = self.get(case.page, "/metrics");
        let value = page.metric(&format!("coredns_ebpf_{name}"));
        value
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no {name}: {}", page.body))
    }

    /// Waits until the page shows the values of all metrics, and checks that the Corefile has no other metric.
    pub(crate) fn expect_metrics(&self, case: &Case) {
        for (name, value) in case.metrics {
            wait_until(&format!("{}: {name} is {value}", case.name), || {
                let now = self.metric(case, name);
                assert!(now <= *value, "{}: {name} is {now}", case.name);
                if now == *value { Ok(()) } else { Err(now) }
            });
        }
        let page = self.get(case.page, "/metrics").body;
        let own = page
            .lines()
            .filter(|line| line.starts_with("coredns_ebpf_"));
        assert_eq!(own.count(), case.metrics.len(), "{}: {page}", case.name);
    }
}

/// Copies a folder recursively.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let there = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &there);
        } else {
            fs::copy(file.path(), there).unwrap();
        }
    }
}
