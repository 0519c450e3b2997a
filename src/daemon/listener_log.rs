//! Messages about the page's listeners.

use crate::config::Place;
use crate::filter::blame;
use crate::http::listener::Listener;
use crate::kernel::describe;
use crate::log::Log;
use crate::plan::Plan;

/// Logs the address of an open listener.
pub(super) fn announce(listener: &Listener, log: &Log) {
    if let Some(local) = listener.local() {
        let service = listener.place.service;
        let (name, path) = (service.name(), service.path());
        log.info(format_args!("{name}: http://{local}/{path}"));
    }
}

/// Logs why a listener is not open, with the line of the Corefile if `plan` is given.
pub(super) fn warn(listener: &Listener, plan: Option<&Plan>, log: &Log) {
    let Some(errno) = listener.error() else {
        return;
    };
    let Place { service, address } = listener.place;
    let reason = describe(errno);
    let remedy = listener.remedy();
    let message = format_args!("cannot listen on {address}: {reason}; {remedy}");
    let directive = service.directive();
    let listens = plan.and_then(|plan| {
        let mut listens = plan.config.listen.iter();
        Some((plan, listens.find(|listen| listen.place == listener.place)?))
    });
    match listens {
        Some((plan, listen)) => {
            let blame = blame(errno);
            let message = message.to_string();
            let diagnostic = plan
                .corefile
                .diagnostic(listen.at, directive, message, blame);
            log.warn(diagnostic);
        }
        None => log.warn(format_args!("{}: {message}", service.name())),
    }
}
