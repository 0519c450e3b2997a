//! Samples of packets with their verdict, by the library that `capture` and `top` use.

mod chains;
mod content;
mod refusals;
mod sessions;

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};

use corexdp::control::SampleRequest;
use corexdp::control::client::Error;
use corexdp::control::client::samples::{Samples, Stage};
use corexdp::object::frame::sample::{self, ALL_VERDICTS};

use support::net::{Attached, Site};
use support::wait::{wait_for, wait_until};

/// A rate that no test reaches.
const UNLIMITED: u32 = 1_000_000_000;

/// A sample that outlives the ring buffer.
#[derive(Clone, Debug)]
struct Sample {
    stage: Stage,
    verdict: &'static str,
    weight: u64,
    length: u32,
    interface: u32,
    time: Duration,
    head: Vec<u8>,
}

fn request(verdicts: u32, one_in: u32, rate: u32) -> SampleRequest {
    SampleRequest {
        interface: None,
        verdicts,
        one_in,
        rate,
    }
}

/// Waits for the end of an earlier session: children of other tests may have its connection until they execute a program.
fn open(site: &Site, request: &SampleRequest) -> Samples {
    wait_until("the session begins", || {
        match Samples::open(&site.folder.file("control"), request.clone()) {
            Err(Error::Refused(69)) => Err("another session"),
            other => Ok(other.unwrap()),
        }
    })
}

/// Every packet of the site.
fn everything(site: &Site) -> Samples {
    open(site, &request(ALL_VERDICTS, 1, UNLIMITED))
}

/// Adds the samples that have arrived to `seen`.
fn read(samples: &mut Samples, seen: &mut Vec<Sample>) -> Result<(), Error> {
    samples.read(&mut |stage, sample| {
        seen.push(Sample {
            stage: stage.clone(),
            verdict: sample::verdict_name(sample.verdict),
            weight: sample.weight,
            length: sample.length,
            interface: sample.interface,
            time: sample.time,
            head: sample.head.to_vec(),
        });
    })
}

fn weights(seen: &[Sample]) -> u64 {
    seen.iter().map(|sample| sample.weight).sum()
}

/// Reads until the samples represent `packets`.
fn read_packets(samples: &mut Samples, packets: u64) -> Vec<Sample> {
    let mut seen = Vec::new();
    wait_for("the packets of the samples", &packets, || {
        read(samples, &mut seen).unwrap();
        weights(&seen)
    });
    seen
}

/// Packets by verdict that the samples represent.
fn by_verdict(seen: &[Sample]) -> BTreeMap<&'static str, u64> {
    let mut packets = BTreeMap::new();
    for sample in seen {
        *packets.entry(sample.verdict).or_default() += sample.weight;
    }
    packets
}

/// Packets that the page has counted, of all verdicts.
fn counted(site: &Site) -> u64 {
    let page = site.get("/metrics").body;
    let lines = page.lines();
    let samples = lines.filter(|line| line.starts_with("corexdp_packets_total"));
    let numbers = samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    numbers.sum()
}

/// True if the frame samples nothing: the settings are zero, and there is no ring buffer.
fn is_off(site: &Site) -> bool {
    is_program_off(&site.filter())
}

fn is_program_off(program: &Attached) -> bool {
    let maps = ["frame.settings", "frame.rings"];
    maps.iter().all(|map| program.map(map).entries().is_empty())
}

fn wait_until_off(site: &Site) {
    wait_until("samples are off", || is_off(site).then_some(()));
}

/// Sends a packet to the control socket, and returns the packets of the answer.
fn raw(site: &Site, packet: &str) -> Vec<String> {
    let socket = connection(site);
    send(socket.as_raw_fd(), packet.as_bytes(), MsgFlags::empty()).unwrap();
    let mut answers = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap();
        if length == 0 {
            return answers;
        }
        answers.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
}

fn connection(site: &Site) -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    let address = UnixAddr::new(&site.folder.file("control")).unwrap();
    connect(socket.as_raw_fd(), &address).unwrap();
    socket
}
