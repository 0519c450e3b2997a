//! `corexdp capture` shows packets with their verdicts.

mod pcapng;

use std::fs;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use crate::link_traffic::{self, IFF_TUN};
use crate::verdicts::quiet_site;
use support::net::{Daemon, Outcome, Sender, Site};
use support::packets::frame::{ip4, ip6};
use support::packets::message::query;
use support::wait::{wait_for, wait_until};

const ANY: u16 = 255;

/// A chain of two programs, and two other interfaces.
const COREFILE: &str = ". {
  ebpf {
    if edge0
    elf acl.o
    entry 203.0.113.7 action=ACL_DROP
  }
  ebpf {
    if edge0
    elf qname.o
    entry worse.example action=QNAME_DROP
  }
  ebpf {
    if edge1
    elf dns.o
    entry @settings 0 rate=100000 burst=100000
    entry 255 action=DNS_TRUNCATE
  }
  ebpf {
    if tun0
    elf qname.o
    entry bad.example action=QNAME_DROP
  }
}
";

/// Lines of a pipe so far.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let lines = Self::default();
        let filled = lines.clone();
        thread::spawn(move || {
            for line in pipe
                .into_iter()
                .flat_map(|pipe| BufReader::new(pipe).lines())
            {
                filled.0.lock().unwrap().push(line.unwrap());
            }
        });
        lines
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn have(&self, part: &str) -> bool {
        self.all().iter().any(|line| line.contains(part))
    }
}

/// A running `corexdp capture`, or tshark behind one.
struct Running {
    child: Child,
    out: Lines,
    errors: Lines,
}

impl Running {
    fn spawn(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}; install it"));
        let errors = Lines::of(child.stderr.take());
        let out = Lines::default();
        Self { child, out, errors }
    }

    /// Reads standard output as lines.
    fn lines(mut self) -> Self {
        self.out = Lines::of(self.child.stdout.take());
        self
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for the end with this exit code, and for a line of standard error with `part`.
    fn ended(mut self, code: i32, part: &str) {
        let status = wait_until("the process has ended", || self.child.try_wait().unwrap());
        let errors = wait_until(&format!("standard error has {part:?}"), || {
            let lines = self.errors.all();
            let found = lines.iter().any(|line| line.contains(part));
            if found { Ok(lines) } else { Err(lines) }
        });
        assert_eq!(status.code(), Some(code), "{errors:?}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Killing a process that was waited for has no effect.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three interfaces, one of which has packets without Ethernet header.
fn start() -> (Site, Daemon) {
    let site = quiet_site();
    site.add_wire("edge1", "cli1");
    site.server.run("ip tuntap add tun0 mode tun");
    site.server.run("ip link set tun0 up");
    for program in ["acl", "dns", "qname"] {
        site.folder.shipped(program);
    }
    let daemon = site.run(COREFILE).attached(3);
    (site, daemon)
}

/// Sends packets of each verdict, in rounds, until `is_enough`.
fn send_until(site: &Site, mut is_enough: impl FnMut() -> bool) {
    let question = |name: &str, kind| query(name, kind).bytes;
    let [first, second] = ["cli0", "cli1"].map(|name| Sender::new(&site.client, name));
    let dropped = ip4("203.0.113.7").datagram(53, &question("wWw.Example", 28));
    let refused = ip4("203.0.113.8").datagram(53, &question("worse.example", 16));
    let passed = ip6("2001:db8::7").tcp(443).with(14 + 40 + 13, 2);
    let answered = ip4("198.51.100.7").datagram(53, &question("any.example", ANY));
    let tunnelled = ip4("198.51.100.8").datagram(53, &question("bad.example", 1));
    wait_until("the packets are captured", || {
        first.send(&dropped.bytes, 1);
        first.send(&refused.bytes, 1);
        first.send(&passed.bytes, 1);
        second.send(&answered.bytes, 1);
        link_traffic::write(site, IFF_TUN, &[tunnelled.bytes[14..].to_vec()]);
        is_enough().then_some(())
    });
}

/// Sends packets of each verdict until the capture has ended.
fn send_until_ended(site: &Site, mut running: Running) -> Running {
    send_until(site, || running.child.try_wait().unwrap().is_some());
    running
}

/// The packets of [`send_until`] as lines, without their times.
const LINES: [&str; 5] = [
    "drop edge0/acl 203.0.113.7:40000 > 192.0.2.53:53 www.example AAAA rd",
    "pass edge0/qname [2001:db8::7]:40000 > [2001:db8::53]:443 TCP SYN 74 bytes",
    "tx   edge1/dns 192.0.2.53:53 > 198.51.100.7:40000 any.example ANY NOERROR qr tc rd",
    "drop tun0/qname 198.51.100.8:40000 > 192.0.2.53:53 bad.example A rd",
    "drop edge0/qname 203.0.113.8:40000 > 192.0.2.53:53 worse.example TXT rd",
];

fn capture(site: &Site, words: &[&str]) -> Running {
    Running::spawn(&mut site.asking(&[&["capture"], words].concat()))
}

/// The line without its time, which must be one of the last minutes.
fn without_time(line: &str) -> &str {
    let (time, rest) = line.split_once(' ').unwrap();
    let parts: Vec<u32> = time
        .split([':', '.'])
        .map(|part| part.parse().unwrap())
        .collect();
    assert_eq!(
        (parts.len(), time.len()),
        (4, "23:59:59.123".len()),
        "{line}"
    );
    rest
}

#[test]
fn lines_have_verdict_program_addresses_and_question() {
    let (site, daemon) = start();
    let running = capture(&site, &[]).lines();
    send_until(&site, || LINES.iter().all(|line| running.out.have(line)));
    for line in running.out.all() {
        assert!(LINES.contains(&without_time(&line)), "{line}");
    }
    running.signal(Signal::SIGINT);
    let out = running.out.clone();
    running.ended(0, " packets, 0 lost, sampled 1 in about 1");
    assert!(out.all().len() >= LINES.len());
    daemon.stop();
}

#[test]
fn options_select_packets_and_end_the_capture() {
    let (site, daemon) = start();
    for (words, expected) in [
        (
            &["--verdict", "drop", "-c", "7"][..],
            &[LINES[0], LINES[3], LINES[4]][..],
        ),
        (&["-i", "edge1", "-c", "2"], &[LINES[2]]),
        (&["--verdict", "pass,tx", "-c", "5"], &[LINES[1], LINES[2]]),
        (&["--verdict", "redirect", "--for", "200ms"], &[]),
    ] {
        let running = capture(&site, words).lines();
        let out = running.out.clone();
        let running = send_until_ended(&site, running);
        let count = words[words.len() - 1].parse().unwrap_or(0);
        running.ended(0, &format!("corexdp: {count} packets, 0 lost"));
        wait_for("the number of lines", &count, || out.all().len());
        for line in out.all() {
            assert!(expected.contains(&without_time(&line)), "{words:?} {line}");
        }
    }
    daemon.stop();
}

#[test]
fn capture_ends_with_the_reader_of_its_output() {
    let (site, daemon) = start();
    for words in [&[][..], &["-w", "-"]] {
        let mut running = capture(&site, words);
        drop(running.child.stdout.take());
        // Without any packet.
        running.ended(0, "corexdp: 0 packets, 0 lost");
    }
    daemon.stop();
}

#[test]
fn capture_goes_on_after_a_reload_and_ends_with_the_daemon() {
    let (site, daemon) = start();
    let running = capture(&site, &["-i", "edge0"]).lines();
    send_until(&site, || running.out.have(LINES[0]));
    site.folder.write(
        "Corefile",
        &COREFILE.replace("203.0.113.7 action=ACL_DROP", "203.0.113.7 action=ACL_PASS"),
    );
    site.ask(&["reload"]).expect(0, &[]);
    let passed = LINES[0].replace("drop edge0/acl", "pass edge0/qname");
    send_until(&site, || running.out.have(&passed));
    daemon.stop();
    running.ended(69, "no daemon listens at control");
}

#[test]
fn capture_without_samples_or_output_is_refused() {
    let (site, daemon) = start();
    let ask = |words: &[&str]| site.ask(&[&["capture", "--for", "10s"], words].concat());
    ask(&["-i", "lo"]).refuses(
        69,
        &["lo: no filter; `corexdp status` shows the filtered interfaces"],
    );
    let summary = "corexdp: 0 packets, 0 lost";
    let with_summary = |outcome: Outcome, line: &str| {
        assert_eq!(outcome.lines(), [summary, line]);
        assert_eq!(outcome.code, Some(71));
    };
    let missing = "corexdp: missing/file: No such file or directory (os error 2)";
    ask(&["-w", "missing/file"]).expect(71, &[missing]);
    symlink("other", site.folder.file("link")).unwrap();
    let link = "corexdp: link: is a symbolic link; name the file itself";
    ask(&["-w", "link"]).expect(71, &[link]);
    assert!(!site.folder.file("other").exists());
    nix::unistd::mkfifo(&site.folder.file("fifo"), Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let fifo = "corexdp: fifo: no process reads this pipe; start its reader first";
    ask(&["-w", "fifo"]).expect(71, &[fifo]);
    let full = "corexdp: /dev/full: No space left on device (os error 28)";
    with_summary(ask(&["-w", "/dev/full"]), full);

    let first = capture(&site, &["-w", "new"]);
    wait_until("the first capture has begun", || {
        let length = fs::metadata(site.folder.file("new")).ok()?.len();
        (length > 0).then_some(())
    });
    let mode = fs::metadata(site.folder.file("new"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let pid = first.child.id().to_string();
    ask(&[]).refuses(69, &[&pid, "samples already"]);
    first.signal(Signal::SIGTERM);
    first.ended(0, summary);
    daemon.stop();
    let outcome = ask(&[]);
    outcome.refuses(69, &["no daemon listens at control"]);
}
