//! Clients of the control socket that misbehave, and clients of a daemon that does not answer.

use std::io::Read as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, connect, send, socket,
};

use crate::COREFILE;
use support::net::{Outcome, Site};
use support::wait::PATIENCE;

fn client(path: &Path) -> OwnedFd {
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    connect(fd.as_raw_fd(), &UnixAddr::new(path).unwrap()).unwrap();
    fd
}

#[test]
fn misbehaving_clients_do_not_delay_others() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let mut clients = Vec::new();
    for request in [
        "",
        "stat",
        "status",
        "dump",
        "reload",
        "reload 9",
        &"x".repeat(5000),
    ] {
        for _ in 0..8 {
            let client = client(&site.folder.file("control"));
            let _ = send(
                client.as_raw_fd(),
                request.as_bytes(),
                MsgFlags::MSG_NOSIGNAL,
            );
            clients.push(client);
        }
        site.ask(&["status"])
            .stdout
            .contains("edge0")
            .then_some(())
            .unwrap();
        assert_eq!(site.get("/metrics").status, 200);
    }
    daemon.stop();
}

fn gives_up(outcome: &Outcome, part: &str) {
    outcome.refuses(69, &[part]);
}

#[test]
fn clients_of_a_stopped_daemon_give_up() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    daemon.signal(Signal::SIGSTOP);
    let advice = format!("is stopped; continue it: kill -CONT {}", daemon.pid());
    for words in ["status", "dump", "reload", "confirm"] {
        gives_up(&site.ask(&[words]), &advice);
    }
    // Fills the backlog of the control socket.
    let crowd: Vec<_> = (0..8)
        .map_while(|_| crowded(&site.folder.file("control")))
        .collect();
    gives_up(&site.ask(&["status"]), "has not answered for 10 s");
    drop(crowd);
    daemon.signal(Signal::SIGCONT);
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

/// Connects a client that waits in the backlog; `None` if the backlog is full.
fn crowded(path: &Path) -> Option<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    let connected = connect(fd.as_raw_fd(), &UnixAddr::new(path).unwrap());
    connected.ok().map(|()| fd)
}

/// A process that listens and never answers does not count as a working daemon.
#[test]
fn clients_of_a_daemon_that_hangs_give_up() {
    let site = Site::new();
    let flags = SockFlag::SOCK_CLOEXEC;
    let listener = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).unwrap();
    let address = UnixAddr::new(&site.folder.file("control")).unwrap();
    bind(listener.as_raw_fd(), &address).unwrap();
    // The peer credentials of a socket are those of the process that listens: not this one, which runs other tests
    // meanwhile.
    let mut sleeper = Sleeper::listening(&listener);
    let begin = Instant::now();
    gives_up(
        &site.ask(&["reload"]),
        "has not answered for 10 s; the daemon hangs",
    );
    assert!(begin.elapsed() >= Duration::from_secs(10));
    assert!(begin.elapsed() < PATIENCE);
    sleeper.0.kill().unwrap();
}

struct Sleeper(Child);

impl Sleeper {
    fn listening(listener: &OwnedFd) -> Self {
        let script = "import socket,sys
one=socket.socket(fileno=0)
one.listen(4)
print('listening',flush=True)
client=one.accept()[0]
client.recv(64)
import time
time.sleep(1000)
";
        let mut child = Command::new("python3")
            .args(["-c", script])
            .stdin(listener.try_clone().unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut word = [0; 10];
        child
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut word)
            .unwrap();
        Self(child)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
