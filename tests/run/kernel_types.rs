//! Programs built with vmlinux.h, whose accesses have CO-RE relocations.

use std::path::Path;

use support::net::Site;
use support::objects::compile::compile_with;

const COREFILE: &str = ". {\n  ebpf {\n    elf fixed_types.o\n    if edge0\n  }\n}\n";

#[test]
fn stable_types_need_no_kernel_btf() {
    let site = Site::new();
    site.folder.fixture("fixed_types");
    site.run(COREFILE).attached(1).stop();
}

#[test]
fn relocated_types_need_kernel_btf() {
    let site = Site::new();
    compile_with("fixed_types", site.folder.path(), &["-DKERNEL_TYPES"]);
    if Path::new("/sys/kernel/btf/vmlinux").exists() {
        site.run(COREFILE).attached(1).stop();
        return;
    }
    site.refused(COREFILE).refuses(
        65,
        &[
            "Corefile:3: elf: ",
            "fixed_types.o: it needs the types of the running kernel, which has none (no CONFIG_DEBUG_INFO_BTF)",
        ],
    );
}
