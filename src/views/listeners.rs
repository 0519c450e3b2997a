//! Listeners: the addresses of page, health and ready, and the control socket.

use std::fmt::{self, Write};
use std::net::SocketAddr;

use serde::{Serialize, Serializer};

use crate::config::{MAX_PLACES, MetricKind};
use crate::views::prometheus;

/// Maximum number of listeners: the listeners of the Corefile, and the control socket.
pub const MAX_LISTENERS: usize = MAX_PLACES + 1;
/// Bytes of the longest address: a path (`sun_path`). A longer text is truncated.
const MAX_ADDRESS: usize = 108;

/// State of a listener for the views.
#[derive(Debug)]
pub struct ListenerState {
    /// `page`, `health`, `ready` or `control`.
    pub(super) service: &'static str,
    /// Address in the Corefile, or path of the control socket.
    pub(super) address: heapless::String<MAX_ADDRESS>,
    /// Address of an open HTTP socket.
    pub(super) url: Option<Url>,
    /// Reason why the address is not served; `None` if it is served.
    pub(super) error: Option<Unserved>,
}

/// Reason why an address is not served: reason and remedy, shown as `REASON; REMEDY`. Both are texts of corexdp itself and
/// need no escaping in HTML.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unserved(&'static str, &'static str);

impl fmt::Display for Unserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(reason, remedy) = self;
        let separator = if remedy.is_empty() { "" } else { "; " };
        write!(f, "{reason}{separator}{remedy}")
    }
}

impl Serialize for Unserved {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Local address and path of a service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Url(SocketAddr, &'static str);

impl ListenerState {
    /// The listener of a service at an address; `error` is the reason why the address is not served.
    pub fn new(
        service: &'static str,
        address: fmt::Arguments<'_>,
        error: Option<&'static str>,
    ) -> Self {
        let mut state = Self {
            service,
            address: heapless::String::new(),
            url: None,
            error: error.map(|reason| Unserved(reason, "")),
        };
        let _ = state.address.write_fmt(address);
        state
    }

    /// This listener with the remedy of its error.
    #[must_use]
    pub fn with_remedy(mut self, remedy: &'static str) -> Self {
        self.error = self
            .error
            .map(|Unserved(reason, _)| Unserved(reason, remedy));
        self
    }

    /// This listener with its open socket: local address, and path of the service.
    #[must_use]
    pub fn at(mut self, local: Option<(SocketAddr, &'static str)>) -> Self {
        self.url = local.map(|(address, path)| Url(address, path));
        self
    }
}

/// Writes the metric of the listeners.
///
/// # Errors
/// When the text is full.
pub(super) fn metrics(listeners: &[ListenerState], text: &mut impl Write) -> fmt::Result {
    let name = "corexdp_listener_up";
    let help = "1 if the address is served, 0 while it cannot be; filters do not depend on it.";
    prometheus::head(text, name, MetricKind::Gauge, help)?;
    for listener in listeners {
        let labels = [
            ("address", listener.address.as_str()),
            ("service", listener.service),
        ];
        prometheus::sample(text, name, &labels, u8::from(listener.error.is_none()))?;
    }
    Ok(())
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}/{}", self.0, self.1)
    }
}

impl Serialize for Url {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
