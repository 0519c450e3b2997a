//! Time and memory for lists of many prefixes and names.

use std::process::Command;
use std::time::{Duration, Instant};

use super::listed::{Kind, sized};
use super::load_peers::{Peer, batch, nft, unbound};
use super::loaded::{Memory, kernel_memory, private_memory, status};
use super::site::Site;
use super::table::{Aim, Figure, Row, Unit};
use support::net::Daemon;

const SIZES: [u32; 2] = [100_000, 1_000_000];
/// Aims for the peak memory of the daemon, in MiB.
const PEAKS: [f64; 2] = [12.0, 64.0];
const MIB: f64 = 1_048_576.0;
/// Items of the list before the long one.
const FEW: u32 = 10;

pub(crate) const NOTE: &str = "\
load: a list in a file replaces one of 10 items in a running filter, by `corexdp reload`: acl with prefixes, qname with
names. The time is that of the client, which ends when the new list decides. Peak: the highest resident memory of the
daemon in this time without the pages of its kernel maps, which it maps; the kernel's are all maps of the filter.
Beside it: bpftool with a `map update` line for each entry into an lpm_trie or a hash, `nft -f` with a set of intervals,
and unbound with the names as a response policy zone, from its start to its first answer. `1 % other`: the list again,
with each hundredth item another. The kernel's memory of nft is not counted.";

pub(crate) fn measure(site: &Site) -> Vec<Row> {
    let mut rows = Vec::new();
    for kind in [Kind::Prefixes, Kind::Names] {
        for (size, peak) in SIZES.into_iter().zip(PEAKS) {
            rows.extend(lists(site, kind, sized(size), peak));
        }
    }
    rows
}

/// A reload of the daemon.
struct Loaded {
    time: Duration,
    /// Peak of the private memory.
    peak: u64,
    /// Peak of all resident memory: the program and its mapped kernel maps too.
    resident: u64,
    /// Private memory afterwards.
    rest: u64,
    kernel: u64,
}

fn lists(site: &Site, kind: Kind, count: u32, peak: f64) -> Vec<Row> {
    let daemon = kind.daemon(site, FEW);
    let before = private_memory(daemon.pid());
    kind.list(site, count, false);
    let first = reload(site, &daemon);
    kind.list(site, count, true);
    let second = reload(site, &daemon);
    daemon.stop();
    let peers = match kind {
        Kind::Prefixes => vec![batch(site, kind, count), nft(site, count)],
        Kind::Names => vec![batch(site, kind, count), unbound(site, count)],
    };
    rows(kind, count, peak, before, &[first, second], &peers)
}

fn reload(site: &Site, daemon: &Daemon) -> Loaded {
    let memory = Memory::watch(daemon.pid());
    let begin = Instant::now();
    let mut command = Command::new(&site.corexdp);
    super::process::finish(command.arg("reload"));
    let time = begin.elapsed();
    Loaded {
        time,
        peak: memory.peak(),
        resident: status(daemon.pid(), "VmHWM").unwrap(),
        rest: private_memory(daemon.pid()),
        kernel: kernel_memory(daemon.pid()),
    }
}

#[allow(clippy::cast_precision_loss)]
fn bytes(count: u64) -> Figure {
    Figure::once(count as f64)
}

fn rows(
    kind: Kind,
    count: u32,
    peak: f64,
    before: u64,
    [first, second]: &[Loaded; 2],
    peers: &[Peer],
) -> Vec<Row> {
    let what = |part: &str| format!("{count} {}, {part}", kind.word());
    let most = Aim::Most(peak * MIB);
    let alone = |part: &str, ours, aim| Row {
        aim,
        ..Row::alone(what(part), Unit::Bytes, ours)
    };
    let mut rows = Vec::new();
    for peer in peers {
        let seconds = |time: Duration| Figure::once(time.as_secs_f64());
        let row = |part, unit, ours, theirs| Row {
            peer: peer.name,
            theirs,
            ..Row::alone(what(part), unit, ours)
        };
        rows.push(row(
            "time",
            Unit::Seconds,
            seconds(first.time),
            seconds(peer.time),
        ));
        rows.push(row(
            "peak",
            Unit::Bytes,
            bytes(first.peak),
            bytes(peer.memory),
        ));
        if let Some(kernel) = peer.kernel {
            let ours = bytes(first.kernel);
            rows.push(row("kernel", Unit::Bytes, ours, bytes(kernel)));
        }
    }
    rows.push(alone("peak", bytes(first.peak), most));
    let resident = bytes(first.resident);
    rows.push(alone("peak with program and maps", resident, Aim::None));
    let more = first.rest.saturating_sub(before);
    rows.push(alone("rest above before", bytes(more), Aim::Most(MIB)));
    let time = Figure::once(second.time.as_secs_f64());
    rows.push(Row::alone(what("1 % other, time"), Unit::Seconds, time));
    rows.push(alone("1 % other, peak", bytes(second.peak), most));
    let more = second.rest.saturating_sub(before);
    let rest = "1 % other, rest above before";
    rows.push(alone(rest, bytes(more), Aim::Most(MIB)));
    rows.push(alone("1 % other, kernel", bytes(second.kernel), Aim::None));
    rows
}
