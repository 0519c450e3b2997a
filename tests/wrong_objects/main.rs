//! `check` and `run` refuse each wrong object with its line of the Corefile and the reason, and attach no filter.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

use support::net::{Corexdp, Site, finish};
use support::objects::wrong::wrong_objects;

#[test]
fn wrong_objects_are_refused_with_line_and_reason() {
    let site = Site::new();
    let folder = site.folder.file("wrong");
    for (object, message) in wrong_objects(&folder) {
        let name = object.strip_prefix(site.folder.path()).unwrap().display();
        let corefile = format!(". {{\n  ebpf {{\n    if edge0\n    elf {name}\n  }}\n}}\n");
        // The path in the message is absolute or relative, so the test compares its end.
        let parts = ["Corefile:4: elf: ", &format!("{name}: "), message];
        site.refused(&corefile).refuses(65, &parts);
        let check = finish(&mut Corexdp::command(
            site.folder.path(),
            &["check", "-conf", "Corefile"],
        ));
        check.refuses(65, &parts);
    }
}

/// All objects are checked before the first bpf(2) call.
#[test]
fn good_object_beside_a_wrong_object_is_not_attached() {
    let site = Site::new();
    site.add_wire("edge1", "cli1");
    site.folder
        .write("text.o", "int xdp_prog(void) { return 2; }\n");
    let block =
        |object, interface| format!("  ebpf {{\n    elf {object}\n    if {interface}\n  }}\n");
    let corefile = format!(
        ". {{\n{}{}}}\n",
        block("example.o", "edge0"),
        block("text.o", "edge1")
    );
    let outcome = site.refused(&corefile);
    outcome.refuses(
        65,
        &["Corefile:7: elf: ", "text.o", "this is not an ELF file"],
    );
}
