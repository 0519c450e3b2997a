//! The directives `prometheus`, `health` and `ready`, each with an address to listen on.

use std::net::IpAddr;
use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{Address, Config, duration, hosts};
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Occurrence, Token};

/// Maximum number of addresses of a service.
const MAX_ADDRESSES: usize = 4;
/// Maximum number of addresses: [`MAX_ADDRESSES`] for each service.
pub const MAX_PLACES: usize = 3 * MAX_ADDRESSES;

/// A service that the daemon offers over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Metrics, and the status page in HTML and JSON.
    Metrics,
    /// Liveness: the daemon runs.
    Health,
    /// Readiness: every filter is attached.
    Ready,
}

impl Service {
    /// All services.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Health, Self::Ready];

    /// Name of the service's directive.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Metrics => "prometheus",
            Self::Health => "health",
            Self::Ready => "ready",
        }
    }

    /// Name of the service in messages and views.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "page",
            Self::Health => "health",
            Self::Ready => "ready",
        }
    }

    /// Path of the service at its address, without the slash.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Metrics => "",
            Self::Health => "health",
            Self::Ready => "ready",
        }
    }

    /// Number of the service in messages between daemon and worker.
    pub const fn number(self) -> u32 {
        match self {
            Self::Metrics => 0,
            Self::Health => 1,
            Self::Ready => 2,
        }
    }

    /// The service with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|service| service.number() == number)
    }

    /// Default address in CoreDNS.
    const fn default_address(self) -> &'static str {
        match self {
            Self::Metrics => super::address::DEFAULT,
            Self::Health => ":8080",
            Self::Ready => ":8181",
        }
    }
}

/// An address to listen on, and its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Service at the address.
    pub service: Service,
    /// The address, with its port.
    pub address: Address,
}

/// A `prometheus`, `health` or `ready` directive in the Corefile.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// Token of the directive's name.
    pub at: Token,
    /// Address and service.
    pub place: Place,
}

/// Options of `health` and `ready`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serving {
    /// Time for which the daemon still filters and serves after a signal to stop.
    pub lameduck: Duration,
    /// True if `ready` answers 200 forever once all filters have been attached (`monitor until-ready`).
    pub until_ready: bool,
}

/// True if the kernel refuses to bind a second socket to `other` while one is bound to `one`.
fn overlap(one: Address, other: Address) -> bool {
    let port = one.port();
    if port != other.port() || port == 0 {
        return false;
    }
    let (Address::One(one), Address::One(other)) = (one, other) else {
        return true;
    };
    let (one, other) = (one.ip(), other.ip());
    // A socket at `[::]` receives IPv4 too.
    let covers = |all: IpAddr, part: IpAddr| {
        all.is_unspecified() && (all.is_ipv6() || part.to_canonical().is_ipv4())
    };
    covers(one, other) || covers(other, one) || one.to_canonical() == other.to_canonical()
}

/// The fault of an address that no client can reach, with the remedy.
const fn unreachable_fault(address: Address) -> Option<&'static str> {
    let Address::One(address) = address else {
        return None;
    };
    match address.ip() {
        ip if ip.is_multicast() => Some("is a multicast address; write an address of the box"),
        IpAddr::V4(ip) if ip.is_broadcast() => {
            Some("is the broadcast address; write an address of the box")
        }
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Some(
            "is a link-local address, which needs an interface; write another address of the box",
        ),
        _ => None,
    }
}

impl Config {
    pub(super) fn read_listen(
        &mut self,
        service: Service,
        directive: &Directive,
        corefile: &Corefile,
        faults: &mut Diagnostics<'_>,
    ) {
        let name = service.directive();
        let mut occurrences = directive.occurrences(corefile);
        let Some(first) = occurrences.next() else {
            return;
        };
        let text = match first.args {
            [] => Ok(service.default_address()),
            [address] => Ok(corefile.text(*address)),
            [_, second, ..] => Err((
                *second,
                format!("takes one address, not {}", first.args.len()),
            )),
        };
        let address = text.and_then(|text| {
            let at = first.args.first().unwrap_or(&first.head);
            Address::parse(text).map_err(|message| (*at, message))
        });
        match address {
            Ok(address) => {
                let place = Place { service, address };
                let at = first.head;
                self.add_listen(Listen { at, place }, faults);
            }
            Err((at, message)) => faults.add(at, name, message),
        }
        self.read_options(service, &first, corefile, faults);
        if let Some(second) = occurrences.next() {
            let message = "given twice in this server block; keep one";
            faults.add(second.head, name, message);
        }
    }

    fn add_listen(&mut self, listen: Listen, faults: &mut Diagnostics<'_>) {
        let Place { service, address } = listen.place;
        let mut others = self.listen.iter();
        let message = match others.find(|other| other.place.address == address) {
            // Several server blocks may share an address, as in CoreDNS.
            Some(other) if other.place.service == service => return,
            Some(other) => {
                let taken = other.place.service.directive();
                format!("{address} is taken by {taken}; give one of them another address")
            }
            None => {
                if let Some(why) = unreachable_fault(address) {
                    faults.add(listen.at, service.directive(), format!("{address} {why}"));
                    return;
                }
                let mut others = self.listen.iter();
                if let Some(other) = others.find(|other| overlap(other.place.address, address)) {
                    let (taken, directive) = (other.place.address, other.place.service.directive());
                    let message = format!(
                        "{address} overlaps {taken} of {directive}; give one of them another port"
                    );
                    faults.add(listen.at, service.directive(), message);
                    return;
                }
                let has_service = |other: &&Listen| other.place.service == service;
                if self.listen.iter().filter(has_service).count() < MAX_ADDRESSES {
                    // Cannot fail: the list has room for `MAX_ADDRESSES` addresses of each service.
                    let _ = self.listen.push(listen);
                    return;
                }
                format!(
                    "more than {MAX_ADDRESSES} addresses; let server blocks share an address, which serves them all"
                )
            }
        };
        faults.add(listen.at, service.directive(), message);
    }

    /// Reads the lines of the directive's block.
    fn read_options(
        &mut self,
        service: Service,
        occurrence: &Occurrence<'_>,
        corefile: &Corefile,
        faults: &mut Diagnostics<'_>,
    ) {
        for line in occurrence.body.clone().into_iter().flatten() {
            let Some(option) = line.first() else {
                continue;
            };
            let args: Vec<&str> = line.iter().skip(1).map(|arg| corefile.text(*arg)).collect();
            let text = corefile.text(*option);
            if let Err(message) = self.read_option(service, text, &args) {
                faults.add(*option, service.directive(), message);
            }
        }
    }

    fn read_option(&mut self, service: Service, option: &str, args: &[&str]) -> Result<(), String> {
        match (service, option) {
            // Accepted and ignored: CoreDNS has metrics of Go's runtime, and corexdp has no such runtime.
            (Service::Metrics, "runtime_metrics") => Ok(()),
            (Service::Metrics, "host") => hosts::read(&mut self.hosts, args),
            // Refused, not ignored, because the operator would expect an encrypted page.
            (Service::Metrics, "tls") => {
                Err("tls is not served; leave it out, and let a proxy on the box add it".into())
            }
            (Service::Health, "lameduck") => match args {
                [time] => {
                    let time = duration::parse(time).ok_or_else(|| {
                        let quoted = Quoted(time);
                        format!("{quoted} is not a duration; write one such as 5s")
                    })?;
                    self.serving.lameduck = self.serving.lameduck.max(time);
                    Ok(())
                }
                _ => Err("write `lameduck DURATION`".into()),
            },
            (Service::Ready, "monitor") => match args {
                ["until-ready"] => {
                    self.serving.until_ready = true;
                    Ok(())
                }
                ["continuously"] => Ok(()),
                _ => Err("write `monitor until-ready|continuously`".into()),
            },
            (service, other) => {
                let options = match service {
                    Service::Metrics => "host, runtime_metrics",
                    Service::Health => "lameduck",
                    Service::Ready => "monitor",
                };
                Err(format!("unknown option {}; use {options}", Quoted(other)))
            }
        }
    }
}
