//! The map `wall_clock` has wall-clock time less time since boot. The appliance tests set the clock of a machine.

use nix::time::{ClockId, clock_gettime};

use support::net::{Map, Site};

/// Difference that two readings of the clocks may have, in nanoseconds.
const NOISE: u64 = 1_000_000;

pub(super) fn corefile(lines: &str) -> String {
    format!(". {{\nebpf {{\nelf secrets.o\nif edge0\n{lines}\n}}\n}}\n")
}

fn site() -> Site {
    let site = Site::new();
    site.folder.fixture("secrets");
    site
}

pub(super) fn map(site: &Site) -> Map {
    site.filter().map("wall_clock")
}

pub(super) fn is_right(site: &Site) -> bool {
    let read = |clock| {
        let time = clock_gettime(clock).unwrap();
        time.tv_sec() * 1_000_000_000 + time.tv_nsec()
    };
    let entries = map(site).entries();
    let [(key, value)] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(key, "00000000");
    let offset = u64::from_str_radix(value, 16).unwrap().swap_bytes();
    // A busy machine may take its time between the two clocks.
    let mut tries = (0..100).map(|_| read(ClockId::CLOCK_REALTIME) - read(ClockId::CLOCK_BOOTTIME));
    tries.any(|now| now.abs_diff(offset.cast_signed()) < NOISE)
}

#[test]
fn filter_has_the_offset_of_the_wall_clock() {
    let site = site();
    let daemon = site.run(&corefile("entry 1 packets=1")).attached(1);
    assert!(is_right(&site));
    daemon.stop();
}

#[test]
fn lines_and_reloads_leave_the_offset() {
    let site = site();
    let daemon = site
        .run(&corefile("entry @wall_clock 0 value=1"))
        .attached(1);
    assert!(is_right(&site));
    for lines in [
        "entry @wall_clock 0 value=2",
        "entry 1 packets=1",
        "entry @wall_clock 0 value=2\nentry 1 packets=2",
    ] {
        site.folder.write("Corefile", &corefile(lines));
        site.ask(&["reload"]).expect(0, &[]);
        assert!(is_right(&site), "{lines}");
    }
    daemon.stop();
}
