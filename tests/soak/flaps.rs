//! An interface that goes and returns, and what passed unfiltered until its filter stood again.

use std::time::{Duration, Instant};

use crate::Soak;
use crate::traffic::Account;
use support::net::{CLIENT, SERVER, pause};
use support::wait::wait_until;

/// From an interface's return to its filter.
const PROMPT: Duration = Duration::from_millis(100);
/// Milliseconds of packets while nothing filters or receives them.
const AWAY_MILLISECONDS: u64 = 30;

/// A way to go and return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flap {
    Removed,
    Down,
    Renamed,
}

/// The time between.
pub(crate) struct Gap {
    second: u64,
    flap: Flap,
    /// From the interface's return to its filter, where that was gone.
    delay: Option<Duration>,
    /// The account of the packets of that time.
    account: Account,
}

impl Flap {
    pub(crate) const ALL: [Self; 3] = [Self::Removed, Self::Down, Self::Renamed];

    /// Lets it happen. Packets stop while one end is taken away, since what is in between is lost with it; they are
    /// there again before the filter is.
    pub(crate) fn happen(self, soak: &Soak, second: u64) -> Gap {
        soak.traffic.settle(&soak.site);
        let attached = soak.daemon.lines_with("attached again").len();
        let returned = match self {
            Self::Removed => removed(soak),
            Self::Down => down(soak),
            Self::Renamed => renamed(soak),
        };
        let delay = (self != Self::Down).then(|| {
            let (stood, _) = soak.daemon.nth_line(attached, "attached again");
            stood.saturating_duration_since(returned)
        });
        wait_until("the filter stands", || soak.site.attached());
        let account = soak.traffic.after_gap(&soak.site);
        soak.traffic.go_on(&soak.site);
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

/// The filter is there at once after nine of ten returns; in a soak too short for ten, at least once, since a busy
/// machine may hold up the others.
pub(crate) fn check(gaps: &[Gap]) {
    let late = gaps.iter().filter(|gap| gap.is_late()).count();
    let returns = gaps.iter().filter(|gap| gap.delay.is_some()).count();
    println!("{late} of {returns} returns took longer than {PROMPT:?}");
    let may_be_late = match returns {
        0..10 => returns.saturating_sub(1),
        _ => returns.div_ceil(10),
    };
    assert!(late <= may_be_late, "the filter comes late");
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
    soak.traffic.listen_anew(site);
    site.client.run(&format!("ip link set {CLIENT} up"));
    soak.traffic.go_on(site);
    site.server.run(&format!("ip link set {SERVER} up"));
    pause(AWAY_MILLISECONDS);
    returned
}

fn down(soak: &Soak) -> Instant {
    let site = &soak.site;
    site.server.run(&format!("ip link set {SERVER} down"));
    soak.traffic.go_on(site);
    pause(AWAY_MILLISECONDS);
    soak.traffic.pause();
    let returned = Instant::now();
    site.server.run(&format!("ip link set {SERVER} up"));
    returned
}

/// Under its other name it is not filtered, as it should be.
fn renamed(soak: &Soak) -> Instant {
    let site = &soak.site;
    let gone = soak.daemon.lines_with("the interface has gone").len();
    site.server
        .run(&format!("ip link set {SERVER} name other0"));
    soak.daemon.nth_line(gone, "the interface has gone");
    soak.traffic.go_on(site);
    pause(AWAY_MILLISECONDS);
    soak.traffic.pause();
    // A packet that is on its way when a program is attached stays in the old queue.
    pause(AWAY_MILLISECONDS);
    let returned = Instant::now();
    site.server
        .run(&format!("ip link set other0 name {SERVER}"));
    returned
}

/// The list, and its sum for each way.
pub(crate) fn print(gaps: &[Gap]) {
    println!("gaps: when, how, from the return to the filter, packets in that time:");
    for gap in gaps {
        let (second, flap, account) = (gap.second, gap.flap, gap.account);
        let delay = tell(gap.delay);
        println!("{second:>6} s  {flap:<8?} {delay:>8}  {account}");
    }
    for flap in Flap::ALL {
        let all = || gaps.iter().filter(|gap| gap.flap == flap);
        let longest = tell(all().filter_map(|gap| gap.delay).max());
        let unfiltered: u64 = all().map(|gap| gap.account.unfiltered).sum();
        let lost: u64 = all().map(|gap| gap.account.lost()).sum();
        println!(
            "{flap:?}: {} times, the longest until the filter {longest}, {unfiltered} packets unfiltered, {lost} lost",
            all().count()
        );
    }
}

fn tell(delay: Option<Duration>) -> String {
    delay.map_or_else(|| "-".to_owned(), |delay| format!("{delay:.1?}"))
}
