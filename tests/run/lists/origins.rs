//! Lines of lists that `corexdp test` names.

use super::site;

#[test]
fn long_lines_and_a_last_line_without_an_end_are_counted() {
    let site = site();
    let long = "; comment".repeat(10_000);
    let list = format!("192.0.2.0/24\n{long}\n198.51.100.0/24\n{long}\n203.0.113.0/24");
    site.folder.write("block", &list);
    let daemon = site.run(&super::corefile(super::BLOCK)).attached(1);
    for (address, line) in [("192.0.2.1", 1), ("198.51.100.1", 3), ("203.0.113.1", 5)] {
        let shown = site.ask(&["test", "@networks", address]).stdout;
        assert!(shown.ends_with(&format!("/block:{line}\n")), "{shown}");
    }
    daemon.stop();
}
