//! The capabilities that the daemon needs and keeps, and the ports that it can listen on with them.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::COREFILE;
use crate::confinement::{capabilities, status};
use support::net::{Daemon, Response, Site};

const NET_BIND_SERVICE: u64 = 1 << 10;

const NET_ADMIN: u64 = 1 << 12;

const SYS_ADMIN: u64 = 1 << 21;

const PERFMON_AND_BPF: u64 = 1 << 38 | 1 << 39;

/// Runs corexdp under `setpriv` with these options.
fn with_privileges(site: &Site, options: &[&str]) -> Command {
    let corexdp = site.command("run", &[]);
    let mut command = Command::new("setpriv");
    command.current_dir(site.folder.path()).args(options);
    command.arg(corexdp.get_program()).args(corexdp.get_args());
    command
}

fn start(site: &Site, options: &[&str]) -> Daemon {
    site.folder.write("Corefile", COREFILE);
    let mut command = with_privileges(site, options);
    site.server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1)
}

fn reload(site: &Site, daemon: &Daemon, corefile: &str) {
    site.folder.write("Corefile", corefile);
    daemon.signal(Signal::SIGHUP);
}

#[test]
fn daemon_keeps_the_capabilities_of_a_reload() {
    let site = Site::new();
    let daemon = start(&site, &["--inh-caps=+chown"]);
    let kept = NET_ADMIN | PERFMON_AND_BPF;
    assert_eq!(capabilities(daemon.pid()), [kept, kept, kept, 0, 0]);
    assert_eq!(status(daemon.pid(), "NoNewPrivs"), "1");
    assert_eq!(status(daemon.pid(), "Seccomp"), "2");
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    daemon.stop();
}

/// Kernels before 5.8 have no `CAP_BPF`, and old service managers do not know it.
#[test]
fn cap_sys_admin_replaces_cap_bpf() {
    let site = Site::new();
    let daemon = start(&site, &["--bounding-set=-bpf,-perfmon"]);
    assert_eq!(capabilities(daemon.pid())[0], NET_ADMIN | SYS_ADMIN);
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    daemon.stop();
}

#[test]
fn missing_capabilities_are_named() {
    let site = Site::new();
    site.folder.write("Corefile", COREFILE);
    for (option, name) in [
        ("--bounding-set=-net_admin", "CAP_NET_ADMIN missing"),
        ("--bounding-set=-bpf,-sys_admin", "CAP_BPF missing"),
        (
            "--bounding-set=-bpf,-sys_admin,-net_admin",
            "CAP_BPF, CAP_NET_ADMIN missing",
        ),
    ] {
        let outcome = site.finish(&mut with_privileges(&site, &[option]));
        outcome.refuses(77, &[name]);
    }
    assert_eq!(site.attached(), None);
}

/// The keeper must not run as root, so without these capabilities no page is served.
#[test]
fn filter_runs_without_the_capabilities_of_the_keeper() {
    for missing in ["setuid", "setgid"] {
        let site = Site::new();
        let daemon = start(&site, &[&format!("--bounding-set=-{missing}")]);
        let (_, line) = daemon.line("page: cannot start the keeper of its workers: ");
        assert!(line.contains("CAP_SETUID and CAP_SETGID"), "{line}");
        let page = &crate::status::json(&site, &[])["listeners"][0];
        assert_eq!(page["up"], false, "{page}");
        daemon.signal(Signal::SIGHUP);
        daemon.line("reload: done");
        daemon.stop();
    }
}

#[test]
fn other_user_with_capabilities_can_filter() {
    let site = Site::new();
    // The control socket is created in the folder.
    let everybody = fs::Permissions::from_mode(0o777);
    fs::set_permissions(site.folder.path(), everybody).unwrap();
    // `CAP_DAC_READ_SEARCH` lets the user read the Corefile in any checkout. The daemon drops it.
    let wanted = "+bpf,+net_admin,+perfmon,+dac_read_search";
    let (inheritable, ambient) = (
        format!("--inh-caps={wanted}"),
        format!("--ambient-caps={wanted}"),
    );
    let user = ["--reuid=4242", "--regid=4242", "--clear-groups"];
    let daemon = start(&site, &[&user[..], &[&inheritable, &ambient]].concat());
    assert_eq!(daemon.lines_with("not started as root").len(), 1);
    let [effective, permitted, ..] = capabilities(daemon.pid());
    let kept = NET_ADMIN | PERFMON_AND_BPF;
    assert_eq!((effective, permitted), (kept, kept));
    assert_eq!(site.get("/metrics").status, 200);
    for pid in [daemon.keeper(), daemon.worker()] {
        assert_eq!(status(pid, "Uid"), "4242 4242 4242 4242");
        let [effective, permitted, _, inheritable, ambient] = capabilities(pid);
        assert_eq!([effective, permitted, inheritable, ambient], [0; 4]);
        assert_eq!(status(pid, "NoNewPrivs"), "1");
    }
    daemon.stop();
}

#[test]
fn low_port_is_bound_at_start_and_kept() {
    let site = Site::new();
    let low = COREFILE.replace("prometheus", "prometheus localhost:80");
    let daemon = site.run(&low).attached(1);
    let ask = |port: u16| {
        let address = format!("127.0.0.1:{port}");
        Response::to(&site.server, &address, "GET / HTTP/1.1").status
    };
    assert_eq!(ask(80), 200);
    reload(
        &site,
        &daemon,
        &COREFILE.replace("prometheus", "prometheus localhost:81"),
    );
    let (_, line) = daemon.line("warning: Corefile:2: prometheus: cannot listen on ");
    assert!(line.contains("CAP_NET_BIND_SERVICE"), "{line}");
    daemon.line("reload: done");
    reload(
        &site,
        &daemon,
        &(low + "two {\n  prometheus localhost:9154\n}\n"),
    );
    daemon.nth_line(1, "reload: done");
    assert_eq!(ask(9154), 200);
    daemon.stop();
}

/// `CAP_NET_BIND_SERVICE` is kept only if a listener of the start still needs it.
#[test]
fn low_port_in_use_at_start_is_bound_later() {
    let site = Site::new();
    let listen = || std::net::TcpListener::bind("127.0.0.1:80").unwrap();
    let taken = site.server.enter(listen);
    site.folder.write(
        "Corefile",
        &COREFILE.replace("prometheus", "prometheus localhost:80"),
    );
    let daemon = site.start(&[]).attached(1);
    daemon.line("warning: Corefile:2: prometheus: cannot listen on 127.0.0.1:80");
    drop(taken);
    daemon.line("page: http://127.0.0.1:80/");
    let page = Response::to(&site.server, "127.0.0.1:80", "GET / HTTP/1.1");
    assert_eq!(page.status, 200);
    let expected = NET_ADMIN | NET_BIND_SERVICE | PERFMON_AND_BPF;
    assert_eq!(capabilities(daemon.pid())[..3], [expected; 3]);
    daemon.stop();
}
