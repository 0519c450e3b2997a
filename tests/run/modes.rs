//! The mode of a filter: native in the driver, or generic in the network stack.

use nix::sys::signal::Signal;

use support::net::{Attached, CLIENT, GENERIC, NATIVE, SERVER, Site, open_link};

fn corefile(mode: &str) -> String {
    format!(". {{\n  ebpf {{\n    if edge0\n    elf example.o\n    {mode}\n  }}\n}}\n")
}

/// Makes the driver refuse native mode: veth requires that a packet of its peer fits into one page.
fn refuse_native(site: &Site) {
    site.client.run(&format!("ip link set {CLIENT} mtu 9000"));
    site.server.run(&format!("ip link set {SERVER} mtu 9000"));
}

const REASON: &str = "Peer MTU is too large to set XDP";

#[test]
fn filter_attaches_in_the_configured_mode() {
    for (option, mode, word) in [
        ("", NATIVE, "native"),
        ("mode auto", NATIVE, "native"),
        ("mode native", NATIVE, "native"),
        ("mode generic", GENERIC, "generic"),
    ] {
        let site = Site::new();
        let daemon = site.run(&corefile(option)).attached(1);
        let filter = site.filter();
        let expected = Attached {
            id: filter.id,
            name: "xdp_prog".to_owned(),
            mode,
        };
        assert_eq!(filter, expected, "{option}");
        let line = format!("edge0: attached xdp_prog (id {}) in {word} mode", filter.id);
        assert_eq!(daemon.lines_with(" attached "), [line]);
        let lines = daemon.stop();
        assert!(
            !lines.iter().any(|line| line.starts_with("warning: ")),
            "{lines:#?}"
        );
    }
}

/// As while `bpftool link show` runs.
#[test]
fn mode_changes_while_another_process_has_the_link_open() {
    let site = Site::new();
    let daemon = site.run(&corefile("mode generic")).attached(1);
    let link = open_link(&site.filter());
    site.folder.write("Corefile", &corefile("mode native"));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    assert_eq!(site.filter().mode, NATIVE);
    let last = open_link(&site.filter());
    daemon.stop();
    assert_eq!(site.attached(), None);
    drop((link, last));
}

#[test]
fn mode_auto_falls_back_to_generic_and_gives_the_reason() {
    let site = Site::new();
    refuse_native(&site);
    let daemon = site.run(&corefile("mode auto")).attached(1);
    assert_eq!(site.filter().mode, GENERIC);
    let warnings = daemon.lines_with("warning: ");
    let [warning] = &warnings[..] else {
        panic!("{warnings:#?}");
    };
    for part in ["edge0", "native", "generic", REASON] {
        assert!(warning.contains(part), "{part} in {warning:?}");
    }
    daemon.stop();
}

#[test]
fn mode_native_does_not_fall_back() {
    let site = Site::new();
    refuse_native(&site);
    let outcome = site.refused(&corefile("mode native"));
    outcome.refuses(71, &["edge0", "native", REASON]);
}

#[test]
fn mode_offload_needs_support_of_the_driver() {
    let site = Site::new();
    site.refused(&corefile("mode offload"))
        .refuses(71, &["edge0", "offload"]);
}
