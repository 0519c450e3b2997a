//! The begin and the end of sessions.

use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::unistd::Pid;

use corexdp::control::client::Error;
use corexdp::control::client::samples::Samples;
use corexdp::kernel::capability::{self, CapSet};
use corexdp::kernel::fd_passing::receive_packet;
use corexdp::kernel::ring_buffer::RingBuffer;
use corexdp::object::frame::sample::{ALL_VERDICTS, SAMPLE_SIZE};

use super::{
    UNLIMITED, by_verdict, connection, everything, is_off, raw, read, read_packets, request,
    wait_until_off,
};
use crate::verdicts::{corefile, frame_from, start};
use support::net::{Daemon, Site};
use support::objects::compile::compile_with;
use support::wait::wait_until;

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
    while receive() != 0 {}
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
    // A reload keeps the program, then loads its new version, then another program.
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
fn reader_needs_no_capability() {
    let (site, daemon) = start(&[], "");
    let socket = connection(&site);
    send(socket.as_raw_fd(), b"sample 63 1 1000", MsgFlags::empty()).unwrap();
    let mut ring = None;
    let mut buffer = [0; 4096];
    while ring.is_none() {
        let (length, mut passed) = receive_packet(socket.as_fd(), &mut buffer).unwrap();
        ring = match &buffer[..length] {
            [b'r', bytes @ ..] => {
                let bytes = u32::from_ne_bytes(bytes.try_into().unwrap());
                passed.pop().map(|fd| (fd, bytes as usize))
            }
            _ => None,
        };
    }
    let (fd, bytes) = ring.unwrap();
    site.sender().send(&frame_from(3), 1);
    // Capabilities are those of a thread.
    let reader = std::thread::spawn(move || {
        capability::keep(CapSet::empty()).unwrap();
        let mut ring = RingBuffer::open(fd, bytes).unwrap();
        wait_until("the sample", || {
            let mut seen = 0;
            ring.read(&mut |record| seen = record.len()).unwrap();
            (seen == SAMPLE_SIZE).then_some(())
        });
    });
    reader.join().unwrap();
    daemon.stop();
}
