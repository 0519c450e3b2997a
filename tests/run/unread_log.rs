//! The log is full or its reader stops reading: the daemon continues, and counts lost messages.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlowArg, tcflow};
use nix::unistd::{Pid, pipe};

use crate::COREFILE;
use support::net::Site;
use support::wait::wait_until;

/// End of the message with the number of lost messages.
const LOST: &str = " earlier messages are lost";

/// Refused reloads that log more than the buffer of a pipe, a terminal or a socket holds.
const RELOADS: usize = 300;

/// A Corefile with as many errors as a reload logs.
fn wrong() -> String {
    COREFILE.replace("    map ", &"    map wrong\n".repeat(20))
}

/// A daemon whose standard error is a file of the test. Dropping it kills the daemon.
struct Unread(Child);

impl Unread {
    fn start(site: &Site, stderr: impl Into<Stdio> + Send) -> Self {
        site.folder.write("Corefile", COREFILE);
        let mut command = site.command("run", &[]);
        command.stdin(Stdio::null()).stderr(stderr);
        let child = site.server.enter(move || command.spawn()).unwrap();
        wait_until("the daemon answers", || {
            site.asking(&["status"])
                .output()
                .unwrap()
                .status
                .success()
                .then_some(())
        });
        Self(child)
    }

    /// Causes every kind of message, and more messages than the log takes.
    fn works(site: &Site) {
        site.folder.write("Corefile", &wrong());
        for _ in 0..RELOADS {
            assert_ne!(site.ask(&["reload"]).code, Some(0));
        }
        site.folder.write("Corefile", COREFILE);
        site.ask(&["reload"]).expect(0, &[]);
        assert_eq!(site.get("/metrics").status, 200);
        assert!(site.attached().is_some());
    }

    fn stops(mut self, site: &Site) {
        let pid = Pid::from_raw(self.0.id().cast_signed());
        kill(pid, Signal::SIGTERM).unwrap();
        let status = wait_until("the daemon ends", || self.0.try_wait().unwrap());
        assert_eq!(status.code(), Some(0));
        assert_eq!(site.attached(), None);
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // Killing a process that was waited for has no effect.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// True if the descriptor is in blocking mode, on which its other owners rely.
fn blocks(fd: &OwnedFd) -> bool {
    let flags = fcntl(fd, FcntlArg::F_GETFL).unwrap();
    !OFlag::from_bits_retain(flags).contains(OFlag::O_NONBLOCK)
}

#[test]
fn unread_log_pipe_does_not_block_and_losses_are_counted() {
    let site = Site::new();
    let (read_end, write_end) = pipe().unwrap();
    let shared = write_end.try_clone().unwrap();
    let daemon = Unread::start(&site, write_end);
    Unread::works(&site);
    assert!(blocks(&shared));
    drop(shared);
    let text = Arc::new(Mutex::new(Vec::new()));
    let (mut pipe, filled) = (File::from(read_end), Arc::clone(&text));
    let reader = thread::spawn(move || {
        let mut part = [0; 4096];
        while let length @ 1.. = pipe.read(&mut part).unwrap() {
            filled.lock().unwrap().extend_from_slice(&part[..length]);
        }
    });
    // Waiting messages are written before the next message.
    wait_until("the reader has the number of lost messages", || {
        site.ask(&["reload"]).expect(0, &[]);
        let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
        text.contains(LOST).then_some(())
    });
    daemon.stops(&site);
    reader.join().unwrap();
    let text = String::from_utf8(text.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().collect();
    let lost = lines
        .iter()
        .filter_map(|line| line.strip_prefix("warning: ")?.strip_suffix(LOST));
    let lost: usize = lost.map(|number| number.parse::<usize>().unwrap()).sum();
    let refusals = lines
        .iter()
        .filter(|line| line.contains("nothing was changed"));
    let refusals = refusals.count();
    assert!(
        refusals < RELOADS && refusals + lost >= RELOADS,
        "{lost} {refusals}"
    );
    assert_eq!(*lines.last().unwrap(), "stopped by SIGTERM, detached");
}

#[test]
fn stopped_terminal_and_unread_socket_do_not_block() {
    let site = Site::new();
    let terminal = openpty(None, None).unwrap();
    tcflow(&terminal.slave, FlowArg::TCOOFF).unwrap();
    let daemon = Unread::start(&site, terminal.slave.try_clone().unwrap());
    Unread::works(&site);
    assert!(blocks(&terminal.slave));
    daemon.stops(&site);
    let (_reader, stderr) = UnixStream::pair().unwrap();
    let stderr = OwnedFd::from(stderr);
    let daemon = Unread::start(&site, stderr.try_clone().unwrap());
    Unread::works(&site);
    assert!(blocks(&stderr));
    daemon.stops(&site);
}

#[test]
fn closed_log_pipe_does_not_end_the_daemon() {
    let site = Site::new();
    let (read_end, write_end) = pipe().unwrap();
    let daemon = Unread::start(&site, write_end);
    drop(read_end);
    Unread::works(&site);
    daemon.stops(&site);
}

/// A refused start ends even if its error message cannot be written.
#[test]
fn refused_start_ends_without_a_reader() {
    let site = Site::new();
    let (_read_end, write_end) = pipe().unwrap();
    let own = File::from(write_end.try_clone().unwrap());
    fcntl(own.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    while io::Write::write(&mut &own, &[b'x'; 4096]).is_ok() {}
    fcntl(own.as_fd(), FcntlArg::F_SETFL(OFlag::empty())).unwrap();
    site.folder.write("Corefile", &wrong());
    let mut command = site.command("run", &[]);
    let mut daemon = Unread(command.stderr(write_end).spawn().unwrap());
    let status = wait_until("the daemon ends", || daemon.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(78));
}

/// `SIGXFSZ` would kill the daemon, and with it the filter.
#[test]
fn log_file_at_its_limit_does_not_end_the_daemon() {
    const LIMIT: usize = 300_000;
    let site = Site::new();
    site.folder.write("Corefile", COREFILE);
    let corexdp = site.command("run", &[]);
    let log = site.folder.file("log");
    // The shared memory of the page takes 256 KiB of the limit.
    let mut content = vec![b'.'; LIMIT - 1000];
    content.push(b'\n');
    fs::write(&log, &content).unwrap();
    let mut command = Command::new("prlimit");
    command.current_dir(site.folder.path());
    command
        .arg(format!("--fsize={LIMIT}"))
        .arg(corexdp.get_program());
    command.args(corexdp.get_args()).stdin(Stdio::null());
    let append = fs::OpenOptions::new().append(true).open(&log).unwrap();
    command.stderr(append);
    let child = site.server.enter(move || command.spawn()).unwrap();
    let daemon = Unread(child);
    wait_until("the daemon answers", || {
        site.asking(&["status"])
            .output()
            .unwrap()
            .status
            .success()
            .then_some(())
    });
    Unread::works(&site);
    assert_eq!(fs::metadata(&log).unwrap().len(), LIMIT as u64);
    // Truncates the log as logrotate's `copytruncate` does.
    File::options()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(0)
        .unwrap();
    wait_until("the log continues", || {
        site.ask(&["reload"]).expect(0, &[]);
        let text = fs::read_to_string(&log).unwrap();
        text.contains(LOST).then_some(())
    });
    daemon.stops(&site);
}
