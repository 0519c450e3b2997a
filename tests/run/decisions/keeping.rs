//! Decisions survive a reload and a restart.

use std::fs;

use nix::sys::signal::Signal;

use super::{FILE, blocks, corefile, drops, entries, kept, start};

#[test]
fn restart_and_reload_keep_decisions() {
    let site = blocks();
    let daemon = start(&site, "");
    site.decide(&["add", "192.0.2.7", "action=BLOCK_DROP", "for", "1h"])
        .expect(0, &[]);
    site.decide(&["add", "@hosts", "192.0.2.8", "action=BLOCK_DROP"])
        .expect(0, &[]);
    let check = || {
        assert!(drops(&site, "192.0.2.7") && drops(&site, "192.0.2.8"));
        assert_eq!((entries(&site, "xdp_map"), kept(&site).len()), (1, 2));
    };
    check();
    // Entries alone change, then the program is loaded anew.
    for (number, lines) in [
        "    entry @hosts 198.51.100.7 action=BLOCK_DROP\n",
        "    mode generic\n",
    ]
    .iter()
    .enumerate()
    {
        site.folder.write("Corefile", &corefile(lines));
        daemon.signal(Signal::SIGHUP);
        daemon.nth_line(number, "reload: done");
        check();
    }
    daemon.stop();
    let daemon = start(&site, "");
    check();
    daemon.kill();
    let daemon = start(&site, "");
    check();
    // The Corefile gives the key now: the decision gives way, and the end of its time changes nothing.
    let lines = "    entry 192.0.2.7 action=BLOCK_PASS\n";
    site.folder.write("Corefile", &corefile(lines));
    site.ask(&["reload"]).expect(0, &[]);
    assert!(!drops(&site, "192.0.2.7"));
    site.decide(&["delete", "192.0.2.7"]).expect(
        69,
        &["corexdp: delete: 192.0.2.7/32 is given by the Corefile; change it there"],
    );
    assert_eq!(kept(&site).len(), 1);
    daemon.stop();
}

#[test]
fn garbage_in_the_file_is_named_and_the_rest_is_restored() {
    let site = blocks();
    fs::create_dir(site.folder.file("state")).unwrap();
    let text = "# a comment\n\
        edge0 blocks entry 192.0.2.7/32 action=BLOCK_DROP\n\
        garbage\n\
        edge0 blocks entry 192.0.2.8/32 action=NOTHING\n\
        edge0 blocks entry 192.0.2.9/32 action=BLOCK_DROP until 2020-01-01T00:00:00Z\n\
        edge0 blocks entry 192.0.2.9/32 action=BLOCK_DROP until yesterday\n\
        edge9 blocks entry 192.0.2.7/32 action=BLOCK_DROP\n\
        edge0 blocks entry @more 192.0.2.7/32 action=BLOCK_DROP\n\
        edge0 blocks entry 192.0.2.6/32 action=BLOCK_DROP pending\n\
        \u{0}\u{1}\n";
    site.folder.write(FILE, text);
    let daemon = start(&site, "");
    let warnings = daemon.lines_with("not restored");
    let expected = [
        "warning: state/decisions:3: decision not restored: not a decision; write INTERFACE OBJECT entry [@MAP] KEY FIELD=VALUE… [until TIME]",
        "warning: state/decisions:4: decision not restored: action is enum block, 4 bytes; it takes BLOCK_NONE, BLOCK_DROP or BLOCK_PASS, not \"NOTHING\"",
        "warning: state/decisions:6: decision not restored: \"yesterday\" is not a time such as 2026-01-31T23:59:59Z",
        "warning: state/decisions:7: decision not restored: edge9 has no filter blocks",
        "warning: state/decisions:8: decision not restored: blocks has no map more",
        "warning: state/decisions: 1 more decisions not restored",
    ];
    assert_eq!(warnings, expected);
    assert!(drops(&site, "192.0.2.7") && !drops(&site, "192.0.2.6"));
    assert_eq!(entries(&site, "xdp_map"), 1);
    daemon.stop();
}
