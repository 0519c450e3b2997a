//! Long starts and reloads: a client waits for them, and SIGTERM interrupts them.

use std::fmt::Write as _;
use std::fs;

use nix::sys::signal::Signal;

use support::net::Site;
use support::wait::wait_until;

const SHORT_LIST: &str = ". {\nebpf {\nelf big.o\nif edge0\n}\n}\n";

fn long_list() -> String {
    let mut text = ". {\nebpf {\nelf big.o\nif edge0\n".to_owned();
    for number in 0..100_000 {
        writeln!(text, "map {:08X} 0000000000000000", 0x0a00_0000 + number).unwrap();
    }
    text + "}\n}\n"
}

#[test]
fn client_waits_for_a_long_reload() {
    let site = Site::new();
    site.folder.fixture("big");
    let daemon = site.run(SHORT_LIST).attached(1);
    site.folder.write("Corefile", &long_list());
    site.ask(&["reload"]).expect(0, &[]);
    daemon.stop();
}

/// Repeats `act` until its log contains `line`: on a busy machine the signal may arrive after the step that it must
/// interrupt.
fn until_logged(line: &str, mut act: impl FnMut() -> Vec<String>) {
    wait_until(&format!("the log contains {line:?}"), || {
        let lines = act();
        let found = lines.iter().any(|logged| logged.contains(line));
        if found { Ok(()) } else { Err(lines) }
    });
}

#[test]
fn sigterm_interrupts_a_long_reload() {
    let site = Site::new();
    site.folder.fixture("big");
    until_logged("interrupted by a signal to stop", || {
        let daemon = site.run(SHORT_LIST).attached(1);
        site.folder.write("Corefile", &long_list());
        let before = ticks(daemon.pid());
        daemon.signal(Signal::SIGHUP);
        wait_until("the reload has begun", || {
            (ticks(daemon.pid()) > before + 1).then_some(())
        });
        let lines = daemon.stop();
        assert_eq!(lines.last().unwrap(), "stopped by SIGTERM, detached");
        assert_eq!(site.attached(), None);
        lines
    });
}

#[test]
fn sigterm_interrupts_a_long_start() {
    let site = Site::new();
    site.folder.fixture("big");
    until_logged("stopped before the filters were attached", || {
        let daemon = site.run(&long_list());
        // The daemon has installed its signal handlers before it starts the keeper.
        daemon.keeper();
        let lines = daemon.stop();
        assert_eq!(site.attached(), None);
        lines
    });
}

/// CPU time of a process, in clock ticks.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let times = rest.split(' ').skip(11).take(2);
    times.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
