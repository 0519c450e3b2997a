//! Unprivileged users who can write to the folders of the pins.

use super::{Held, OLD, corefile};

const ROOT: &str = "/sys/fs/bpf/corexdp";

#[test]
fn exit_hold_needs_a_bpf_file_system() {
    let held = Held::with("mount -t tmpfs tmpfs /sys/fs/bpf");
    held.refused(&corefile(OLD, "exit hold")).refuses(
        69,
        &[
            "Corefile:8: exit: ",
            "mount -t bpf -o mode=0700 bpf /sys/fs/bpf",
        ],
    );
    assert_eq!(held.site.attached(), None);
    held.start(&corefile(OLD, "exit detach")).stop();
}

/// systemd mounts the BPF file system writable for every user.
#[test]
fn pins_are_private_in_a_public_file_system() {
    let held = Held::with("mount -t bpf bpf /sys/fs/bpf");
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.sh("stat -c %a /sys/fs/bpf"), "1777\n");
    assert_eq!(held.sh(&format!("find {ROOT} -perm /077")), "");
    let moved = held.as_user(&format!(
        "mv {ROOT} {ROOT}2 || ls {ROOT} || ls {}",
        held.folder()
    ));
    assert!(!moved);
    daemon.stop();
    // An earlier version made the pins readable for every user.
    held.sh(&format!("chmod 755 {ROOT} {ROOT}/*"));
    let filter = held.site.filter();
    let daemon = held.start(&corefile(OLD, "exit hold"));
    assert_eq!(held.site.filter(), filter);
    assert_eq!(held.sh(&format!("find {ROOT} -perm /077")), "");
    daemon.stop();
}

/// Fails unless `exit hold` is refused with `what` about `path`, after `planted` has prepared the file system.
fn is_refused(planted: impl Fn(&Held), path: &str, what: &str) {
    let held = Held::with("mount -t bpf bpf /sys/fs/bpf");
    planted(&held);
    let path = path.replace("PINS", &held.folder());
    held.refused(&corefile(OLD, "exit hold"))
        .refuses(69, &["Corefile:8: exit: ", &path, what]);
    assert_eq!(held.site.attached(), None);
    // The folder does not matter to a filter that is not held.
    let daemon = held.start(&corefile(OLD, "exit detach"));
    held.drops("10.11.0.1", 0);
    daemon.stop();
}

#[test]
fn folder_of_a_user_is_refused() {
    let what = "belongs to another user, who may have made pins there";
    is_refused(
        |held| assert!(held.as_user(&format!("mkdir -m 700 {ROOT}"))),
        ROOT,
        what,
    );
    let below = |held: &Held| {
        let pins = held.folder();
        held.sh(&format!("mkdir {ROOT} {pins} && chown 4242 {pins}"));
    };
    is_refused(below, "PINS", what);
}

#[test]
fn folder_writable_by_users_is_refused() {
    let what = "is writable by other users";
    for mode in ["0770", "0777", "1777"] {
        let root = |held: &Held| drop(held.sh(&format!("mkdir {ROOT} && chmod {mode} {ROOT}")));
        is_refused(root, ROOT, what);
        let below = |held: &Held| {
            let pins = held.folder();
            held.sh(&format!("mkdir {ROOT} {pins} && chmod {mode} {pins}"));
        };
        is_refused(below, "PINS", what);
    }
    // Without the sticky bit every user can rename the folders.
    is_refused(
        |held| drop(held.sh("chmod 0777 /sys/fs/bpf")),
        "/sys/fs/bpf",
        what,
    );
}

#[test]
fn symbolic_link_of_a_user_is_not_followed() {
    let planted = |held: &Held| {
        assert!(held.as_user(&format!("mkdir -m 755 {ROOT}2 && ln -s {ROOT}2 {ROOT}")));
    };
    is_refused(planted, ROOT, "is not a folder");
}
