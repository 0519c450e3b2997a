//! `exit hold` with `--fallback`: a held filter stays while the Corefile is refused.

use super::{Held, NEW, OLD, corefile};
use support::net::SERVER;
use support::objects::compile::compile;

/// `check` or only the kernel refuses the new Corefile. The fallback adopts the filter with its counters.
#[test]
fn fallback_adopts_the_held_filter() {
    let held = Held::new();
    let folder = &held.site.folder;
    compile("unverifiable", folder.path());
    let daemon = held.start(&corefile(OLD, "exit hold"));
    held.drops("10.11.0.1", 0);
    daemon.stop();
    let filter = held.site.filter();
    folder.write("Old", &corefile(OLD, "exit hold"));
    let unverifiable =
        format!(". {{\nebpf {{\nelf unverifiable.o\nif {SERVER}\nexit hold\n}}\n}}\n");
    for (wrong, so_far) in [(corefile("nonsense", "exit hold"), 2), (unverifiable, 4)] {
        let daemon = held.start_with(&wrong, &["--fallback", "Old"]);
        daemon.line("so the fallback Old is used");
        held.drops("10.11.0.1", so_far);
        assert_eq!(held.site.filter(), filter);
        daemon.stop();
        assert_eq!(held.site.filter(), filter);
    }
    let daemon = held.start_with(&corefile(NEW, "exit hold"), &["--fallback", "Old"]);
    held.drops("10.12.0.1", 0);
    daemon.stop();
}
