//! State of a report: sums over samples, and the source of the samples.

use super::tally::Tally;

/// All that a report shows.
pub(super) struct Report<'a> {
    pub(super) tally: &'a Tally,
    /// Interfaces whose packets are sampled.
    pub(super) interfaces: &'a [String],
    /// Number of samples that were lost.
    pub(super) lost: u64,
    /// Time of the samples, or the state of the screen.
    pub(super) span: &'a str,
}

#[cfg(test)]
pub(super) mod examples {
    //! Samples of made-up packets.

    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::object::LinkHeader;
    use crate::object::frame::sample::Sample;
    use crate::packet::Packet;

    /// An IP packet of a source, to port 53. It is a query of type A for a name, or no DNS message for the empty name.
    pub(in crate::commands::top) fn packet(source: &str, name: &str) -> Vec<u8> {
        let mut datagram = vec![0x9c, 0x40, 0, 53, 0, 0, 0, 0];
        if !name.is_empty() {
            datagram.extend([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            for label in name.split('.') {
                datagram.push(u8::try_from(label.len()).unwrap());
                datagram.extend(label.bytes());
            }
            datagram.extend([0, 0, 1, 0, 1]);
        }
        let length = u16::try_from(datagram.len()).unwrap();
        let mut packet = Vec::new();
        match source.parse().unwrap() {
            IpAddr::V4(source) => {
                let [high, low] = (length + 20).to_be_bytes();
                packet.extend([0x45, 0, high, low, 0, 0, 0, 0, 64, 17, 0, 0]);
                packet.extend(source.octets());
                packet.extend([192, 0, 2, 53]);
            }
            IpAddr::V6(source) => {
                let [high, low] = length.to_be_bytes();
                packet.extend([0x60, 0, 0, 0, high, low, 17, 64]);
                packet.extend(source.octets());
                packet.extend(source.octets());
            }
        }
        packet.extend(datagram);
        packet
    }

    /// Adds a sample to the tally.
    pub(in crate::commands::top) fn add(tally: &mut Tally, weight: u64, verdict: u16, head: &[u8]) {
        let sample = Sample {
            time: Duration::ZERO,
            weight,
            // Without limit for bursts.
            stage: u32::MAX,
            interface: 1,
            length: 60,
            verdict,
            head,
        };
        tally.add(&sample, &Packet::parse(head, LinkHeader::Ip));
    }

    /// The tally of samples within one second, each with weight, verdict, source and name.
    pub(in crate::commands::top) fn tally(samples: &[(u64, u16, &str, &str)]) -> Tally {
        let mut tally = Tally::new();
        tally.add_time(Duration::from_secs(1));
        for (weight, verdict, source, name) in samples {
            add(&mut tally, *weight, *verdict, &packet(source, name));
        }
        tally
    }
}
