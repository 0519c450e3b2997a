//! `health` and `ready`, and the time between being told to stop and stopping.

use std::fmt::{self, Write as _};
use std::time::Instant;

use nix::sys::signal::Signal;

use super::event_loop::{Daemon, End};
use crate::base::capacity::MAX_FILTERS;
use crate::config::Service;
use crate::filter::Filter;
use crate::http::Made;

/// The name of every interface, with a comma.
const ROOM: usize = 16 * (MAX_FILTERS + 1);

/// What `/ready` answers.
pub(super) struct Readiness {
    words: heapless::String<ROOM>,
    good: bool,
}

impl Readiness {
    /// What `/health` answers, while there is anybody to do so.
    pub(super) fn of_the_living() -> Self {
        let mut words = heapless::String::new();
        let _ = words.push_str("OK");
        Self { words, good: true }
    }

    /// Writes it.
    pub(super) fn write(&self, page: &mut [u8]) -> Option<Made> {
        let length = self.words.len();
        page.get_mut(..length)?
            .copy_from_slice(self.words.as_bytes());
        Some(Made {
            length,
            good: self.good,
        })
    }
}

/// How things stand, in one line.
struct State<'a> {
    filters: &'a [Filter],
    leaving: bool,
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.leaving, self.filters) {
            (true, _) => "stopping; ",
            (false, []) => "nothing to filter",
            (false, _) => "",
        })?;
        for (number, filter) in self.filters.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            match filter.attachment() {
                Some(attachment) => {
                    write!(
                        f,
                        "{comma}{} filtered ({})",
                        filter.interface, attachment.mode
                    )?;
                }
                None => write!(f, "{comma}{} NOT filtered", filter.interface)?,
            }
        }
        Ok(())
    }
}

/// A daemon that was told to stop, and still serves for a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shutdown {
    signal: Signal,
    until: Instant,
}

impl Shutdown {
    /// When it stops.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }
}

impl Daemon<'_> {
    /// Acts on a signal to stop: at once, or after the time of `lameduck`. A second signal is in a hurry.
    pub(super) fn stop(&mut self, signal: Signal) -> Option<End> {
        self.manager.stopping();
        let time = self.serving.lameduck;
        if time.is_zero() || self.leaving.is_some() {
            return Some(End::Signal(signal));
        }
        let (count, unit) = match time.subsec_nanos() {
            0 => (u128::from(time.as_secs()), "s"),
            _ => (time.as_millis(), "ms"),
        };
        let name = signal.as_str();
        self.options
            .log
            .info(format_args!("{name}: stopping in {count} {unit}"));
        let until = Instant::now() + time;
        self.leaving = Some(Shutdown { signal, until });
        None
    }

    /// Whether the time of `lameduck` is over.
    pub(super) fn has_left(&self) -> Option<End> {
        let leaving = self
            .leaving
            .filter(|leaving| leaving.until <= Instant::now());
        leaving.map(|leaving| End::Signal(leaving.signal))
    }

    /// Tells the service manager that the daemon lives, and how things stand if that has changed.
    pub(super) fn tell_manager(&mut self) {
        self.manager.beat();
        let state = State {
            filters: &self.filters,
            leaving: self.leaving.is_some(),
        };
        self.manager.status(format_args!("{state}"));
    }

    /// Whether every filter is attached, which it was at start; if not, in words why.
    pub(super) fn readiness(&self) -> Readiness {
        let mut words = heapless::String::new();
        if !self.serving.until_ready {
            let away = |filter: &&Filter| filter.attachment().is_none();
            for filter in self.filters.iter().filter(away) {
                let comma = if words.is_empty() { "" } else { "," };
                // There is room for all names.
                let _ = write!(words, "{comma}{}", filter.interface);
            }
            if words.is_empty() && self.leaving.is_some() {
                let _ = words.push_str("stopping");
            }
        }
        let good = words.is_empty();
        if good {
            let _ = words.push_str("OK");
        }
        Readiness { words, good }
    }

    /// Says where what is served.
    pub(super) fn announce_page(&self) {
        for (service, address) in self
            .server
            .iter()
            .flat_map(crate::http::server::Server::addresses)
        {
            let (name, path) = match service {
                Service::Metrics => ("page", ""),
                Service::Health => ("health", "health"),
                Service::Ready => ("ready", "ready"),
            };
            self.options
                .log
                .info(format_args!("{name}: http://{address}/{path}"));
        }
    }
}
