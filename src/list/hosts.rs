//! The format `hosts`: an address and names on each line, as in `/etc/hosts`. A name matches only itself.

use super::sink::Sink;
use super::{Reason, Scope, address};

/// Names of this host and of its networks, which such files begin with.
const LOCAL: [&str; 11] = [
    "localhost",
    "localhost.localdomain",
    "localhost6.localdomain6",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
];
const MORE_LOCAL: [&str; 3] = ["ip6-allhosts", "localhost6", "0.0.0.0"];

/// Reads a line.
pub(super) fn line(text: &str, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let text = text.split('#').next().unwrap_or_default();
    let mut words = text.split_whitespace();
    let Some(first) = words.next() else {
        return Ok(());
    };
    // `fe80::1%lo0`
    let first = first.split('%').next().unwrap_or_default();
    let address = address::parse(first).ok_or(Reason::NotAddress)?;
    let mut wrong = words.next().is_none().then_some(Reason::Malformed);
    for name in text.split_whitespace().skip(1) {
        if LOCAL.contains(&name) || MORE_LOCAL.contains(&name) {
            continue;
        }
        let put = if !address::is_null(address) {
            Err(Reason::HasAddress)
        } else if !name.contains('.') {
            Err(Reason::OneLabel)
        } else {
            sink.name(name, Scope::Exact, None)
        };
        wrong = wrong.or(put.err());
    }
    wrong.map_or(Ok(()), Err)
}
