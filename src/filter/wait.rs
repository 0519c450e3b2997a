//! Waiting for interfaces that appear late.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::Context;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::wait::wait;
use crate::kernel::interface::Monitor;

/// Waits until the interface is there, up and free, as long as its `wait` says; false when `stop` became readable first.
///
/// # Errors
/// What the interface still is not when the time is over.
pub fn wait_for(order: &Context<'_>, stop: BorrowedFd<'_>) -> Result<bool, Diagnostic> {
    let Some(end) = Instant::now().checked_add(order.block.wait) else {
        return order.ready().map(|()| true);
    };
    if order.block.wait.is_zero() {
        return order.ready().map(|()| true);
    }
    let at = order.block.interface_at;
    // Listen first and look then, so that nothing happens in between.
    let monitor = Monitor::open().map_err(|error| order.kernel(at, "if", &error))?;
    let mut told = false;
    loop {
        let wrong = match order.ready() {
            Ok(()) => return Ok(true),
            Err(wrong) if wrong.blame != Blame::Interface => return Err(wrong),
            Err(wrong) => wrong,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(wrong);
        }
        if !told {
            let (name, seconds) = (&order.block.interface, left.as_secs() + 1);
            order.log.info(format_args!(
                "{name}: waiting up to {seconds} s for the interface"
            ));
            told = true;
        }
        let fds = [Some(stop), Some(monitor.as_fd())];
        let [stopped, _] = wait(fds, Some(end)).map_err(|errno| {
            let what = format!("can't wait: {}", errno.desc());
            order.wrong(at, "if", Blame::System, what)
        })?;
        if stopped {
            return Ok(false);
        }
        monitor.drain();
    }
}
