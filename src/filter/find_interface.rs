//! The step that looks the interface up, and waits until it can be filtered.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use super::Context;
use super::context::Chain;
use super::hold::pinned_filter;
use super::refusal::occupied;
use crate::base::capacity::MAX_FILTERS;
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::wait::wait;
use crate::config::InterfaceName;
use crate::kernel::describe;
use crate::kernel::interface::{self, Interface, Monitor};

/// Fails if two chains name the same interface, one of them by an alternative name.
///
/// # Errors
/// At the second name. Interfaces that are missing, or cannot be looked up, are not checked; later steps report them.
pub fn check_names(chains: &[Chain<'_>]) -> Result<(), Diagnostic> {
    let mut seen: heapless::Vec<(u32, &InterfaceName), MAX_FILTERS> = heapless::Vec::new();
    for Chain { head: context, .. } in chains {
        let name = &context.block.interface;
        let Ok(Some(Interface { index, .. })) = interface::find(name) else {
            continue;
        };
        if let Some((_, first)) = seen.iter().find(|(other, _)| *other == index) {
            let what = format!(
                "{name} is another name of interface {first}, which an earlier block names; use one name in all blocks of an interface"
            );
            return Err(context.wrong(context.block.interface_at, "if", Blame::Corefile, what));
        }
        // Cannot fail: the list of `ebpf` blocks has the same capacity.
        let _ = seen.push((index, name));
    }
    Ok(())
}

/// Waits until the interface exists, is up and has no other XDP program, for at most the time of the option `wait`. Returns
/// false if `stop` became readable.
///
/// # Errors
/// The state of the interface after that time; at once, an error that is not the interface's.
pub fn wait_for(context: &Context<'_>, stop: BorrowedFd<'_>) -> Result<bool, Diagnostic> {
    let block = context.block;
    let end = Instant::now().checked_add(block.wait);
    let Some(end) = end.filter(|_| !block.wait.is_zero()) else {
        return ready(context).map(|()| true);
    };
    let at = block.interface_at;
    // Subscribed before the first check, so that no change after it is missed.
    let monitor = Monitor::open().map_err(|error| context.kernel(at, "if", &error))?;
    let mut told = false;
    loop {
        let wrong = match ready(context) {
            Ok(()) => return Ok(true),
            Err(wrong) if wrong.blame != Blame::Interface => return Err(wrong),
            Err(wrong) => wrong,
        };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(wrong);
        }
        if !told {
            let (name, seconds) = (&block.interface, left.as_secs() + 1);
            context.log.info(format_args!(
                "{name}: waiting up to {seconds} s for the interface"
            ));
            told = true;
        }
        let fds = [Some(stop), Some(monitor.as_fd())];
        let [stopped, _] = wait(fds, Some(end)).map_err(|errno| {
            let what = format!("cannot wait for the interface: {}", describe(errno));
            context.wrong(at, "if", Blame::System, what)
        })?;
        if stopped {
            return Ok(false);
        }
        monitor.drain();
    }
}

/// Fails unless the interface is up and free, or has the filter of an earlier daemon.
fn ready(context: &Context<'_>) -> Result<(), Diagnostic> {
    let interface = find_interface(context)?;
    if pinned_filter(context, &interface)?.is_some() {
        return Ok(());
    }
    free(context, up(context, interface)?).map(drop)
}

/// Looks up the interface. Fails if it does not exist.
pub(super) fn find_interface(context: &Context<'_>) -> Result<Interface, Diagnostic> {
    let (name, at) = (&context.block.interface, context.block.interface_at);
    let found = interface::find(name).map_err(|error| context.kernel(at, "if", &error))?;
    found.ok_or_else(|| {
        let remedy = if context.block.wait.is_zero() {
            "`wait DURATION` waits for one that appears late"
        } else {
            "create it, or correct its name"
        };
        let what = format!("interface {name} is missing; {remedy}");
        context.wrong(at, "if", Blame::Interface, what)
    })
}

/// Fails if the interface is down. Only the first filter of an interface needs this check: a filter stays attached when its
/// interface goes down.
pub(super) fn up(context: &Context<'_>, interface: Interface) -> Result<Interface, Diagnostic> {
    if interface.up {
        return Ok(interface);
    }
    let name = &context.block.interface;
    let remedy = if context.block.wait.is_zero() {
        ", or let `wait DURATION` wait for it"
    } else {
        ""
    };
    let what = format!("interface {name} is down; set it up{remedy}");
    Err(context.wrong(context.block.interface_at, "if", Blame::Interface, what))
}

/// Fails if the interface has an XDP program.
pub(super) fn free(context: &Context<'_>, interface: Interface) -> Result<Interface, Diagnostic> {
    if interface.xdp.is_none() {
        return Ok(interface);
    }
    let what = occupied(&context.block.interface, Some(&interface));
    Err(context.wrong(context.block.interface_at, "if", Blame::Interface, what))
}
