//! The peers of corexdp for long lists: bpftool, nft and unbound.

use std::fmt::Write as _;
use std::fs;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::listed::{Kind, name, prefix};
use super::loaded::status;
use super::process::finish;
use super::shipped_dns::asks;
use super::site::Site;

const PIN: &str = "/sys/fs/bpf/load";
const UNBOUND: &str = "127.0.0.1:5354";
/// Size of a name in the hash map.
const TEXT: usize = 32;
/// The time that unbound has until its first answer.
const LIMIT: Duration = Duration::from_mins(10);
/// RCODE of a name that does not exist.
const NXDOMAIN: u8 = 3;

/// The cost of a peer.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) time: Duration,
    /// Peak memory of the process.
    pub(crate) memory: u64,
    /// Kernel memory of the map.
    pub(crate) kernel: Option<u64>,
}

/// Runs a command that must succeed, and returns its time and its peak memory. The peak that wait4 returns would have the
/// memory of this process in it, before exec.
fn spent(command: &mut Command) -> (Duration, u64) {
    let begin = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut peak = 0;
    let status = loop {
        // A process that ends has no memory.
        peak = peak.max(status(child.id(), "VmHWM").unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        sleep(Duration::from_millis(1));
    };
    assert!(status.success(), "{command:?}");
    (begin.elapsed(), peak)
}

/// Fills a map of the kernel by `bpftool batch`.
pub(crate) fn batch(site: &Site, kind: Kind, count: u32) -> Peer {
    let (name, shape) = match kind {
        Kind::Prefixes => ("bpftool, trie", "type lpm_trie key 8 value 8 flags 1"),
        Kind::Names => ("bpftool, hash", "type hash key 32 value 8"),
    };
    let text = (0..count).fold(String::new(), |mut text, number| {
        write!(text, "map update pinned {PIN} key").unwrap();
        for byte in key(kind, number) {
            write!(text, " {byte}").unwrap();
        }
        text + " value 1 0 0 0 0 0 0 0\n"
    });
    site.write("load-batch", &text);
    let create = format!("map create {PIN} {shape} entries {count} name load");
    finish(Command::new("bpftool").args(create.split(' ')));
    let batch = site.file("load-batch");
    let (time, memory) = spent(Command::new("bpftool").args(["batch", "file"]).arg(&batch));
    let shown = Command::new("bpftool")
        .args(["map", "show", "pinned", PIN])
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let words = shown
        .split_once("memlock ")
        .and_then(|(_, text)| text.split_once('B'));
    let kernel = words.and_then(|(number, _)| number.parse().ok());
    fs::remove_file(PIN).unwrap();
    fs::remove_file(batch).unwrap();
    Peer {
        name,
        time,
        memory,
        kernel: Some(kernel.unwrap_or_else(|| panic!("no memlock in {shown}"))),
    }
}

fn key(kind: Kind, number: u32) -> Vec<u8> {
    match kind {
        Kind::Prefixes => {
            let text = prefix(number);
            let (address, length) = text.split_once('/').unwrap();
            let address: std::net::Ipv4Addr = address.parse().unwrap();
            let mut key = length.parse::<u32>().unwrap().to_ne_bytes().to_vec();
            key.extend(address.octets());
            key
        }
        Kind::Names => {
            let mut key = name(number).into_bytes();
            key.resize(TEXT, 0);
            key
        }
    }
}

/// Writes the rules of nft: a set of intervals.
pub(crate) fn nft_rules(site: &Site, count: u32) {
    let mut text = String::from(
        "table ip load {\nset listed {\ntype ipv4_addr\nflags interval\nelements = {\n",
    );
    for number in 0..count {
        writeln!(text, "{},", prefix(number)).unwrap();
    }
    text += "}\n}\nchain input {\ntype filter hook input priority 0\nip saddr @listed drop\n}\n}\n";
    site.write("load.nft", &text);
}

/// Loads the prefixes by `nft -f`, in a network namespace that ends with nft.
pub(crate) fn nft(site: &Site, count: u32) -> Peer {
    nft_rules(site, count);
    let mut command = Command::new("unshare");
    command
        .args(["--net", "nft", "-f"])
        .arg(site.file("load.nft"));
    let (time, memory) = spent(&mut command);
    Peer {
        name: "nft, intervals",
        time,
        memory,
        kernel: None,
    }
}

/// A running unbound. Dropping it ends the process.
struct Unbound(Child);

impl Drop for Unbound {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts unbound with the names as a zone, and waits for its first answer.
pub(crate) fn unbound(site: &Site, count: u32) -> Peer {
    let mut zone = String::from(
        "$TTL 60\n$ORIGIN load.\n@ SOA localhost. root.localhost. 1 60 60 60 60\n@ NS localhost.\n",
    );
    for number in 0..count {
        let name = name(number);
        writeln!(zone, "{name} CNAME .\n*.{name} CNAME .").unwrap();
    }
    site.write("load.rpz", &zone);
    let folder = site.file("");
    let folder = folder.display();
    let conf = format!(
        "server:\ndirectory: \"{folder}\"\nchroot: \"\"\nusername: \"\"\npidfile: \"\"\ndo-daemonize: no\n\
        use-syslog: no\nlogfile: unbound.log\ninterface: 127.0.0.1@5354\nnum-threads: 1\n\
        module-config: \"respip iterator\"\nremote-control:\ncontrol-enable: no\n\
        rpz:\nname: load\nzonefile: load.rpz\n"
    );
    site.write("unbound.conf", &conf);
    let begin = Instant::now();
    let mut command = Command::new("unbound");
    command.args(["-d", "-c"]).arg(site.file("unbound.conf"));
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let unbound = Unbound(
        command
            .spawn()
            .expect("unbound runs; it is a Debian package"),
    );
    while !is_listed(&name(count / 2)) {
        assert!(
            begin.elapsed() < LIMIT,
            "unbound does not answer; see {folder}"
        );
        sleep(Duration::from_millis(5));
    }
    Peer {
        name: "unbound, RPZ",
        time: begin.elapsed(),
        memory: status(unbound.0.id(), "VmHWM").unwrap(),
        kernel: None,
    }
}

/// True if unbound answers that the name does not exist.
fn is_listed(name: &str) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(UNBOUND).unwrap();
    let wait = Some(Duration::from_millis(200));
    socket.set_read_timeout(wait).unwrap();
    let mut answer = [0; 512];
    socket.send(&asks(name, 1)).is_ok()
        && socket.recv(&mut answer).is_ok()
        && answer[3] & 15 == NXDOMAIN
}
