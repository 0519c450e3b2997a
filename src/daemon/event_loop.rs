//! The event loop: poll, then dispatch to the file that handles the event.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::signals::Signals;
use super::state::{Daemon, End, Shutdown};
use crate::base::wait::{sleep, wait};
use crate::control::PACKET;
use crate::control::server::{CLIENTS, Control};
use crate::filter::Filter;
use crate::http::keeper::Keeper;
use crate::http::server::Server;
use crate::kernel::describe;
use crate::kernel::wall_clock::ClockWatch;

/// Delay before polling again after `poll` failed.
const POLL_RETRY: Duration = Duration::from_secs(1);

/// Descriptors that are readable, or closed by the other end.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one bool for each descriptor"
)]
struct Ready {
    stop: bool,
    reload: bool,
    worker: bool,
    interfaces: bool,
    control: bool,
    keeper: bool,
    addresses: bool,
    sampler: bool,
    clock: bool,
    clients: [bool; CLIENTS],
}

impl Ready {
    /// Names the results of [`Daemon::poll`], which are in the order of its descriptors.
    const fn new(results: [bool; 9 + CLIENTS]) -> Self {
        let [
            stop,
            reload,
            worker,
            interfaces,
            control,
            keeper,
            addresses,
            sampler,
            clock,
            clients @ ..,
        ] = results;
        Self {
            stop,
            reload,
            worker,
            interfaces,
            control,
            keeper,
            addresses,
            sampler,
            clock,
            clients,
        }
    }
}

impl Daemon<'_> {
    /// Handles events until an event ends the daemon.
    pub(super) fn run(&mut self, signals: &Signals) -> End {
        loop {
            self.notify_manager();
            let ready = self.poll(signals);
            if ready.stop
                && let Some(signal) = signals.stop()
                && let Some(end) = self.begin_shutdown(signal)
            {
                return end;
            }
            if ready.reload && signals.reload() {
                // `reload` logs the error.
                let _ = self.reload(None, None);
            }
            if ready.worker {
                self.answer_worker();
            }
            self.check_interfaces(ready.interfaces);
            if ready.clock {
                self.follow_wall_clock();
            }
            if ready.sampler {
                self.answer_sampler();
            }
            self.answer_clients(&ready);
            if self.roll_back_unconfirmed() {
                return End::Unconfirmed;
            }
            if let Some(end) = self.shutdown.and_then(Shutdown::due) {
                return end;
            }
            self.page.check_keeper(ready.keeper, &self.options.log);
            self.page.retry(ready.addresses, &self.options.log);
            self.control.open_if_due(self.options);
            self.reload_if_changed();
            self.sweep_decisions();
            self.map_reads
                .log_changes(&mut self.filters, &self.options.log);
            self.options.log.deliver();
        }
    }

    /// Sleeps until a descriptor is ready or the earliest deadline has passed. An idle daemon has no deadline. A failed
    /// `poll` is retried: the filters do not depend on it.
    fn poll(&self, signals: &Signals) -> Ready {
        let (control, clients) = self.control.server.as_ref().map(Control::fds).unzip();
        let [first, second, third, fourth] = clients.unwrap_or_default();
        let fds = [
            Some(signals.stop_fd()),
            Some(signals.reload_fd()),
            self.page.server.as_ref().and_then(Server::fd),
            Some(self.monitor.as_fd()),
            control,
            self.page.keeper.as_ref().map(Keeper::fd),
            self.page.addresses.as_ref().map(AsFd::as_fd),
            self.sampling
                .as_ref()
                .map(|sampling| sampling.client.as_fd()),
            self.clock.as_ref().map(AsFd::as_fd),
            first,
            second,
            third,
            fourth,
        ];
        match wait(fds, self.next_deadline()) {
            Ok(ready) => Ready::new(ready),
            Err(errno) => {
                self.options.log.error(format_args!(
                    "cannot wait for events: {}; retrying in {} s",
                    describe(errno),
                    POLL_RETRY.as_secs()
                ));
                sleep(POLL_RETRY);
                Ready::default()
            }
        }
    }

    /// The earliest time at which the daemon must act without an event.
    fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.map_reads.deadline(&self.filters),
            self.page.retry_at(),
            self.control.retry.at(),
            self.page.keeper.as_ref().and_then(Keeper::deadline),
            self.filters.iter().filter_map(Filter::retry_at).min(),
            self.reloading.deadline(),
            self.shutdown.map(|shutdown| shutdown.until),
            self.manager.deadline(),
            self.next_sweep(),
            self.options.log.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Answers each client of the control socket that sent a request, then accepts another client.
    fn answer_clients(&mut self, ready: &Ready) {
        // From the last to the first: `receive` removes the client from the list.
        let mut buffer = [0; PACKET];
        let clients = ready.clients.iter().enumerate().rev();
        for (index, _) in clients.filter(|(_, ready)| **ready) {
            let control = self.control.server.as_mut();
            if let Some((client, request)) =
                control.and_then(|control| control.receive(index, &mut buffer))
            {
                self.answer_client(client, request);
            }
        }
        if ready.control
            && let Some(control) = &mut self.control.server
        {
            control.accept();
        }
    }

    /// Checks all filters after an event of an interface, else the filters whose retry is due. Attaches them again if
    /// necessary.
    fn check_interfaces(&mut self, event: bool) {
        if event {
            self.monitor.drain();
        }
        let now = Instant::now();
        let durability = self.reloading.durability();
        for filter in self.filters.iter_mut() {
            if event || filter.retry_at().is_some_and(|at| at <= now) {
                filter.reattach(durability, &self.options.log);
            }
        }
    }

    /// Writes the offset of the wall clock to the maps of all filters, replaced ones included, after the clock was set.
    fn follow_wall_clock(&self) {
        if !self.clock.as_ref().is_some_and(ClockWatch::is_set) {
            return;
        }
        let write = |filters: &[Filter]| {
            for filter in filters {
                filter.write_wall_clock(&self.options.log);
            }
        };
        write(&self.filters);
        if let Some(pending) = &self.reloading.pending {
            write(&pending.replaced.filters);
        }
    }

    /// Checks that each filter is attached, and attaches it again if another process detached it. Called before every
    /// answer that contains the state, before every change, and when a timer wakes the daemon.
    pub(super) fn verify_filters(&mut self) {
        let durability = self.reloading.durability();
        for filter in self.filters.iter_mut() {
            filter.verify(durability, &self.options.log);
        }
    }
}
