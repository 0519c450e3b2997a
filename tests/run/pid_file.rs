//! The pid file and the control socket never replace or remove a foreign file.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};

use support::net::{Corexdp, Daemon, Outcome, Site};

/// A Corefile without filters. Its page gives the daemon a keeper and a worker.
const EMPTY: &str = ". {\n  prometheus\n}\n";

fn site() -> Site {
    let site = Site::new();
    site.folder.write("Corefile", EMPTY);
    site
}

/// Runs `corexdp run` with this control socket and pid file. The process must end by itself.
fn run(site: &Site, control: &str, pid_file: &str) -> Outcome {
    let args = ["run", "-conf", "Corefile", "--log", "stderr"];
    let mut command = Corexdp::command(site.folder.path(), &args);
    command.args(["--control", control, "--pidfile", pid_file]);
    site.finish(&mut command)
}

/// Starts a daemon whose pid file is `pid`.
fn start(site: &Site) -> Daemon {
    let daemon = site.start(&["--pidfile", "pid"]);
    daemon.line("nothing is filtered");
    daemon
}

/// Creates one file of each kind that is neither a socket nor a pid file.
fn precious_files(site: &Site) -> [&'static str; 5] {
    let file = |name| site.folder.file(name);
    fs::write(file("text"), "precious").unwrap();
    symlink("text", file("link")).unwrap();
    symlink("nowhere", file("dangling")).unwrap();
    fs::create_dir(file("folder")).unwrap();
    nix::unistd::mkfifo(&file("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    ["text", "link", "dangling", "folder", "fifo"]
}

fn are_untouched(site: &Site, names: &[&str]) {
    for name in names {
        let found = fs::symlink_metadata(site.folder.file(name));
        assert!(found.is_ok(), "{name} was removed");
    }
    let text = fs::read_to_string(site.folder.file("text")).unwrap();
    assert_eq!(text, "precious");
    assert!(!site.folder.file("nowhere").exists());
}

#[test]
fn control_socket_replaces_no_other_file() {
    let site = site();
    let precious = precious_files(&site);
    for name in precious {
        let parts = ["control socket", name, "not a socket", "--control"];
        run(&site, name, "pid").refuses(71, &parts);
        assert!(!site.folder.file("pid").exists());
    }
    are_untouched(&site, &precious);
}

#[test]
fn control_socket_replaces_no_living_socket() {
    let site = site();
    let stream = UnixListener::bind(site.folder.file("stream")).unwrap();
    let datagram = UnixDatagram::bind(site.folder.file("datagram")).unwrap();
    for name in ["stream", "datagram"] {
        let parts = ["control socket", name, "another process", "--control"];
        run(&site, name, "pid").refuses(69, &parts);
        assert!(site.folder.file(name).exists());
    }
    drop((stream, datagram));
    // A socket without a process is replaced.
    let args = ["run", "-conf", "Corefile", "--log", "stderr"];
    let mut command = Corexdp::command(site.folder.path(), &args);
    command.args(["--control", "stream"]);
    let daemon = site.server.enter(|| Daemon::spawn(&mut command));
    daemon.line("nothing is filtered");
    daemon.stop();
}

#[test]
fn pid_file_replaces_no_other_file() {
    let site = site();
    let precious = precious_files(&site);
    for name in precious {
        let parts = ["pid file", name, "--pidfile"];
        run(&site, "control", name).refuses(71, &parts);
        assert!(!site.folder.file("control").exists());
    }
    // The Corefile and the daemon's own socket are not pid files.
    for name in ["Corefile", "control"] {
        run(&site, "control", name).refuses(71, &["pid file", name, "--pidfile"]);
    }
    are_untouched(&site, &precious);
    assert_eq!(
        fs::read_to_string(site.folder.file("Corefile")).unwrap(),
        EMPTY
    );
}

#[test]
fn pid_file_of_a_living_daemon_stays() {
    let site = site();
    let first = start(&site);
    let pid = first.pid().to_string();
    let parts = ["pid file", &pid, "runs", "--pidfile"];
    run(&site, "second", "pid").refuses(71, &parts);
    assert!(!site.folder.file("second").exists());
    let text = fs::read_to_string(site.folder.file("pid")).unwrap();
    assert_eq!(text.trim(), pid);
    first.stop();
    assert!(!site.folder.file("pid").exists());
}

#[test]
fn pid_file_of_a_killed_daemon_is_replaced() {
    let site = site();
    start(&site).kill();
    let other_name = site.folder.file("other");
    fs::hard_link(site.folder.file("pid"), &other_name).unwrap();
    let stale = fs::read_to_string(&other_name).unwrap();
    let daemon = start(&site);
    let pid_file = site.folder.file("pid");
    let text = fs::read_to_string(&pid_file).unwrap();
    assert_eq!(text.trim(), daemon.pid().to_string());
    let mode = fs::metadata(&pid_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o644);
    // The hard link still names the stale file, so the new pid file is another file.
    assert_eq!(fs::read_to_string(&other_name).unwrap(), stale);
    daemon.stop();
}

/// A daemon whose files were removed keeps the files of its successor.
#[test]
fn ending_daemon_keeps_the_files_of_another() {
    let site = site();
    let first = start(&site);
    for name in ["control", "pid"] {
        fs::remove_file(site.folder.file(name)).unwrap();
    }
    site.folder.write("Corefile", ". {\n}\n");
    let second = start(&site);
    first.stop();
    site.ask(&["reload"]).expect(0, &[]);
    let text = fs::read_to_string(site.folder.file("pid")).unwrap();
    assert_eq!(text.trim(), second.pid().to_string());
    second.stop();
    for name in ["control", "pid"] {
        assert!(!site.folder.file(name).exists(), "{name}");
    }
}
