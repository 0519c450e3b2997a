//! `exit hold`: the filter outlives its daemon, and the next one adopts it.

use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;

use crate::packet;
use support::net::{CLIENT, Daemon, Outcome, SERVER, Site, detach_link};
use support::wait::wait_for;

const PINS: &str = "/sys/fs/bpf/corexdp/edge0";

/// A site with a BPF file system of its own, since pins go by the interface's name alone.
struct Held {
    site: Site,
    mounts: Child,
}

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.mounts.kill();
        let _ = self.mounts.wait();
    }
}

impl Held {
    fn new() -> Self {
        Self::with("mount -t bpf bpf /sys/fs/bpf")
    }

    /// With what this command makes of the mounts.
    fn with(mounts: &str) -> Self {
        let site = Site::new();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c"]);
        command.arg(format!("{mounts} && echo && exec sleep infinity"));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = [0];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut line).unwrap();
        Self {
            site,
            mounts: child,
        }
    }

    /// The command, among these mounts.
    fn among(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--mount=/proc/{}/ns/mnt", self.mounts.id()));
        inside.arg(format!("--wdns={}", self.site.folder.path().display()));
        inside.arg("--").arg(command.get_program());
        inside.args(command.get_args());
        for (name, value) in command.get_envs() {
            inside.env(name, value.unwrap_or_default());
        }
        inside
    }

    fn start(&self, corefile: &str) -> Daemon {
        self.start_with(corefile, &[])
    }

    fn start_with(&self, corefile: &str, more: &[&str]) -> Daemon {
        self.site.folder.write("Corefile", corefile);
        let mut command = self.among(&self.site.command("run", more));
        let spawn = || Daemon::spawn(&mut command);
        self.site.server.enter(spawn).attached(1)
    }

    fn refused(&self, corefile: &str) -> Outcome {
        self.site.folder.write("Corefile", corefile);
        let mut command = self.among(&self.site.command("run", &[]));
        self.site.finish(&mut command)
    }

    /// Runs a shell's line among the mounts, and gives what it prints.
    fn sh(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        let output = self.among(&command).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The number of pinned states, and true if the attachment is pinned.
    fn pins(&self) -> (usize, bool) {
        let names = self.sh(&format!("ls {PINS} 2>/dev/null || true"));
        let link = names.lines().any(|name| name == "link");
        (names.lines().filter(|name| name.len() == 16).count(), link)
    }

    fn drops(&self, source: &str, so_far: u64) {
        self.site.sender().send(&packet(source), 2);
        self.site.metric_becomes("coredns_ebpf_dropped", so_far + 2);
    }
}

fn corefile(network: &str, exit: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf example.o\n    map {network}.FFFF0000.00000000\n    metric dropped 00000000 8 4 \"Dropped.\"\n    {exit}\n  }}\n}}\n"
    )
}

fn other(network: &str, exit: &str) -> String {
    corefile(network, exit).replace("example.o", "other/example.o")
}

const OLD: &str = "0A0B0000";
const NEW: &str = "0A0C0000";

/// However the daemon ends; SIGKILL leaves it no time to do anything.
#[test]
fn a_held_filter_is_adopted_with_its_counters() {
    let held = Held::new();
    let mut daemon = held.start(&corefile(OLD, "exit hold"));
    let filter = held.site.filter();
    for (round, signal) in [Signal::SIGTERM, Signal::SIGKILL].into_iter().enumerate() {
        let so_far = 4 * round as u64;
        held.drops("10.11.0.1", so_far);
        if signal == Signal::SIGTERM {
            assert_eq!(
                daemon.stop().last().unwrap(),
                "stopped by SIGTERM, held filters stay"
            );
        } else {
            daemon.kill();
        }
        assert_eq!(held.site.filter(), filter);
        // Nobody is there to see these dropped.
        held.site.sender().send(&packet("10.11.0.1"), 2);
        daemon = held.start(&corefile(OLD, "exit hold"));
        assert_eq!(held.site.filter(), filter);
        held.site.metric_becomes("coredns_ebpf_dropped", so_far + 4);
        assert_eq!(held.pins(), (1, true));
    }
    daemon.stop();
}

#[test]
fn changed_corefile_replaces_the_held_filter() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    let daemon = held.start(&corefile(NEW, "exit hold"));
    assert_ne!(held.site.filter().id, filter.id);
    held.drops("10.12.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

#[test]
fn exit_detach_releases_the_held_filter() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let daemon = held.start(&corefile(OLD, "exit detach"));
    held.drops("10.11.0.1", 0);
    assert_eq!(held.pins(), (0, false));
    daemon.stop();
    assert_eq!(held.site.attached(), None);
}

#[test]
fn reload_pins_and_unpins() {
    let held = Held::new();
    held.site.add_other_object();
    let daemon = held.start(&corefile(OLD, ""));
    let mut reloads = 0;
    let mut reload = |corefile: &str| {
        held.site.folder.write("Corefile", corefile);
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(reloads, "reload: done");
        reloads += 1;
    };
    for (text, pins) in [
        (corefile(OLD, "exit hold"), (1, true)),
        (corefile(NEW, "exit hold"), (1, true)),
        (other(NEW, "exit hold"), (1, true)),
        (corefile(NEW, "exit hold\nmode generic"), (1, true)),
        (corefile(NEW, "mode generic"), (0, false)),
        (corefile(OLD, "exit hold"), (1, true)),
        (". {\n prometheus\n}\n".to_owned(), (0, false)),
    ] {
        reload(&text);
        assert_eq!(held.pins(), pins, "{text}");
    }
    assert_eq!(held.site.attached(), None);
    daemon.stop();
}

/// Counters go on over reload and restart where the entry is the same.
#[test]
fn entries_that_a_reload_changed_are_adopted() {
    let held = Held::new();
    let more = |network: &str| {
        let more = format!("map {network}.FFFF0000.00000000\n    exit hold");
        corefile(OLD, &more)
    };
    let daemon = held.start(&more("0A0D0000"));
    held.drops("10.11.0.1", 0);
    let filter = held.site.filter();
    held.site.folder.write("Corefile", &more(NEW));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
    let daemon = held.start(&more(NEW));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

/// A daemon that died while it changed entries leaves a state of this name: nobody knows which of them are there.
#[test]
fn entries_that_were_being_changed_are_not_adopted() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    held.sh(&format!(
        "mv {PINS}/????????????????  {PINS}/0000000000000000"
    ));
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_ne!(held.site.filter().id, filter.id);
    held.drops("10.11.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

#[test]
fn a_refused_start_leaves_the_held_filter_as_it_is() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    let text = corefile(NEW, "exit hold") + ":2 {\nebpf {\nif edge1\nelf example.o\n}\n}\n";
    held.refused(&text).refuses(69, &["edge1"]);
    assert_eq!(held.site.filter(), filter);
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn the_pin_of_an_interface_that_has_gone_is_refused() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    held.site.server.run("ip link delete edge0");
    held.site.add_wire(SERVER, CLIENT);
    let path = format!("{PINS}/link is of an interface that has gone; remove it");
    held.refused(&corefile(OLD, "exit hold"))
        .refuses(69, &["Corefile:8: exit: ", &path]);
    assert_eq!(held.site.attached(), None);
    held.sh(&format!("rm {PINS}/link"));
    held.start(&corefile(OLD, "exit hold")).stop();
}

#[test]
fn a_foreign_pin_is_refused_and_stays() {
    let held = Held::new();
    held.sh(&format!("mkdir -p {PINS}"));
    held.sh(&format!(
        "bpftool map create {PINS}/link type array key 4 value 4 entries 1 name alien"
    ));
    let path = format!("{PINS}/link is no attachment; remove it");
    held.refused(&corefile(OLD, "exit hold"))
        .refuses(69, &["Corefile:8: exit: ", &path]);
    assert_eq!(held.pins(), (0, true));
    assert_eq!(held.site.attached(), None);
}

/// The daemon dies between pinning the state and pinning the attachment.
#[test]
fn a_crash_half_way_is_recovered() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.sh(&format!("rm {PINS}/link"));
    daemon.kill();
    wait_for("the program of the interface", &None, || {
        held.site.attached()
    });
    assert_eq!(held.pins(), (1, false));
    let daemon = held.start(&corefile(NEW, "exit hold"));
    held.drops("10.12.0.1", 0);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
}

#[test]
fn an_interface_that_returns_is_held_again() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    held.site.server.run("ip link delete edge0");
    daemon.line("warning: edge0: the interface has gone");
    held.site.add_wire(SERVER, CLIENT);
    daemon.line("edge0: attached again in native mode");
    daemon.stop();
    let filter = held.site.filter();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

#[test]
fn unconfirmed_filter_is_not_held() {
    let held = Held::new();
    let daemon = held.start_with(&corefile(OLD, "exit hold"), &["--confirm", "1m"]);
    assert!(!held.pins().1);
    daemon.kill();
    wait_for("the program of the interface", &None, || {
        held.site.attached()
    });
    let daemon = held.start_with(&corefile(OLD, "exit hold"), &["--confirm", "1m"]);
    held.site.ask(&["confirm"]).expect(0, &[]);
    assert_eq!(held.pins(), (1, true));
    daemon.stop();
    assert!(held.site.attached().is_some());
}

#[test]
fn a_start_that_is_not_confirmed_gives_the_held_filter_its_place_back() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    daemon.stop();
    let filter = held.site.filter();
    let daemon = held.start_with(&corefile(NEW, "exit hold"), &["--confirm", "300ms"]);
    let (code, lines) = daemon.ended();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert_eq!(held.site.filter(), filter);
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

#[test]
fn without_a_bpf_file_system_it_is_refused() {
    let held = Held::with("mount -t tmpfs tmpfs /sys/fs/bpf");
    held.refused(&corefile(OLD, "exit hold"))
        .refuses(69, &["Corefile:8: exit: ", "mount -t bpf bpf /sys/fs/bpf"]);
    assert_eq!(held.site.attached(), None);
}

/// Somebody detached the pinned link. It is pinned again for the next daemon, at the latest when this one ends.
#[test]
fn a_detached_filter_is_held_again() {
    let held = Held::new();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    let filter = held.site.filter();
    detach_link(&filter);
    held.site.ask(&["status"]).expect(0, &[]);
    assert_eq!(
        (held.site.filter(), held.pins()),
        (filter.clone(), (1, true))
    );
    detach_link(&filter);
    daemon.stop();
    assert_eq!(
        (held.site.filter(), held.pins()),
        (filter.clone(), (1, true))
    );
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
}

/// Kernels before 5.9 have no links for XDP; there the program stays unless it is taken away.
#[cfg(feature = "faults")]
#[test]
fn without_links_it_is_held_over_netlink() {
    let held = Held::new();
    let start = |exit: &str| {
        held.site.folder.write("Corefile", &corefile(OLD, exit));
        let mut command = held.site.command("run", &[]);
        command.env("COREXDP_FAULT", "link_create:EINVAL");
        let mut command = held.among(&command);
        let spawn = || Daemon::spawn(&mut command);
        held.site.server.enter(spawn).attached(1)
    };
    let daemon = start("exit hold");
    held.drops("10.11.0.1", 0);
    daemon.stop();
    let filter = held.site.filter();
    let daemon = start("exit hold");
    assert_eq!(held.site.filter(), filter);
    held.drops("10.11.0.1", 2);
    daemon.stop();
    start("exit detach").stop();
    assert_eq!(held.site.attached(), None);
}

/// A filter on an interface that is down is adopted, and replaced, as on one that is up.
#[test]
fn a_filter_is_adopted_on_an_interface_that_is_down() {
    let held = Held::new();
    held.start(&corefile(OLD, "exit hold")).stop();
    let filter = held.site.filter();
    held.site.server.run("ip link set edge0 down");
    held.start(&corefile(OLD, "exit hold")).stop();
    assert_eq!(held.site.filter(), filter);
    let daemon = held.start(&corefile(NEW, "exit hold"));
    held.site.server.run("ip link set edge0 up");
    held.drops("10.12.0.1", 0);
    daemon.stop();
    assert_eq!(held.pins(), (1, true));
}
