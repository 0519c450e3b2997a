//! Resource limits of the daemon.

use std::process::Command;

use crate::COREFILE;
use support::net::{Daemon, Site};

/// The daemon refuses a hard limit that is too low, before it changes anything.
#[test]
fn too_low_limits_are_named() {
    let site = Site::new();
    site.folder.write("Corefile", COREFILE);
    let corexdp = site.command("run", &[]);
    for (limit, message) in [
        (
            "--nofile=32",
            "RLIMIT_NOFILE is 32 files; allow at least 64",
        ),
        (
            "--stack=65536",
            "RLIMIT_STACK is 65536 bytes; allow at least 1048576",
        ),
    ] {
        let mut command = Command::new("setpriv");
        command.current_dir(site.folder.path());
        command.args(["--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]);
        command.args(["prlimit", limit]).arg(corexdp.get_program());
        command.args(corexdp.get_args());
        site.finish(&mut command).refuses(71, &[message]);
    }
    // The hard limits suffice, and the daemon raises the soft limits.
    let mut command = Command::new("prlimit");
    command.current_dir(site.folder.path());
    command.args(["--nofile=32:64", "--stack=65536:1048576"]);
    command.arg(corexdp.get_program()).args(corexdp.get_args());
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    assert_eq!(site.get("/metrics").status, 200);
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}
