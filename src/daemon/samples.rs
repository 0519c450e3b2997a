//! The session of a client that samples packets: at most one at a time.
//!
//! The session begins with a new ring buffer, which the daemon puts into the frame of each stage. The session ends when the
//! client closes its connection, when filters are replaced, and with the daemon.

use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::time::{ClockId, clock_gettime};

use super::state::{Daemon, Sampling};
use crate::base::escape::Escaped;
use crate::base::exit;
use crate::control::server::{Client, Further};
use crate::control::{Payload, SampleRequest};
use crate::filter::{Filter, Stage};
use crate::kernel::describe;
use crate::kernel::map::Map;
use crate::object::frame::{self, Settings};

/// Bytes of the ring buffer: room for 1,129 samples.
const RING_SIZE: u32 = 256 << 10;

impl Daemon<'_> {
    /// Begins a session, and sends the client its stages and the ring buffer.
    pub(super) fn start_sampling(&mut self, client: Client, request: &SampleRequest) {
        // The previous client may have closed its connection since the last poll.
        self.answer_sampler();
        if let Some(sampling) = &self.sampling {
            client.error(format_args!(
                "process {} samples already; only one process can sample at a time",
                sampling.client.pid()
            ));
            return client.end(exit::UNAVAILABLE);
        }
        if let Some(reason) = self.unsampled(request) {
            match &request.interface {
                Some(name) => client.error(format_args!("{}: {reason}", Escaped(name))),
                None => client.error(format_args!("{reason}")),
            }
            return client.end(exit::UNAVAILABLE);
        }
        match self.try_sampling(&client, request) {
            Ok(ring) => {
                client.end(exit::DONE);
                let lost = self.lost_samples();
                self.sampling = Some(Sampling { client, ring, lost });
            }
            Err((what, errno)) => {
                self.switch_sampling_off();
                client.error(format_args!("{what}: {}", describe(errno)));
                client.end(exit::SYSTEM);
            }
        }
    }

    /// Reason why no filter of the request can be sampled; `None` if one can.
    fn unsampled(&self, request: &SampleRequest) -> Option<&'static str> {
        let named = self
            .filters
            .iter()
            .filter(|filter| is_named(request, filter));
        let mut stages = named.flat_map(Filter::stages).peekable();
        if stages.peek().is_none() {
            return Some("no filter; `corexdp status` shows the filtered interfaces");
        }
        let can_sample = stages.any(Stage::can_sample);
        (!can_sample).then_some("no filter can be sampled; the log says why")
    }

    /// Switches samples on. An error has the failed step.
    fn try_sampling(
        &self,
        client: &Client,
        request: &SampleRequest,
    ) -> Result<Map, (&'static str, Errno)> {
        let ring = Map::create(&frame::ring(RING_SIZE), None, None, 1)
            .map_err(|error| ("cannot create a ring buffer", error.errno))?;
        let size = ring.shape().max_entries;
        let session = session();
        let filters = self.filters.iter();
        let stages = filters
            .filter(|filter| is_named(request, filter))
            .flat_map(|filter| filter.stages().map(move |stage| (filter, stage)))
            .filter(|(_, stage)| stage.can_sample());
        for (number, (filter, stage)) in (0_u32..).zip(stages) {
            let index = filter
                .attachment()
                .map_or(0, |attachment| attachment.interface);
            let (interface, program) = (&filter.interface, &stage.object);
            let link = filter.link_header() as u8;
            client
                .stage(format_args!(
                    "{number} {index} {link} {interface} {program}"
                ))
                .map_err(|errno| ("cannot name a stage", errno))?;
            let settings = Settings {
                session,
                verdicts: request.verdicts,
                stage: number,
                one_in: request.one_in,
                rate: request.rate,
                wake: size / 4,
            };
            stage
                .start_sampling(&ring, &settings)
                .map_err(|errno| ("cannot switch samples on", errno))?;
        }
        client
            .pass(Payload::Ring(size.to_ne_bytes()), ring.fd().as_fd())
            .map_err(|errno| ("cannot pass the ring buffer", errno))?;
        Ok(ring)
    }

    /// Answers a packet of the client that samples, or ends its session.
    pub(super) fn answer_sampler(&mut self) {
        let Some(sampling) = &self.sampling else {
            return;
        };
        match sampling.client.receive() {
            Further::Nothing => {}
            Further::Lost => {
                let before = sampling.lost;
                let lost = self.lost_samples().saturating_sub(before);
                if let Some(sampling) = &self.sampling {
                    sampling.client.lost(lost);
                }
            }
            Further::End => self.end_sampling(),
        }
    }

    /// Ends the session, if there is one, and closes the client's connection. Called before filters are replaced.
    pub(super) fn end_sampling(&mut self) {
        if let Some(Sampling { client, ring, lost }) = self.sampling.take() {
            self.switch_sampling_off();
            client.lost(self.lost_samples().saturating_sub(lost));
            // No program uses the ring buffer: its removal from a map waits until all running programs have ended.
            drop(ring);
            drop(client);
        }
    }

    fn switch_sampling_off(&self) {
        for filter in self.filters.iter() {
            for errno in filter
                .stages()
                .filter_map(|stage| stage.stop_sampling().err())
            {
                let name = &filter.interface;
                self.options.log.error(format_args!(
                    "{name}: cannot switch samples off: {}",
                    describe(errno)
                ));
            }
        }
    }

    /// Number of samples that all filters have lost.
    fn lost_samples(&mut self) -> u64 {
        let mut sum = 0;
        for stage in self.filters.iter().flat_map(Filter::stages) {
            let lost = stage.lost_samples(&mut self.map_reads.scan);
            self.map_reads.errors += u64::from(lost.is_err());
            sum += lost.ok().flatten().unwrap_or_default();
        }
        sum
    }
}

/// True if the request names the interface of the filter, or no interface.
fn is_named(request: &SampleRequest, filter: &Filter) -> bool {
    let name = request.interface.as_ref();
    name.is_none_or(|name| *name == filter.interface)
}

/// A number for a session, which differs from those of an earlier daemon: milliseconds of `CLOCK_BOOTTIME`, without 0.
fn session() -> u32 {
    let now = clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |now| {
        now.tv_sec()
            .wrapping_mul(1000)
            .wrapping_add(now.tv_nsec() / 1_000_000)
    });
    u32::try_from(now & i64::from(u32::MAX)).map_or(1, |now| now.max(1))
}
