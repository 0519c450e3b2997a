//! The folder of the file that keeps decisions: who may write there, and what a file in the way does.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::PathBuf;

use super::{FILE, blocks, drops, entries, kept, start};
use support::net::Site;

const LOST: &str = "a restart of the daemon loses new decisions and restores deleted ones";

/// Creates the folder.
fn folder(site: &Site) -> PathBuf {
    let folder = site.folder.file("state");
    fs::create_dir(&folder).unwrap();
    folder
}

fn writable(site: &Site, mode: u32) {
    fs::set_permissions(site.folder.file("state"), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn deletion_that_cannot_be_kept_fails() {
    let site = blocks();
    let daemon = start(&site, "");
    for key in ["192.0.2.7", "192.0.2.8"] {
        site.decide(&["add", key, "action=BLOCK_DROP"])
            .expect(0, &[]);
    }
    let obstacle = site.folder.file("state/decisions.new");
    fs::create_dir(&obstacle).unwrap();
    let message =
        format!("corexdp: cannot keep decisions in state: Is a directory (os error 21); {LOST}");
    site.decide(&["delete", "192.0.2.7"])
        .expect(71, &[&message]);
    assert!(!drops(&site, "192.0.2.7"));
    fs::remove_dir(&obstacle).unwrap();
    // There is no decision any more, but its line.
    site.decide(&["delete", "192.0.2.7"])
        .refuses(1, &["no decision about 192.0.2.7/32 in xdp_map"]);
    assert_eq!(kept(&site).len(), 1);
    daemon.stop();
}

#[test]
fn links_in_the_folder_are_not_followed() {
    let site = blocks();
    let (daemon, folder) = (start(&site, ""), folder(&site));
    let other = site.folder.file("other");
    for (number, name) in ["decisions.new", "lock"].iter().enumerate() {
        fs::write(&other, "precious").unwrap();
        fs::remove_file(folder.join("lock")).ok();
        symlink(&other, folder.join(name)).unwrap();
        let key = format!("192.0.2.{number}");
        let added = site.decide(&["add", &key, "action=BLOCK_DROP"]);
        match *name {
            "lock" => added.refuses(0, &["cannot keep decisions in state: ", "symbolic links"]),
            _ => added.expect(0, &[]),
        }
        assert_eq!(fs::read_to_string(&other).unwrap(), "precious", "{name}");
        assert_eq!(kept(&site).len(), 1);
    }
    daemon.stop();
}

#[test]
fn folder_of_others_is_refused() {
    let site = blocks();
    let folder = folder(&site);
    let line = "edge0 blocks entry 192.0.2.7/32 action=BLOCK_DROP\n";
    site.folder.write(FILE, line);
    let user = || chown(&folder, Some(4242), None).unwrap();
    let others: [(&dyn Fn(), &str); 3] = [
        (
            &|| writable(&site, 0o1777),
            "other users may write to the folder",
        ),
        (
            &|| writable(&site, 0o775),
            "other users may write to the folder",
        ),
        (
            &|| {
                writable(&site, 0o755);
                user();
            },
            "other users may write to the folder",
        ),
    ];
    for (prepare, reason) in others {
        prepare();
        let daemon = start(&site, "");
        let read = format!(
            "warning: cannot read the decisions in {FILE}: {reason}; `chown` it to root, and `chmod go-w` it; the filters start without them"
        );
        assert_eq!(daemon.lines_with("decisions in"), [read]);
        assert_eq!(entries(&site, "xdp_map"), 0);
        let written = format!(
            "corexdp: cannot keep decisions in state: {reason}; `chown` it to root, and `chmod go-w` it; a restart of the daemon loses them"
        );
        site.decide(&["add", "192.0.2.8", "action=BLOCK_DROP"])
            .expect(0, &[&written]);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        daemon.stop();
    }
    chown(&folder, Some(0), None).unwrap();
    let daemon = start(&site, "");
    assert!(drops(&site, "192.0.2.7"));
    daemon.stop();
}
