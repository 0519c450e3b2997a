//! Verdicts, weights, rates and bytes of samples.

use std::time::{Duration, Instant};

use nix::net::if_::if_nametoindex;

use corexdp::object::frame::sample::{self, ALL_VERDICTS, verdict_bits};

use super::{
    UNLIMITED, by_verdict, counted, everything, open, read, read_packets, request, wait_until_off,
    weights,
};
use crate::status::json;
use crate::verdicts::{frame_from, send_each_verdict, start};
use support::packets::frame::Frame;
use support::wait::{wait_for, wait_until};

#[test]
fn every_verdict_is_sampled() {
    for (options, more) in [
        (&[][..], ""),
        (&["-DCALLS"], ""),
        (&["-DSECTION=\"xdp.frags\""], ""),
        (&["-DEXITS"], "mode generic"),
    ] {
        let (site, daemon) = start(options, more);
        assert_eq!(daemon.lines_with("sampled"), [""; 0]);
        let before = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).unwrap();
        let mut samples = everything(&site);
        let stages = samples.stages().to_vec();
        let sent = send_each_verdict(&site);
        let seen = read_packets(&mut samples, 28);
        let expected = sent
            .iter()
            .map(|(verdict, (packets, _))| (*verdict, *packets));
        assert_eq!(by_verdict(&seen), expected.collect());
        assert_eq!((seen.len(), samples.lost().unwrap()), (28, 0));
        let index = site.server.enter(|| if_nametoindex("edge0").unwrap());
        let [stage] = &stages[..] else {
            panic!("{stages:?}");
        };
        let named = (
            stage.interface.as_str(),
            stage.program.as_str(),
            stage.index,
        );
        assert_eq!(named, ("edge0", "verdicts", index));
        for sample in &seen {
            let frame = frame_from(sample.head[29]);
            assert_eq!(sample.head, frame);
            assert_eq!((sample.length as usize, sample.weight), (frame.len(), 1));
            assert_eq!((&sample.stage, sample.interface), (stage, index));
            assert!(sample.time > Duration::from(before));
        }
        drop(samples);
        wait_until_off(&site);
        daemon.stop();
    }
}

#[test]
fn only_chosen_verdicts_are_sampled() {
    let (site, daemon) = start(&[], "");
    for (verdict, packets) in [("drop", 2), ("aborted", 14), ("redirect", 5)] {
        let mut samples = open(
            &site,
            &request(verdict_bits(verdict).unwrap(), 1, UNLIMITED),
        );
        send_each_verdict(&site);
        let seen = read_packets(&mut samples, packets);
        assert_eq!(by_verdict(&seen), [(verdict, packets)].into());
    }
    daemon.stop();
}

#[test]
fn one_packet_in_n_is_sampled() {
    const SENT: u32 = 30_000;
    const N: u32 = 10;
    let (site, daemon) = start(&[], "");
    let mut samples = open(&site, &request(ALL_VERDICTS, N, UNLIMITED));
    let (sender, mut seen) = (site.sender(), Vec::new());
    for _ in 0..SENT / 1000 {
        sender.send(&frame_from(1), 1000);
        read(&mut samples, &mut seen).unwrap();
    }
    wait_for("the counters", &u64::from(SENT), || counted(&site));
    read(&mut samples, &mut seen).unwrap();
    // The gaps are uniform from 1 to 2N - 1, so the variance of their number is SENT / 3N.
    let (expected, taken) = (
        f64::from(SENT / N),
        f64::from(u32::try_from(seen.len()).unwrap()),
    );
    let sigma = f64::from(SENT / (3 * N)).sqrt();
    assert!((taken - expected).abs() < 5.0 * sigma, "{taken}");
    // Packets after the last sample of each CPU are not represented.
    let cpus = std::thread::available_parallelism().unwrap().get() as u64;
    let tail = u64::from(SENT) - weights(&seen);
    assert!(tail <= cpus * u64::from(2 * N), "{tail}");
    assert_eq!(samples.lost().unwrap(), 0);
    daemon.stop();
}

#[test]
fn samples_stay_below_rate() {
    const RATE: u32 = 100;
    const TIME: Duration = Duration::from_secs(2);
    let (site, daemon) = start(&[], "");
    let mut samples = open(&site, &request(ALL_VERDICTS, 1, RATE));
    let (sender, mut seen, mut sent) = (site.sender(), Vec::new(), 0);
    let start = Instant::now();
    while start.elapsed() < TIME {
        sender.send(&frame_from(1), 1000);
        sent += 1000;
        read(&mut samples, &mut seen).unwrap();
    }
    wait_for("the counters", &sent, || counted(&site));
    read(&mut samples, &mut seen).unwrap();
    // A window of 100 ms may have begun before the first sample, and another after the last.
    let most = f64::from(RATE) * (start.elapsed().as_secs_f64() + 0.2);
    let taken = f64::from(u32::try_from(seen.len()).unwrap());
    assert!(taken <= most, "{taken} of at most {most}");
    assert!(taken >= f64::from(RATE) / 2.0, "{taken}");
    // The gaps are far above 1, but samples represent all packets before them.
    assert!(weights(&seen) <= sent, "{} of {sent}", weights(&seen));
    assert!(weights(&seen) > sent / 2, "{} of {sent}", weights(&seen));
    // After the flood, every packet is sampled again.
    wait_until("each packet is sampled", || {
        seen.clear();
        sender.send(&frame_from(3), 1);
        samples
            .wait(Instant::now() + Duration::from_millis(20), None)
            .unwrap();
        read(&mut samples, &mut seen).unwrap();
        let last = seen
            .last()
            .filter(|last| last.verdict == "tx" && last.weight == 1);
        last.map(|_| ())
    });
    daemon.stop();
}

const LOST: &str = "corexdp_samples_lost_total{interface=\"edge0\",program=\"verdicts\"}";

#[test]
fn full_ring_buffer_loses_samples_and_says_so() {
    const SENT: u32 = 3000;
    let (site, daemon) = start(&[], "");
    site.metric_becomes(LOST, 0);
    let mut samples = everything(&site);
    let (sender, mut seen) = (site.sender(), Vec::new());
    sender.send(&frame_from(1), SENT);
    wait_for("the counters", &u64::from(SENT), || counted(&site));
    read(&mut samples, &mut seen).unwrap();
    let lost = samples.lost().unwrap();
    assert!(lost > 0 && seen.len() > 1000, "{lost}, {}", seen.len());
    assert_eq!(seen.len() as u64 + lost, u64::from(SENT));
    site.metric_becomes(LOST, lost);
    assert_eq!(json(&site, &[])["filters"][0]["samples_lost"], lost);
    // The next sample of each CPU also represents the packets whose samples were lost.
    wait_until("all packets are represented", || {
        sender.send(&frame_from(1), 1);
        read(&mut samples, &mut seen).unwrap();
        (weights(&seen) > u64::from(SENT)).then_some(())
    });
    assert_eq!(samples.lost().unwrap(), lost);
    // A reload ends the session, after more losses.
    let all = counted(&site) + u64::from(SENT);
    sender.send(&frame_from(1), SENT);
    wait_for("the counters", &all, || counted(&site));
    let page = site.get("/metrics");
    let total: u64 = page.metric(LOST).unwrap().parse().unwrap();
    assert!(total > lost, "{total}");
    site.ask(&["reload"]).expect(0, &[]);
    read(&mut samples, &mut seen).unwrap();
    assert_eq!(samples.lost().unwrap(), total);
    // Another session begins at 0.
    drop(samples);
    assert_eq!(everything(&site).lost().unwrap(), 0);
    site.metric_becomes(LOST, total);
    daemon.stop();
}

#[test]
fn samples_have_the_first_bytes_of_short_and_long_packets() {
    let (site, daemon) = start(&[], "");
    let mut samples = everything(&site);
    let sender = site.sender();
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for length in (0..=18).chain([46, 47, 49, 173, 174, 176, 177, 178, 179, 180, 184, 999]) {
        let frame = Frame::raw(0x88b5, &bytes[..length]).bytes;
        sender.send(&frame, 1);
        let seen = read_packets(&mut samples, 1);
        let [sample] = &seen[..] else {
            panic!("{seen:?}");
        };
        assert_eq!(sample.length as usize, frame.len());
        assert_eq!(sample.head, frame[..frame.len().min(sample::HEAD)]);
    }
    daemon.stop();
}
