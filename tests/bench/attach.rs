//! Time from exec until the program is attached.

use std::process::Command;
use std::time::{Duration, Instant};

use super::process::finish;
use super::sample::Sample;
use super::site::{INTERFACE, Site, corefile};
use super::table::{Aim, Figure, Row, Unit};
use support::net::pause;

const ROUNDS: usize = 40;
/// The orders of the loaders. Each loader follows each other loader equally often, since a loader may wait until the
/// kernel has freed the objects of its predecessor.
const ORDERS: [[usize; 4]; 4] = [[0, 1, 3, 2], [1, 2, 0, 3], [2, 3, 1, 0], [3, 0, 2, 1]];

pub(crate) const NOTE: &str = "\
attach: bpf/count.bpf.c to a veth, native mode, 40 runs in turns. corexdp: until its line `attached` is read from
standard error; reading the Corefile and all checks included. ip link and xdp-loader: until they exit, since a script
waits for that. `with page`: the worker process starts and listens before the program is attached. The kernel takes
nearly all of the time, of all three, to verify and compile the program and to wait for an RCU grace period.";

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    site.write("bare", &corefile("count.o", false, ""));
    site.write("paged", &corefile("count.o", true, ""));
    let runs: [&dyn Fn() -> Duration; 4] = [
        &|| corexdp(site, "bare"),
        &|| corexdp(site, "paged"),
        &|| ip(site),
        &|| loader(site),
    ];
    let mut times = [const { Vec::new() }; 4];
    for order in ORDERS.iter().cycle().take(ROUNDS) {
        for &which in order {
            times[which].push(runs[which]());
        }
    }
    let [bare, paged, ip, loader] = times.map(|list| list.into_iter().collect::<Sample>());
    let row = |what: &str, ours, peer, theirs, aim| Row {
        what: what.into(),
        unit: Unit::Seconds,
        ours: Figure::from(ours),
        peer,
        theirs: Figure::from(theirs),
        aim,
    };
    vec![
        row("attach", &bare, "ip link", &ip, Aim::Within(1.25)),
        row("attach", &bare, "xdp-loader", &loader, Aim::Less),
        row(
            "attach, with page",
            &paged,
            "ip link",
            &ip,
            Aim::Within(1.25),
        ),
    ]
}

fn corexdp(site: &Site, corefile: &str) -> Duration {
    let start = Instant::now();
    let daemon = site.start(corefile);
    let (attached, _) = daemon.line(" attached ");
    daemon.stop();
    settle();
    attached - start
}

fn ip(site: &Site) -> Duration {
    let command = |words: &[&str]| {
        let mut ip = Command::new("ip");
        ip.args(["link", "set", "dev", INTERFACE, "xdp"])
            .args(words);
        ip
    };
    let object = site.file("count.o");
    let spent = finish(command(&["obj"]).arg(object).args(["sec", "xdp"]));
    finish(&mut command(&["off"]));
    settle();
    spent.time
}

fn loader(site: &Site) -> Duration {
    let command = |verb| {
        let mut loader = Command::new("xdp-loader");
        loader.args([verb, INTERFACE]);
        loader
    };
    let spent = finish(command("load").arg(site.file("count.o")));
    finish(command("unload").arg("--all"));
    settle();
    spent.time
}

/// The kernel frees programs and maps some time after their last use.
fn settle() {
    pause(20);
}
