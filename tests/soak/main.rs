//! A long run of the daemon under packets, scrapes, reloads and a flapping interface, with `debug`: no resource use
//! grows, and every packet is accounted for.
//!
//! Runs for `COREXDP_SOAK_SECONDS`; `make soak` runs the release build for half an hour.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a panic is how a test fails"
)]

mod flaps;
mod reloads;
mod samples;
mod traffic;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flaps::{Flap, Gap};
use reloads::Reloads;
use samples::Samples;
use support::net::{Daemon, Site, pause};
use support::wait::End;
use traffic::Traffic;

/// Default duration in seconds.
const SECONDS: u64 = 20;
/// Interval of flaps in seconds.
const FLAP_EVERY: u64 = 5;

/// A running soak.
struct Soak {
    site: Site,
    daemon: Daemon,
    traffic: Traffic,
    begin: Instant,
}

fn seconds() -> u64 {
    std::env::var("COREXDP_SOAK_SECONDS").map_or(SECONDS, |text| {
        text.parse().expect("COREXDP_SOAK_SECONDS is a number")
    })
}

#[test]
fn resources_stay_constant_and_no_packet_is_lost() {
    let site = Site::new();
    site.folder.shipped("ordered");
    let daemon = site.run(&reloads::COREFILES[0].text()).attached(1);
    let traffic = Traffic::start(&site);
    let soak = Soak {
        site,
        daemon,
        traffic,
        begin: Instant::now(),
    };
    let over = AtomicBool::new(false);
    let (scrapes, (reloads, gaps, samples)) = thread::scope(|scope| {
        let scrapes = scope.spawn(|| soak.scrape_until(&over));
        let end = End(&over);
        let seen = soak.run(seconds());
        drop(end);
        (scrapes.join().unwrap(), seen)
    });
    soak.traffic.settle(&soak.site);
    let changes = soak.daemon.lines_with("map xdp_map: key=").len();
    println!(
        "{} s: {}",
        soak.begin.elapsed().as_secs(),
        soak.traffic.total()
    );
    println!("{scrapes} scrapes, {reloads}, {changes} changes logged");
    flaps::print(&gaps);
    flaps::check(&gaps);
    samples.print();
    samples.check();
    assert!(changes > 0, "no change was logged");
    soak.daemon.stop();
}

impl Soak {
    /// Reloads each second and flaps every [`FLAP_EVERY`] seconds.
    fn run(&self, seconds: u64) -> (Reloads, Vec<Gap>, Samples) {
        let (mut reloads, mut gaps, mut samples) = Default::default();
        for second in 1..=seconds {
            let left = Duration::from_secs(second).saturating_sub(self.begin.elapsed());
            thread::sleep(left);
            Reloads::next(&mut reloads, self);
            if second % FLAP_EVERY == 0 {
                let flap = Flap::ALL[(second / FLAP_EVERY) as usize % Flap::ALL.len()];
                Vec::push(&mut gaps, flap.happen(self, second));
                Samples::take(&mut samples, self);
            }
        }
        (reloads, gaps, samples)
    }

    /// Scrapes four times a second, and returns the number of scrapes. Each must succeed.
    fn scrape_until(&self, over: &AtomicBool) -> u64 {
        let mut count = 0;
        while !over.load(Ordering::Relaxed) {
            let page = self.site.get(if count % 4 == 0 { "/" } else { "/metrics" });
            assert_eq!(page.status, 200);
            count += 1;
            pause(250);
        }
        count
    }
}
