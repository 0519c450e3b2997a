//! Shutdown, from the signal to the exit, and the status line for the service manager.

use std::fmt;
use std::time::Instant;

use nix::sys::signal::Signal;

use super::state::{Daemon, End, Shutdown};
use crate::config::Place;
use crate::filter::Filter;
use crate::http::listener::Listener;

/// State of the daemon in one line (`systemctl status`).
struct StatusLine<'a> {
    filters: &'a [Filter],
    listeners: &'a [Listener],
    stopping: bool,
}

impl fmt::Display for StatusLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.stopping, self.filters) {
            (true, _) => "stopping; ",
            (false, []) => "nothing to filter",
            (false, _) => "",
        })?;
        for (number, filter) in self.filters.iter().enumerate() {
            let (comma, name) = (if number > 0 { ", " } else { "" }, &filter.interface);
            match filter.attachment() {
                Some(attachment) => write!(f, "{comma}{name} filtered ({})", attachment.mode)?,
                None => write!(f, "{comma}{name} NOT filtered")?,
            }
        }
        let closed = |listener: &&Listener| listener.socket().is_none();
        for listener in self.listeners.iter().filter(closed) {
            let Place { service, address } = listener.place;
            write!(f, "; {} NOT served at {address}", service.name())?;
        }
        Ok(())
    }
}

impl Shutdown {
    /// The end, once the time of `lameduck` is over.
    pub(super) fn due(self) -> Option<End> {
        (self.until <= Instant::now()).then_some(End::Signal(self.signal))
    }
}

impl Daemon<'_> {
    /// Begins the shutdown. Returns the end at once without `lameduck`, or after a second signal; else the daemon serves
    /// for the time of `lameduck`.
    pub(super) fn begin_shutdown(&mut self, signal: Signal) -> Option<End> {
        self.manager.stopping();
        let time = self.serving.lameduck;
        if time.is_zero() || self.shutdown.is_some() {
            return Some(End::Signal(signal));
        }
        let (count, unit) = match time.subsec_nanos() {
            0 => (time.as_secs(), "s"),
            _ => (u64::try_from(time.as_millis()).unwrap_or(u64::MAX), "ms"),
        };
        let name = signal.as_str();
        self.options
            .log
            .info(format_args!("{name}: stopping in {count} {unit}"));
        let until = Instant::now() + time;
        self.shutdown = Some(Shutdown { signal, until });
        None
    }

    /// Sends the service manager the keep-alive if it is due, and the status line if it has changed.
    pub(super) fn notify_manager(&mut self) {
        if self.manager.keep_alive() {
            // The timer has woken the daemon anyway, so the check costs no wakeup.
            self.verify_filters();
        }
        let line = StatusLine {
            filters: &self.filters,
            listeners: self.page.listeners(),
            stopping: self.shutdown.is_some(),
        };
        self.manager.status(format_args!("{line}"));
    }
}
