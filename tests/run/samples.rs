//! Samples of packets with their verdict, by the library that `capture` and `top` use.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, recv, send, socket,
};
use nix::unistd::Pid;
use serde_json::Value;

use corexdp::control::SampleRequest;
use corexdp::control::client::Error;
use corexdp::control::client::samples::{Samples, Stage};
use corexdp::object::frame::sample::{self, ALL_VERDICTS, verdict_bits};

use crate::status::json;
use crate::verdicts::{corefile, frame_from, quiet_site, send_each_verdict, start};
use support::net::{Daemon, Site};
use support::objects::compile::compile_with;
use support::packets::frame::Frame;
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
    let filter = site.filter();
    let maps = ["frame.settings", "frame.rings"];
    maps.iter().all(|map| filter.map(map).entries().is_empty())
}

fn wait_until_off(site: &Site) {
    wait_until("samples are off", || is_off(site).then_some(()));
}

#[test]
fn every_verdict_is_sampled() {
    for options in [&[][..], &["-DCALLS"], &["-DSECTION=\"xdp.frags\""]] {
        let (site, daemon) = start(options, "");
        assert_eq!(daemon.lines_with("sampled"), [""; 0]);
        let before = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
        let mut samples = everything(&site);
        let stages = samples.stages().to_vec();
        let sent = send_each_verdict(&site);
        let seen = read_packets(&mut samples, 28);
        let expected = sent
            .iter()
            .map(|(verdict, (packets, _))| (*verdict, *packets));
        assert_eq!(by_verdict(&seen), expected.collect());
        assert_eq!((seen.len(), samples.lost().unwrap()), (28, 0));
        let index = site.server.enter(|| if_nametoindex("edge0").unwrap());
        let [stage] = &stages[..] else {
            panic!("{stages:?}");
        };
        let named = (
            stage.interface.as_str(),
            stage.program.as_str(),
            stage.index,
        );
        assert_eq!(named, ("edge0", "verdicts", index));
        for sample in &seen {
            let frame = frame_from(sample.head[29]);
            assert_eq!(sample.head, frame);
            assert_eq!((sample.length as usize, sample.weight), (frame.len(), 1));
            assert_eq!((&sample.stage, sample.interface), (stage, index));
            assert!(sample.time > Duration::from(before));
        }
        drop(samples);
        wait_until_off(&site);
        daemon.stop();
    }
}

#[test]
fn only_chosen_verdicts_are_sampled() {
    let (site, daemon) = start(&[], "");
    for (verdict, packets) in [("drop", 2), ("aborted", 14), ("redirect", 5)] {
        let mut samples = open(
            &site,
            &request(verdict_bits(verdict).unwrap(), 1, UNLIMITED),
        );
        send_each_verdict(&site);
        let seen = read_packets(&mut samples, packets);
        assert_eq!(by_verdict(&seen), [(verdict, packets)].into());
    }
    daemon.stop();
}

#[test]
fn chosen_interface_alone_is_sampled() {
    let site = quiet_site();
    site.add_wire("edge1", "cli1");
    compile_with("verdicts", site.folder.path(), &[]);
    let both = ["edge0", "edge1"].map(|name| corefile("verdicts", "").replace("edge0", name));
    let daemon = site
        .run(&both.concat().replacen("prometheus", "", 1))
        .attached(2);
    let one = SampleRequest {
        interface: "edge1".try_into().ok(),
        ..request(ALL_VERDICTS, 1, UNLIMITED)
    };
    let mut samples = open(&site, &one);
    let names: Vec<_> = samples
        .stages()
        .iter()
        .map(|stage| stage.interface.clone())
        .collect();
    assert_eq!(names, ["edge1"]);
    site.sender().send(&frame_from(2), 3);
    support::net::Sender::new(&site.client, "cli1").send(&frame_from(1), 1);
    let seen = read_packets(&mut samples, 1);
    assert_eq!(by_verdict(&seen), [("drop", 1)].into());
    drop(samples);
    let missing = SampleRequest {
        interface: "edge7".try_into().ok(),
        ..one
    };
    let answers = raw(&site, &format!("sample {missing}"));
    assert_eq!(answers, ["ethis interface has no filter", "xE"]);
    daemon.stop();
}

#[test]
fn one_packet_in_n_is_sampled() {
    const SENT: u32 = 30_000;
    const N: u32 = 10;
    let (site, daemon) = start(&[], "");
    let mut samples = open(&site, &request(ALL_VERDICTS, N, UNLIMITED));
    let (sender, mut seen) = (site.sender(), Vec::new());
    for _ in 0..SENT / 1000 {
        sender.send(&frame_from(1), 1000);
        read(&mut samples, &mut seen).unwrap();
    }
    wait_for("the counters", &u64::from(SENT), || counted(&site));
    read(&mut samples, &mut seen).unwrap();
    // The gaps are uniform from 1 to 2N - 1, so the variance of their number is SENT / 3N.
    let (expected, taken) = (
        f64::from(SENT / N),
        f64::from(u32::try_from(seen.len()).unwrap()),
    );
    let sigma = f64::from(SENT / (3 * N)).sqrt();
    assert!((taken - expected).abs() < 5.0 * sigma, "{taken}");
    // Packets after the last sample of each CPU are not represented.
    let cpus = std::thread::available_parallelism().unwrap().get() as u64;
    let tail = u64::from(SENT) - weights(&seen);
    assert!(tail <= cpus * u64::from(2 * N), "{tail}");
    assert_eq!(samples.lost().unwrap(), 0);
    daemon.stop();
}

#[test]
fn samples_stay_below_rate() {
    const RATE: u32 = 100;
    const TIME: Duration = Duration::from_secs(2);
    let (site, daemon) = start(&[], "");
    let mut samples = open(&site, &request(ALL_VERDICTS, 1, RATE));
    let (sender, mut seen, mut sent) = (site.sender(), Vec::new(), 0);
    let start = Instant::now();
    while start.elapsed() < TIME {
        sender.send(&frame_from(1), 1000);
        sent += 1000;
        read(&mut samples, &mut seen).unwrap();
    }
    wait_for("the counters", &sent, || counted(&site));
    read(&mut samples, &mut seen).unwrap();
    // A window of 100 ms may have begun before the first sample, and another after the last.
    let most = f64::from(RATE) * (start.elapsed().as_secs_f64() + 0.2);
    let taken = f64::from(u32::try_from(seen.len()).unwrap());
    assert!(taken <= most, "{taken} of at most {most}");
    assert!(taken >= f64::from(RATE) / 2.0, "{taken}");
    // The gaps are far above 1, but samples represent all packets before them.
    assert!(weights(&seen) <= sent, "{} of {sent}", weights(&seen));
    assert!(weights(&seen) > sent / 2, "{} of {sent}", weights(&seen));
    // After the flood, every packet is sampled again.
    wait_until("each packet is sampled", || {
        seen.clear();
        sender.send(&frame_from(3), 1);
        samples
            .wait(Instant::now() + Duration::from_millis(20), None)
            .unwrap();
        read(&mut samples, &mut seen).unwrap();
        let last = seen
            .last()
            .filter(|last| last.verdict == "tx" && last.weight == 1);
        last.map(|_| ())
    });
    daemon.stop();
}

#[test]
fn full_ring_buffer_loses_samples_and_says_so() {
    const SENT: u32 = 3000;
    let (site, daemon) = start(&[], "");
    site.metric_becomes(LOST, 0);
    let mut samples = everything(&site);
    let (sender, mut seen) = (site.sender(), Vec::new());
    sender.send(&frame_from(1), SENT);
    wait_for("the counters", &u64::from(SENT), || counted(&site));
    read(&mut samples, &mut seen).unwrap();
    let lost = samples.lost().unwrap();
    assert!(lost > 0 && seen.len() > 1000, "{lost}, {}", seen.len());
    assert_eq!(seen.len() as u64 + lost, u64::from(SENT));
    site.metric_becomes(LOST, lost);
    assert_eq!(json(&site, &[])["filters"][0]["samples_lost"], lost);
    // The next sample of each CPU also represents the packets whose samples were lost.
    wait_until("all packets are represented", || {
        sender.send(&frame_from(1), 1);
        read(&mut samples, &mut seen).unwrap();
        (weights(&seen) > u64::from(SENT)).then_some(())
    });
    assert_eq!(samples.lost().unwrap(), lost);
    // Another session begins at 0.
    drop(samples);
    assert_eq!(everything(&site).lost().unwrap(), 0);
    site.metric_becomes(LOST, lost);
    daemon.stop();
}

const LOST: &str = "corexdp_samples_lost_total{interface=\"edge0\",program=\"verdicts\"}";

#[test]
fn samples_have_the_first_bytes_of_short_and_long_packets() {
    let (site, daemon) = start(&[], "");
    let mut samples = everything(&site);
    let sender = site.sender();
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for length in (0..=18).chain([46, 47, 49, 173, 174, 176, 177, 178, 179, 180, 184, 999]) {
        let frame = Frame::raw(0x88b5, &bytes[..length]).bytes;
        sender.send(&frame, 1);
        let seen = read_packets(&mut samples, 1);
        let [sample] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(sample.length as usize, frame.len());
        assert_eq!(sample.head, frame[..frame.len().min(sample::HEAD)]);
    }
    daemon.stop();
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

#[test]
fn second_client_is_refused_until_first_has_gone() {
    let (site, daemon) = start(&[], "");
    let samples = everything(&site);
    let refused = format!(
        "eprocess {} samples already; only one process can sample at a time",
        std::process::id()
    );
    assert_eq!(raw(&site, "sample 63 1 1"), [refused.as_str(), "xE"]);
    let again = Samples::open(
        &site.folder.file("control"),
        request(ALL_VERDICTS, 1, UNLIMITED),
    );
    assert!(matches!(again, Err(Error::Refused(69))), "{again:?}");
    drop(samples);
    drop(everything(&site));
    daemon.stop();
}

/// A process that samples every packet, and neither reads nor ends by itself.
fn sampling_process(site: &Site) -> Child {
    const CODE: &str = "
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect('control')
s.send(b'sample 63 1 1000000')
while s.recv(4096) != b'x\\0': pass
print(flush=True)
time.sleep(1000)
";
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "python3", "-c", CODE]);
    command.current_dir(site.folder.path());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    child
}

#[test]
fn killed_client_leaves_samples_off() {
    let (site, daemon) = start(&[], "");
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut client = sampling_process(&site);
        assert!(!is_off(&site));
        kill(Pid::from_raw(client.id().cast_signed()), signal).unwrap();
        client.wait().unwrap();
        wait_until_off(&site);
    }
    // The next client begins with no packet of the earlier sessions.
    let mut samples = everything(&site);
    site.sender().send(&frame_from(4), 1);
    assert_eq!(
        by_verdict(&read_packets(&mut samples, 1)),
        [("redirect", 1)].into()
    );
    daemon.stop();
}

#[test]
fn unknown_packet_ends_session() {
    let (site, daemon) = start(&[], "");
    let socket = connection(&site);
    send(socket.as_raw_fd(), b"sample 63 1 1", MsgFlags::empty()).unwrap();
    let receive = || {
        let mut buffer = [0; 4096];
        recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty()).unwrap()
    };
    while receive() != 2 {}
    assert!(!is_off(&site));
    send(socket.as_raw_fd(), b"losses", MsgFlags::empty()).unwrap();
    assert_eq!(receive(), 0);
    assert!(is_off(&site));
    daemon.stop();
}

#[test]
fn session_goes_on_after_reload() {
    let (site, daemon) = start(&[], "");
    let mut samples = everything(&site);
    let sender = site.sender();
    let mut expect = |verdict: u8, program: &str| {
        // Asks for another session, if the last has ended.
        read(&mut samples, &mut Vec::new()).unwrap();
        sender.send(&frame_from(verdict), 1);
        let seen = read_packets(&mut samples, 1);
        assert_eq!(seen[0].stage.program, program);
        assert_eq!(samples.stages()[0].program, program);
    };
    expect(1, "verdicts");
    // The same program, a new version of it, and another program.
    site.ask(&["reload"]).expect(0, &[]);
    let filter = site.filter();
    expect(2, "verdicts");
    compile_with("verdicts", site.folder.path(), &["-DEXITS"]);
    site.ask(&["reload"]).expect(0, &[]);
    assert_ne!(site.filter(), filter);
    expect(3, "verdicts");
    site.folder.shipped("acl");
    site.folder.write("Corefile", &corefile("acl", ""));
    site.ask(&["reload", "--confirm", "1s"]).expect(0, &[]);
    expect(4, "acl");
    // The rollback attaches the previous filter again.
    daemon.line("the reload is rolled back; the Corefile");
    expect(1, "verdicts");
    drop(samples);
    wait_until_off(&site);
    daemon.stop();
}

#[test]
fn end_of_daemon_ends_session() {
    let (site, daemon) = start(&[], "exit hold");
    let mut samples = everything(&site);
    daemon.stop();
    assert!(is_off(&site));
    let error = read(&mut samples, &mut Vec::new()).unwrap_err();
    assert!(matches!(error, Error::NoDaemon(_)), "{error}");
    let daemon = site.start(&[]).attached(1);
    site.folder.write("Corefile", ". {\n}\n");
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

#[test]
fn adopting_daemon_switches_samples_off() {
    for more in [&[][..], &["--confirm", "1m"]] {
        let (site, daemon) = start(&[], "exit hold");
        let mut samples = everything(&site);
        let filter = site.filter();
        daemon.kill();
        assert!(!is_off(&site));
        let daemon = site.start(more).attached(1);
        daemon.line("adopted");
        assert_eq!(site.filter(), filter);
        assert!(is_off(&site));
        // The client begins another session.
        read(&mut samples, &mut Vec::new()).unwrap();
        site.sender().send(&frame_from(1), 1);
        read_packets(&mut samples, 1);
        drop(samples);
        release(&site, daemon);
    }
}

/// Ends a daemon with `exit hold`, and detaches its filter.
fn release(site: &Site, daemon: Daemon) {
    // Fails if nothing awaits confirmation.
    site.ask(&["confirm"]);
    site.folder.write("Corefile", ". {\n}\n");
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

#[test]
fn program_without_frame_cannot_be_sampled() {
    let (site, daemon) = start(&["-DBYTES=509"], "");
    let answers = raw(&site, "sample 63 1 1");
    assert_eq!(
        answers,
        ["eno filter can be sampled; the log says why", "xE"]
    );
    assert_eq!(json(&site, &[])["filters"][0]["samples_lost"], Value::Null);
    daemon.stop();
}
