//! The format `rpz`: a response policy zone (draft-vixie-dnsop-dns-rpz-00). Only triggers by the name of a query are taken.

use super::sink::Sink;
use super::zone::{Record, Zone};
use super::{Action, Reason, Scope};

/// Last labels of triggers that are not names of queries.
const TRIGGERS: [&str; 4] = ["rpz-client-ip", "rpz-ip", "rpz-nsip", "rpz-nsdname"];
/// Types of records that describe the zone, not the policy.
const OF_ZONES: [&str; 10] = [
    "SOA",
    "NS",
    "DS",
    "RRSIG",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
    "DNSKEY",
    "CDS",
    "CDNSKEY",
];

/// Reads a line.
pub(super) fn line(text: &str, zone: &mut Zone, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    match zone.line(text)? {
        Some(record) => put(&record, zone, sink),
        None => Ok(()),
    }
}

fn put(record: &Record, zone: &mut Zone, sink: &mut Sink<'_, '_>) -> Result<(), Reason> {
    let Record { kind, data, .. } = record;
    if kind == "SOA" {
        zone.apex = Some(zone.owner.clone());
    }
    if OF_ZONES.contains(&kind.as_str()) {
        return Ok(());
    }
    let trigger = zone.inside(&zone.owner).ok_or(Reason::Malformed)?;
    if trigger.is_empty() {
        return Ok(());
    }
    let last = trigger.rsplit('.').next().unwrap_or_default();
    if TRIGGERS.contains(&last) {
        return Err(Reason::Trigger);
    }
    let data = data.as_deref().unwrap_or_default();
    let action = match (kind.as_str(), data) {
        ("CNAME", ".") => Action::NxDomain,
        ("CNAME", "*.") => Action::NoData,
        ("CNAME", "rpz-drop.") => Action::Drop,
        ("CNAME", "rpz-passthru.") => Action::Passthru,
        ("CNAME", "rpz-tcp-only.") => Action::TcpOnly,
        ("CNAME", data) if data.starts_with("rpz-") => return Err(Reason::UnknownAction),
        // Older zones let a name pass by its own name.
        ("CNAME", data) if data.strip_suffix('.') == Some(trigger) => Action::Passthru,
        _ => return Err(Reason::LocalData),
    };
    match trigger.strip_prefix("*.") {
        Some(name) => sink.name(name, Scope::Below, Some(action)),
        None if trigger == "*" => Err(Reason::Everything),
        None => sink.name(trigger, Scope::Exact, Some(action)),
    }
}
