//! The tools of libxdp, `xdp-loader` and its dispatcher, before corexdp at an interface and beside it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, PoisonError};

use nix::net::if_::if_nametoindex;

use crate::packet;
#[cfg(feature = "faults")]
use support::net::Daemon;
use support::net::{Attached, GENERIC, NATIVE, Namespace, SERVER, Site, succeed};

const MODES: [(&str, u64, &str); 2] = [
    ("native", NATIVE, "xdpdrv"),
    ("generic", GENERIC, "xdpgeneric"),
];

/// Drops packets from 10.11.0.0/16.
fn corefile(more: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if {SERVER}\n    elf example.o\n    map 0A0B0000.FFFF0000.00000000\n    \
         metric dropped 00000000 8 4 \"Dropped.\"\n    {more}\n  }}\n}}\n"
    )
}

/// Held while a tool of xdp-tools runs: a second process of the same tool fails at the lock file of the first.
static TOOLS: Mutex<()> = Mutex::new(());

/// Runs a tool that may fail.
fn attempt(namespace: &Namespace, line: &str) -> Output {
    let _turn = TOOLS.lock().unwrap_or_else(PoisonError::into_inner);
    namespace.attempt(line)
}

/// Runs a tool that must succeed, and returns its output.
fn run(namespace: &Namespace, line: &str) -> String {
    succeed(line, &attempt(namespace, line))
}

/// Attaches a program of an object as iproute2 does: without a link.
fn attach(site: &Site, object: &Path, how: &str) {
    let object = object.display();
    let line = format!("ip link set dev {SERVER} {how} obj {object} sec xdp");
    site.server.run(&line);
}

/// Starts corexdp at an interface with another program. Returns the message of the refusal.
fn refusal(site: &Site) -> String {
    let foreign = site.filter();
    site.folder.write("Corefile", &corefile(""));
    let outcome = site.finish(&mut site.command("run", &[]));
    let program = format!("id {}, name {}", foreign.id, foreign.name);
    outcome.refuses(
        69,
        &[
            "Corefile:4: if: interface edge0 has another XDP program, ",
            &program,
        ],
    );
    assert_eq!(site.filter(), foreign);
    outcome.stderr
}

/// Runs the command in a message that begins with `start`, and checks that the interface is free for a filter.
fn remedy_works(site: &Site, message: &str, start: &str) {
    let commands = message.split('`').skip(1).step_by(2);
    let mut commands = commands.filter(|command| command.starts_with(start));
    let command = commands
        .next()
        .unwrap_or_else(|| panic!("no {start} in {message}"));
    run(&site.server, command);
    assert_eq!(site.attached(), None, "{command}");
    site.run(&corefile("")).attached(1).stop();
}

#[test]
fn refusal_names_the_command_that_detaches_in_this_mode() {
    for (_, mode, how) in MODES {
        let site = Site::new();
        site.folder.fixture("foreign");
        attach(&site, &site.folder.file("foreign.o"), how);
        assert_eq!(site.filter().mode, mode);
        remedy_works(&site, &refusal(&site), "ip link set ");
    }
}

/// Not every kernel accepts libxdp's extensions of the dispatcher, so the dispatcher is attached without a program.
#[test]
fn refusal_names_the_dispatcher_of_libxdp() {
    for (_, _, how) in MODES {
        let site = Site::new();
        attach(&site, &super::foreign::installed("xdp-dispatcher"), how);
        let message = refusal(&site);
        let owner = ", name xdp_dispatcher, the dispatcher of libxdp or bpfman: ";
        assert!(message.contains(owner), "{message}");
        assert!(message.contains("`bpfman unload"), "{message}");
        run(&site.server, "xdp-loader status edge0");
        remedy_works(&site, &message, "xdp-loader unload edge0 --all");
    }
}

/// The folder of a dispatcher's pins. Dropping it removes the folder.
struct Pins(PathBuf);

impl Pins {
    fn new(interface: &str, site: &Site, dispatcher: &Attached) -> Self {
        let index = site.server.enter(|| if_nametoindex(interface)).unwrap();
        let name = format!("/sys/fs/bpf/xdp/dispatch-{index}-{}", dispatcher.id);
        fs::create_dir_all(&name).unwrap();
        Self(name.into())
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        // xdp-loader may have removed the folder.
        let _ = fs::remove_dir(&self.0);
    }
}

/// A running daemon cannot read the names of programs, but libxdp's pins have the ids of its dispatchers in their names.
#[test]
fn reload_names_the_dispatcher_of_libxdp() {
    let site = Site::new();
    let daemon = site.run(&corefile("")).attached(1);
    site.add_wire("edge1", "cli1");
    let object = super::foreign::installed("xdp-dispatcher");
    let line = format!("ip link set dev edge1 xdp obj {} sec xdp", object.display());
    site.server.run(&line);
    let dispatcher = Attached::on(&site.server, "edge1").unwrap();
    let more = "  }\n  ebpf {\n    if edge1\n    elf example.o\n";
    site.folder.write("Corefile", &corefile(more));
    let program = format!(
        "interface edge1 has another XDP program, id {}, name unknown",
        dispatcher.id
    );
    site.ask(&["reload"])
        .refuses(69, &[&format!("{program}; if another corexdp")]);
    let _pins = Pins::new("edge1", &site, &dispatcher);
    let remedy = "`xdp-loader unload edge1 --all`";
    site.ask(&["reload"]).refuses(
        69,
        &[&format!("{program}, the dispatcher of libxdp"), remedy],
    );
    run(&site.server, "xdp-loader unload edge1 --all");
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

/// libxdp attaches the dispatcher, or the program itself on a kernel without extensions.
#[test]
fn program_of_xdp_loader_is_refused_until_it_is_unloaded() {
    for mode in ["native", "skb"] {
        let site = Site::new();
        site.folder.fixture("foreign");
        let object = site.folder.file("foreign.o");
        let load = format!("xdp-loader load -m {mode} edge0 {}", object.display());
        run(&site.server, &load);
        let message = refusal(&site);
        let start = if site.filter().name == "xdp_dispatcher" {
            "xdp-loader unload"
        } else {
            "ip link set"
        };
        remedy_works(&site, &message, start);
    }
}

fn fails(output: &Output, error: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && errors.contains(error),
        "{error}: {output:?}"
    );
}

/// Tries to attach another program and to detach the filter by xdp-loader. Both fail, and the filter filters.
fn filter_withstands(site: &Site, filter: &Attached) {
    let object = site.folder.file("foreign.o");
    let status = run(&site.server, "xdp-loader status edge0");
    assert!(status.contains(&filter.name), "{status}");
    let load = format!("xdp-loader load edge0 {} -m", object.display());
    for load in [
        &format!("{load} native"),
        &format!("{load} skb"),
        "xdp-filter load edge0",
    ] {
        let output = attempt(&site.server, load);
        fails(&output, "Existing program is not using a dispatcher");
    }
    for what in ["--all", &format!("--id {}", filter.id)] {
        let unload = format!("xdp-loader unload edge0 {what}");
        fails(
            &attempt(&site.server, &unload),
            "Can't replace active BPF XDP link",
        );
    }
    assert_eq!(site.attached().as_ref(), Some(filter));
    let receiver = site.receiver();
    let sender = site.sender();
    sender.send(&packet("10.11.0.1"), 2);
    sender.send(&packet("10.12.0.1"), 1);
    let arrived = support::wait::wait_until("the packet that passes", || receiver.next());
    assert_eq!(arrived, packet("10.12.0.1"));
}

#[test]
fn xdp_loader_neither_replaces_nor_detaches_a_filter() {
    for (name, mode, _) in MODES {
        let site = Site::new();
        site.folder.fixture("foreign");
        let daemon = site.run(&corefile(&format!("mode {name}"))).attached(1);
        let filter = site.filter();
        assert_eq!(filter.mode, mode);
        filter_withstands(&site, &filter);
        site.metric_becomes("coredns_ebpf_dropped", 2);
        site.metric_becomes("corexdp_filter_reattached_total{interface=\"edge0\"}", 0);
        let lines = daemon.stop();
        assert!(
            !lines.iter().any(|line| line.contains("warning")),
            "{lines:?}"
        );
    }
}

#[test]
fn xdp_loader_neither_replaces_nor_detaches_a_held_filter() {
    for (name, ..) in MODES {
        let site = Site::new();
        site.folder.fixture("foreign");
        let text = corefile(&format!("mode {name}\n    exit hold"));
        site.run(&text).attached(1).stop();
        let filter = site.filter();
        filter_withstands(&site, &filter);
        let daemon = site.run(&text).attached(1);
        assert_eq!(site.filter(), filter);
        site.metric_becomes("coredns_ebpf_dropped", 2);
        site.folder.write("Corefile", ". {\n}\n");
        site.ask(&["reload"]).expect(0, &[]);
        daemon.stop();
    }
}

/// Before Linux 5.9 there are no XDP links.
#[cfg(feature = "faults")]
#[test]
fn filter_attached_over_netlink_returns_after_xdp_loader_unloads_it() {
    for (name, ..) in MODES {
        let site = Site::new();
        site.folder
            .write("Corefile", &corefile(&format!("mode {name}")));
        let mut command = site.command("run", &[]);
        command.env("COREXDP_FAULT", "link_create:EINVAL");
        let daemon = site
            .server
            .enter(|| Daemon::spawn(&mut command))
            .attached(1);
        let filter = site.filter();
        run(&site.server, "xdp-loader unload edge0 --all");
        daemon.line("warning: edge0: another process detached the program");
        daemon.line("edge0: attached again in ");
        assert_eq!(site.filter(), filter);
        daemon.stop();
    }
}
