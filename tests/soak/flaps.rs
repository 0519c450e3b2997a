//! An interface that disappears and returns, and the packets that pass unfiltered before its filter is attached again.

use std::time::{Duration, Instant};

use crate::Soak;
use crate::traffic::Account;
use support::net::{CLIENT, SERVER, pause};
use support::wait::wait_until;

/// Longest time from the return of an interface to its filter.
const PROMPT: Duration = Duration::from_millis(100);
/// Duration of sending while nothing filters or receives packets.
const AWAY_MILLISECONDS: u64 = 30;

/// A way in which the interface disappears and returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flap {
    Removed,
    Down,
    Renamed,
}

/// One disappearance of the interface.
pub(crate) struct Gap {
    second: u64,
    flap: Flap,
    /// Time from the return of the interface to its filter; `None` if the filter stayed.
    delay: Option<Duration>,
    /// Where the packets sent meanwhile went.
    account: Account,
}

impl Flap {
    pub(crate) const ALL: [Self; 3] = [Self::Removed, Self::Down, Self::Renamed];

    /// Makes the interface disappear and return. No packet is sent while one end is removed, since packets in transit
    /// are lost with it. Sending resumes before the filter is attached again.
    pub(crate) fn happen(self, soak: &Soak, second: u64) -> Gap {
        soak.traffic.settle(&soak.site);
        let attached = soak.daemon.lines_with("attached again").len();
        let returned = match self {
            Self::Removed => removed(soak),
            Self::Down => down(soak),
            Self::Renamed => renamed(soak),
        };
        let delay = (self != Self::Down).then(|| {
            let (attached_at, _) = soak.daemon.nth_line(attached, "attached again");
            attached_at.saturating_duration_since(returned)
        });
        wait_until("the filter is attached", || soak.site.attached());
        let account = soak.traffic.after_gap(&soak.site);
        soak.traffic.resume(&soak.site);
        Gap {
            second,
            flap: self,
            delay,
            account,
        }
    }
}

impl Gap {
    fn is_late(&self) -> bool {
        self.delay.unwrap_or_default() > PROMPT
    }
}

/// Fails unless the filter is prompt after nine of ten returns. A soak too short for ten returns needs one prompt
/// return, since a busy machine may delay the others.
pub(crate) fn check(gaps: &[Gap]) {
    let late = gaps.iter().filter(|gap| gap.is_late()).count();
    let returns = gaps.iter().filter(|gap| gap.delay.is_some()).count();
    println!("{late} of {returns} returns took longer than {PROMPT:?}");
    let may_be_late = match returns {
        0..10 => returns.saturating_sub(1),
        _ => returns.div_ceil(10),
    };
    assert!(late <= may_be_late, "the filter is attached too late");
}

fn removed(soak: &Soak) -> Instant {
    let site = &soak.site;
    let gone = soak.daemon.lines_with("the interface has gone").len();
    site.server.run(&format!("ip link delete {SERVER}"));
    soak.daemon.nth_line(gone, "the interface has gone");
    let returned = Instant::now();
    let peer = site.client.name();
    site.server.run(&format!(
        "ip link add {SERVER} type veth peer name {CLIENT} netns {peer}"
    ));
    soak.traffic.replace_receiver(site);
    site.client.run(&format!("ip link set {CLIENT} up"));
    soak.traffic.resume(site);
    site.server.run(&format!("ip link set {SERVER} up"));
    pause(AWAY_MILLISECONDS);
    returned
}

fn down(soak: &Soak) -> Instant {
    let site = &soak.site;
    site.server.run(&format!("ip link set {SERVER} down"));
    soak.traffic.resume(site);
    pause(AWAY_MILLISECONDS);
    soak.traffic.pause();
    let returned = Instant::now();
    site.server.run(&format!("ip link set {SERVER} up"));
    returned
}

/// Under its other name the interface is intentionally not filtered.
fn renamed(soak: &Soak) -> Instant {
    let site = &soak.site;
    let gone = soak.daemon.lines_with("the interface has gone").len();
    site.server
        .run(&format!("ip link set {SERVER} name other0"));
    soak.daemon.nth_line(gone, "the interface has gone");
    soak.traffic.resume(site);
    pause(AWAY_MILLISECONDS);
    soak.traffic.pause();
    // A packet in transit while a program is attached stays in the old queue.
    pause(AWAY_MILLISECONDS);
    let returned = Instant::now();
    site.server
        .run(&format!("ip link set other0 name {SERVER}"));
    returned
}

/// Prints each gap, and the totals for each flap.
pub(crate) fn print(gaps: &[Gap]) {
    println!("gaps: when, how, from the return to the filter, packets in that time:");
    for gap in gaps {
        let (second, flap, account) = (gap.second, gap.flap, gap.account);
        let delay = format_delay(gap.delay);
        println!("{second:>6} s  {flap:<8?} {delay:>8}  {account}");
    }
    for flap in Flap::ALL {
        let all = || gaps.iter().filter(|gap| gap.flap == flap);
        let longest = format_delay(all().filter_map(|gap| gap.delay).max());
        let unfiltered: u64 = all().map(|gap| gap.account.unfiltered).sum();
        let lost: u64 = all().map(|gap| gap.account.lost()).sum();
        println!(
            "{flap:?}: {} times, the longest until the filter {longest}, {unfiltered} packets unfiltered, {lost} lost",
            all().count()
        );
    }
}

fn format_delay(delay: Option<Duration>) -> String {
    delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.1?}"))
}
