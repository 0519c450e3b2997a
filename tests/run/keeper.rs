//! The keeper, which starts the page's workers, is killed or stopped: only the page suffers.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use support::net::{Daemon, Response, Site, lives};
use support::wait::wait_for;

const COREFILE: &str = ". {
  prometheus
  ebpf {
    if edge0
    elf example.o
  }
}
";

fn kill_process(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).unwrap();
}

fn stop_process(pid: u32) {
    kill(Pid::from_raw(pid.cast_signed()), Signal::SIGSTOP).unwrap();
}

/// A daemon whose keeper was killed, and its remaining worker.
fn without_keeper(site: &Site) -> (Daemon, u32) {
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    kill_process(daemon.keeper());
    daemon.line("the keeper of its workers died");
    (daemon, worker)
}

#[test]
fn without_keeper_a_dead_worker_is_not_replaced() {
    let site = Site::new();
    let (daemon, worker) = without_keeper(&site);
    let filter = site.filter();
    assert_eq!(site.get("/metrics").status, 200);
    site.add_other_object();
    let other = COREFILE.replace("example.o", "other/example.o");
    site.folder.write("Corefile", &other);
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    assert_ne!(site.filter().id, filter.id);
    assert_eq!(site.get("/metrics").status, 200);
    let elsewhere = COREFILE.replace("prometheus", "prometheus localhost:9154");
    site.folder.write("Corefile", &elsewhere);
    daemon.signal(Signal::SIGHUP);
    daemon.nth_line(1, "reload: done");
    let page = Response::to(&site.server, "127.0.0.1:9154", "GET /metrics HTTP/1.1");
    assert_eq!(page.status, 200);
    kill_process(worker);
    daemon.line("no page is served until corexdp is started again");
    assert_eq!(site.filter().name, "xdp_prog");
    daemon.stop();
    assert_eq!(site.attached(), None);
}

#[test]
fn without_keeper_a_removed_page_cannot_return_but_filters_change() {
    let site = Site::new();
    let (daemon, worker) = without_keeper(&site);
    let none = COREFILE.replace("prometheus", "");
    site.folder.write("Corefile", &none);
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    wait_for("whether the worker lives", &false, || lives(worker));
    site.add_other_object();
    let filter = site.filter();
    let other = COREFILE.replace("example.o", "other/example.o");
    site.folder.write("Corefile", &other);
    daemon.signal(Signal::SIGHUP);
    daemon.nth_line(1, "reload: done");
    daemon.line("no page is served until corexdp is started again");
    assert_ne!(site.filter().id, filter.id);
    let status = crate::status::json(&site, &[]);
    let page = &status["listeners"][0];
    assert_eq!(page["up"], false, "{status}");
    let error = "the keeper of the page's workers does not run";
    assert_eq!(page["error"], error, "{status}");
    daemon.stop();
}

#[test]
fn worker_without_keeper_ends_with_the_daemon() {
    let site = Site::new();
    let (daemon, worker) = without_keeper(&site);
    assert!(lives(worker));
    daemon.signal(Signal::SIGKILL);
    wait_for("whether the worker lives", &false, || lives(worker));
}

#[test]
fn keeper_and_worker_end_with_a_killed_daemon() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let all = [daemon.keeper(), daemon.worker()];
    daemon.signal(Signal::SIGKILL);
    for pid in all {
        wait_for("whether a process of the daemon lives", &false, || {
            lives(pid)
        });
    }
}

/// A daemon that is started right after the end of another can listen on its address.
#[test]
fn stopped_daemon_leaves_no_process() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let all = [daemon.keeper(), daemon.worker()];
    daemon.stop();
    assert_eq!(all.map(lives), [false; 2]);
    site.run(COREFILE).attached(1).stop();
}

/// The keeper ends the worker, which cannot react to a request.
#[test]
fn hanging_worker_ends_with_its_page() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let worker = daemon.worker();
    kill(Pid::from_raw(worker.cast_signed()), Signal::SIGSTOP).unwrap();
    site.folder
        .write("Corefile", &COREFILE.replace("prometheus", ""));
    daemon.signal(Signal::SIGHUP);
    daemon.line("reload: done");
    wait_for("whether the worker lives", &false, || lives(worker));
    daemon.stop();
}

/// Any process of the user nobody can stop the keeper.
#[test]
fn stopped_keeper_is_continued() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let (keeper, worker) = (daemon.keeper(), daemon.worker());
    stop_process(keeper);
    kill_process(worker);
    daemon.line("the worker died");
    assert_eq!(site.get("/metrics").status, 200);
    stop_process(keeper);
    site.folder
        .write("Corefile", &COREFILE.replace("prometheus", ""));
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
    assert!(!lives(keeper));
}

#[test]
fn daemon_with_stopped_processes_ends() {
    let site = Site::new();
    for ends in [Signal::SIGTERM, Signal::SIGKILL] {
        let daemon = site.run(COREFILE).attached(1);
        let processes = [daemon.keeper(), daemon.worker()];
        for pid in processes {
            stop_process(pid);
        }
        daemon.signal(ends);
        let (code, lines) = daemon.ended();
        assert_eq!(code, (ends == Signal::SIGTERM).then_some(0), "{lines:#?}");
        for pid in processes {
            wait_for("whether a process of the daemon lives", &false, || {
                lives(pid)
            });
        }
        assert_eq!(site.attached(), None);
    }
}

/// A keeper that is stopped repeatedly counts as dead. The daemon never blocks on it.
#[test]
fn keeper_that_never_answers_counts_as_dead() {
    let site = Site::new();
    let daemon = site.run(COREFILE).attached(1);
    let (keeper, worker) = (daemon.keeper(), daemon.worker());
    let traced = Frozen::new(&site, keeper);
    kill_process(worker);
    daemon.line("has not answered for 5 s; sending SIGCONT");
    site.ask(&["reload"]).expect(0, &[]);
    daemon.line("the keeper of its workers died");
    assert!(site.attached().is_some());
    daemon.stop();
    drop(traced);
    wait_for("whether the keeper lives", &false, || lives(keeper));
}

/// A process stopped by ptrace: no signal but SIGKILL continues it.
struct Frozen(Child);

impl Frozen {
    fn new(site: &Site, pid: u32) -> Self {
        let script = "import ctypes,os,sys,time
libc=ctypes.CDLL(None,use_errno=True)
pid=int(sys.argv[1])
assert libc.ptrace(16,pid,None,None)==0,os.strerror(ctypes.get_errno())
os.waitpid(pid,0)
print('stopped',flush=True)
sys.stdin.read()
";
        let mut command = Command::new("python3");
        command
            .current_dir(site.folder.path())
            .args(["-c", script, &pid.to_string()]);
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut frozen = Self(child);
        let mut word = [0; 8];
        frozen
            .0
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut word)
            .unwrap();
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        // The kernel detaches a tracer that ends.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
