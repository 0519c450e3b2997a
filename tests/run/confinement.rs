//! The remaining rights of the daemon and its processes while they run, by the kernel's account.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

use corexdp::http::cage::limits;
use nix::sys::signal::Signal;

use crate::COREFILE;
use support::net::{Daemon, PAGE, Response, Site, threads};
use support::wait::{wait_for, wait_until};

const NET_BIND_SERVICE: u64 = 1 << 10;
const NET_ADMIN: u64 = 1 << 12;
const SYS_ADMIN: u64 = 1 << 21;
const PERFMON_AND_BPF: u64 = 1 << 38 | 1 << 39;

/// The value of `field` in `/proc/PID/status`.
fn status(pid: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let words: Vec<_> = found.unwrap().split_whitespace().collect();
    words.join(" ")
}

fn capabilities(pid: u32) -> [u64; 5] {
    ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"]
        .map(|field| u64::from_str_radix(&status(pid, field), 16).unwrap())
}

/// Runs corexdp by way of `setpriv` with these options.
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
fn the_worker_and_its_keeper_are_nobody() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    // A worker that answers is in its cage.
    assert_eq!(site.get("/metrics").status, 200);
    let nobody = "65534 65534 65534 65534";
    for pid in [daemon.keeper(), daemon.worker()] {
        assert_eq!(status(pid, "Uid"), nobody);
        assert_eq!(status(pid, "Gid"), nobody);
        assert_eq!(status(pid, "Groups"), "");
        assert_eq!(capabilities(pid), [0; 5]);
        assert_eq!(status(pid, "NoNewPrivs"), "1");
        assert_eq!(status(pid, "Seccomp"), "2");
        // Files about a process that is not dumpable are root's.
        let environ = fs::metadata(format!("/proc/{pid}/environ")).unwrap();
        assert_eq!(environ.uid(), 0);
    }
    // Both threads of the worker have its list, on top of the keeper's. The kernel counts lists since Linux 5.9.
    let count = |text: &str| -> Option<u32> {
        let mut lines = text.lines();
        let number = lines.find_map(|line| line.strip_prefix("Seccomp_filters:"))?;
        number.trim().parse().ok()
    };
    let of_keeper = fs::read_to_string(format!("/proc/{}/status", daemon.keeper())).unwrap();
    for thread in fs::read_dir(format!("/proc/{}/task", daemon.worker())).unwrap() {
        let text = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
        assert!(text.contains("\nSeccomp:\t2\n"), "{text}");
        let counted = count(&of_keeper).is_none_or(|least| count(&text) > Some(least));
        assert!(counted, "{text}");
    }
    daemon.stop();
}

/// As `ps` shows them, in both of its ways.
#[test]
fn each_process_has_a_name_of_its_own() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    for (pid, title, name) in [
        (daemon.keeper(), "corexdp: keeper", "corexdp-keeper\n"),
        (daemon.worker(), "corexdp: page", "corexdp-page\n"),
    ] {
        wait_for("the command line", &title.to_owned(), || {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            line.trim_end_matches('\0').to_owned()
        });
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert_eq!(comm, name);
    }
    let line = fs::read_to_string(format!("/proc/{}/cmdline", daemon.pid())).unwrap();
    assert!(line.contains("\0run\0"), "{line}");
    daemon.stop();
}

#[test]
fn keeper_and_worker_inherit_nothing_of_the_daemon() {
    let site = Site::new();
    site.folder.write("Corefile", COREFILE);
    let mut command = site.command("run", &[]);
    command.env("SECRET", "of the daemon");
    let daemon = site
        .server
        .enter(|| Daemon::spawn(&mut command))
        .attached(1);
    for pid in [daemon.keeper(), daemon.worker()] {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        assert_eq!(read("environ"), "RUST_MIN_STACK=262144\0");
        assert_eq!(
            fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
            Path::new("/")
        );
        // When memory runs out, both go before the filters' owner.
        assert_eq!(read("oom_score_adj"), "1000\n");
    }
    let own = fs::read_to_string(format!("/proc/{}/oom_score_adj", daemon.pid())).unwrap();
    assert_ne!(own, "1000\n");
    daemon.stop();
}

/// Names in `/proc/net/unix` are those of one network namespace, here of the daemon's own.
#[test]
fn local_users_find_no_socket_of_the_page() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    assert_eq!(site.get("/metrics").status, 200);
    let sockets = site
        .server
        .enter(|| fs::read("/proc/thread-self/net/unix").unwrap());
    let sockets = String::from_utf8_lossy(&sockets);
    let sockets: Vec<_> = sockets.lines().skip(1).collect();
    assert!(sockets.len() > 2, "{sockets:#?}");
    for socket in sockets {
        let path = socket.split_whitespace().nth(7);
        let named = path.filter(|path| *path != "control");
        assert_eq!(named, None, "{socket}");
    }
    daemon.stop();
}

#[test]
fn worker_has_two_threads_however_many_connect() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    assert_eq!(threads(worker), 2);
    site.server.enter(|| {
        let connect = |_| {
            let mut stream = TcpStream::connect(PAGE).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 13]).unwrap();
            stream
        };
        let connections: Vec<_> = (0..16).map(connect).collect();
        assert_eq!(threads(worker), 2);
        drop(connections);
    });
    assert_eq!(daemon.worker(), worker);
    daemon.stop();
}

/// Waits until a process has `/dev/null` three times, and this number of sockets: connections that are over are closed a
/// moment later.
fn descriptors_become(pid: u32, sockets: usize) {
    wait_until("other descriptors are closed", || {
        let links = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
        let links = links.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
        let mut links: Vec<_> = links
            .map(|link| link.to_string_lossy().into_owned())
            .collect();
        links.sort();
        let (null, others) = links.split_at(links.len().min(3));
        let right = null == ["/dev/null"; 3]
            && others.len() == sockets
            && others.iter().all(|link| link.starts_with("socket:"));
        if right { Ok(()) } else { Err(links) }
    });
}

#[test]
fn the_worker_has_its_limits_and_no_descriptor_beyond_the_page() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    assert_eq!(site.get("/metrics").status, 200);
    let (keeper, worker) = (daemon.keeper(), daemon.worker());
    for pid in [keeper, worker] {
        let text = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
        for (name, most) in [
            ("Max open files", limits::DESCRIPTORS),
            ("Max data size", limits::DATA),
            ("Max file size", 0),
            ("Max core file size", 0),
            ("Max locked memory", 0),
        ] {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            let values = line[name.len()..].split_whitespace().take(2);
            let most = most.to_string();
            assert!(values.eq([&most, &most]), "{line}");
        }
    }
    // Standard input, output and error; then the socket to the daemon, and in the worker the second one, the listener,
    // and the pair that wakes its responder. The page is mapped, not open.
    descriptors_become(keeper, 1);
    descriptors_become(worker, 5);
    let maps = fs::read_to_string(format!("/proc/{worker}/maps")).unwrap();
    let page = maps
        .lines()
        .find(|line| line.contains("corexdp-page"))
        .unwrap();
    assert!(page.contains(" r--s "), "{page}");
    daemon.stop();
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

/// As on kernels before 5.8, and under service managers that know no `CAP_BPF`.
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

/// The keeper does not run as root, so nobody serves the page.
#[test]
fn capabilities_of_the_keeper_are_not_needed_to_filter() {
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
fn another_user_with_the_capabilities_filters_too() {
    let site = Site::new();
    // The control socket is made there.
    let everybody = fs::Permissions::from_mode(0o777);
    fs::set_permissions(site.folder.path(), everybody).unwrap();
    // To read the Corefile wherever this test runs; the daemon does not keep it.
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
    for pid in [daemon.keeper(), daemon.worker()] {
        assert_eq!(status(pid, "Uid"), "4242 4242 4242 4242");
        let [effective, permitted, _, inheritable, ambient] = capabilities(pid);
        assert_eq!([effective, permitted, inheritable, ambient], [0; 4]);
        assert_eq!(status(pid, "NoNewPrivs"), "1");
    }
    assert_eq!(site.get("/metrics").status, 200);
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

/// The capability for that is kept only where the start needs it later.
#[test]
fn low_port_that_is_in_use_at_start_is_bound_later() {
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
