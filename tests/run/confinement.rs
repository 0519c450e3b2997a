//! The privileges of the daemon and its processes while they run, as the kernel reports them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use corexdp::http::cage::limits;

use crate::COREFILE;
use support::net::{Daemon, PAGE, Site, threads};
use support::wait::{wait_for, wait_until};

/// The value of `field` in `/proc/PID/status`.
pub(super) fn status(pid: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = text
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let words: Vec<_> = found.unwrap().split_whitespace().collect();
    words.join(" ")
}

pub(super) fn capabilities(pid: u32) -> [u64; 5] {
    ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"]
        .map(|field| u64::from_str_radix(&status(pid, field), 16).unwrap())
}

#[test]
fn worker_and_keeper_run_as_nobody() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    // A worker that answers has applied all its restrictions.
    assert_eq!(site.get("/metrics").status, 200);
    let nobody = "65534 65534 65534 65534";
    for pid in [daemon.keeper(), daemon.worker()] {
        assert_eq!(status(pid, "Uid"), nobody);
        assert_eq!(status(pid, "Gid"), nobody);
        assert_eq!(status(pid, "Groups"), "");
        assert_eq!(capabilities(pid), [0; 5]);
        assert_eq!(status(pid, "NoNewPrivs"), "1");
        assert_eq!(status(pid, "Seccomp"), "2");
        // The kernel makes root the owner of `/proc` files of a process that is not dumpable.
        let environ = fs::metadata(format!("/proc/{pid}/environ")).unwrap();
        assert_eq!(environ.uid(), 0);
    }
    // Both threads of the worker have its own seccomp list in addition to the keeper's. The kernel counts lists since
    // Linux 5.9.
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

/// `ps` shows the command line with `-f`, and the name without.
#[test]
fn each_process_has_its_own_name() {
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
        wait_for("the name", &name.to_owned(), || {
            fs::read_to_string(format!("/proc/{pid}/comm")).unwrap()
        });
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
    // A worker that answers has applied all its restrictions.
    assert_eq!(site.get("/metrics").status, 200);
    for pid in [daemon.keeper(), daemon.worker()] {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap();
        assert_eq!(read("environ"), "");
        assert_eq!(
            fs::read_link(format!("/proc/{pid}/cwd")).unwrap(),
            Path::new("/")
        );
        // When memory runs out, the kernel kills both before the daemon, which owns the filters.
        assert_eq!(read("oom_score_adj"), "1000\n");
    }
    let own = fs::read_to_string(format!("/proc/{}/oom_score_adj", daemon.pid())).unwrap();
    assert_ne!(own, "1000\n");
    daemon.stop();
}

/// `/proc/net/unix` lists the sockets of one network namespace, here of the daemon's.
#[test]
fn page_has_no_named_local_socket() {
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
fn worker_has_one_thread_for_any_number_of_connections() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    wait_for("the number of threads", &1, || threads(worker));
    site.server.enter(|| {
        let connect = |_| {
            let mut stream = TcpStream::connect(PAGE).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 13]).unwrap();
            stream
        };
        let connections: Vec<_> = (0..16).map(connect).collect();
        assert_eq!(threads(worker), 1);
        drop(connections);
    });
    assert_eq!(daemon.worker(), worker);
    daemon.stop();
}

/// Waits until a process has `/dev/null` as its first three descriptors and `sockets` sockets besides: closed
/// connections disappear a moment later.
fn descriptors_become(pid: u32, sockets: usize) {
    wait_until("the process has only its own descriptors", || {
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
fn worker_has_limits_and_only_its_descriptors() {
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
    // Three standard streams and the socket to the daemon. The worker also has the second socket to the daemon, and
    // the listener. The page is mapped, not open.
    descriptors_become(keeper, 1);
    descriptors_become(worker, 3);
    let maps = fs::read_to_string(format!("/proc/{worker}/maps")).unwrap();
    let page = maps
        .lines()
        .find(|line| line.contains("corexdp-page"))
        .unwrap();
    assert!(page.contains(" r--s "), "{page}");
    daemon.stop();
}
