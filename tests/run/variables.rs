//! Global variables of a program: constants that the Corefile sets, and counters that the page shows.

use nix::sys::signal::Signal;

use crate::packet;
use support::net::{Corexdp, Site, finish};

fn corefile(entries: &str) -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    elf variables.o\n    if edge0\n{entries}    gauge packets @.bss 0 packets \"Packets.\"\n    gauge weight @.data 0 weight \"Weight.\"\n    gauge step @.rodata 0 step \"Step.\"\n    gauge numbered @.data 0 number.numbered \"Numbered.\"\n  }}\n}}\n"
    )
}

fn site() -> Site {
    let site = Site::new();
    site.folder.fixture("variables");
    site
}

#[test]
fn variables_have_the_initial_values_of_the_object() {
    let site = site();
    let daemon = site.run(&corefile("")).attached(1);
    site.sender().send(&packet("192.0.2.1"), 3);
    for (name, value) in [
        ("packets", 3),
        ("weight", 103),
        ("step", 1),
        ("numbered", 43),
    ] {
        let name = format!("coredns_ebpf_{name}");
        site.metric_becomes(&name, value);
    }
    daemon.stop();
}

#[test]
fn entries_set_variables_before_the_program_is_loaded() {
    let site = site();
    let text = corefile(
        "    entry @.rodata 0 verdict=XDP_DROP\n    entry @.rodata 0 step=5\n    entry @.data 0 weight=1000 number.numbered=7\n",
    );
    let daemon = site.run(&text).attached(1);
    site.sender().send(&packet("192.0.2.1"), 2);
    for (name, value) in [
        ("packets", 10),
        ("weight", 1010),
        ("step", 5),
        ("numbered", 9),
    ] {
        let name = format!("coredns_ebpf_{name}");
        site.metric_becomes(&name, value);
    }
    daemon.stop();
}

#[test]
fn reload_with_another_constant_loads_the_program_again() {
    let site = site();
    let daemon = site
        .run(&corefile("    entry @.rodata 0 step=5\n"))
        .attached(1);
    let name = "coredns_ebpf_step";
    site.metric_becomes(name, 5);
    site.folder
        .write("Corefile", &corefile("    entry @.rodata 0 step=7\n"));
    daemon.signal(Signal::SIGHUP);
    site.metric_becomes(name, 7);
    daemon.stop();
}

#[test]
fn wrong_variables_are_refused() {
    let site = site();
    for (entry, message) in [
        (
            "entry @.rodata 0 stop=5",
            "Corefile:6: entry: section .rodata has no member stop; did you mean step?",
        ),
        (
            "entry @.rodata 1 step=5",
            "Corefile:6: entry: index 1 is past the end of .rodata; the last is 0",
        ),
        (
            "entry @.rodata 0 step=5000000000",
            "Corefile:6: entry: step is __u32",
        ),
    ] {
        site.folder
            .write("Corefile", &corefile(&format!("    {entry}\n")));
        let check = finish(&mut Corexdp::command(
            site.folder.path(),
            &["check", "-conf", "Corefile"],
        ));
        check.refuses(78, &[message]);
    }
}

#[test]
fn inspect_lists_variables() {
    let site = site();
    let inspect = finish(&mut Corexdp::command(
        site.folder.path(),
        &["inspect", "variables.o"],
    ));
    for line in [
        "  .rodata: array, room for 1 entry\n    key: 0\n",
        "verdict  enum xdp_action",
        "  .bss: array, room for 1 entry\n    key: 0\n",
        "packets  __u64",
        "  # entry @.rodata 0 verdict=XDP_PASS\n",
    ] {
        assert!(inspect.stdout.contains(line), "{line}: {}", inspect.stdout);
    }
    let (_, block) = inspect.stdout.split_once("\n\n").unwrap();
    for block in [block, &block.replace("# entry", "entry")] {
        site.folder.write("Corefile", &format!(". {{\n{block}}}\n"));
        finish(&mut Corexdp::command(site.folder.path(), &["check"])).expect(0, &[]);
    }
}
