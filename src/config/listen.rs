//! The directives that have something served: `prometheus`, `health` and `ready`.

use std::time::Duration;

use super::diagnostics::Diagnostics;
use super::{Address, Config, duration};
use crate::base::capacity::MAX_FILTERS;
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Occurrence, Token};

/// Places to listen at: each service has as many as there can be filters.
pub const MAX_PLACES: usize = 3 * MAX_FILTERS;

/// What is served at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The metrics, and pages for people.
    Metrics,
    /// Whether the daemon lives.
    Health,
    /// Whether every filter is attached.
    Ready,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Metrics, Self::Health, Self::Ready];

    /// The directive that asks for it.
    pub const fn directive(self) -> &'static str {
        match self {
            Self::Metrics => "prometheus",
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

    /// Where CoreDNS serves it when nothing else is said.
    const fn usual(self) -> &'static str {
        match self {
            Self::Metrics => super::address::DEFAULT,
            Self::Health => ":8080",
            Self::Ready => ":8181",
        }
    }
}

/// A place to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// What is served there.
    pub service: Service,
    /// Where.
    pub address: Address,
}

/// A directive that asks for a place.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// Where it stands.
    pub at: Token,
    /// Where to listen, and for what.
    pub place: Place,
}

/// What `health` and `ready` are told besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serving {
    /// How long the daemon still filters and serves after it was told to stop.
    pub lameduck: Duration,
    /// Whether who was ready once stays so.
    pub until_ready: bool,
}

impl Config {
    pub(super) fn read_page(
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
            [] => Ok(service.usual()),
            [one] => Ok(corefile.text(*one)),
            [_, more, ..] => Err((
                *more,
                format!("takes one address, not {}", first.args.len()),
            )),
        };
        let address = text.and_then(|text| {
            let at = first.args.first().unwrap_or(&first.head);
            Address::parse(text).map_err(|what| (*at, what))
        });
        match address {
            Ok(address) => {
                let place = Place { service, address };
                let at = first.head;
                self.add_listen(Listen { at, place }, faults);
            }
            Err((at, what)) => faults.add(at, name, what),
        }
        self.options(service, &first, corefile, faults);
        if let Some(again) = occurrences.next() {
            let what = "given twice in this server block; keep one".into();
            faults.add(again.head, name, what);
        }
    }

    fn add_listen(&mut self, page: Listen, faults: &mut Diagnostics<'_>) {
        let Place { service, address } = page.place;
        let mut pages = self.listen.iter();
        let what = match pages.find(|other| other.place.address == address) {
            // Several server blocks may name the same place; CoreDNS serves it once too.
            Some(other) if other.place.service == service => return,
            Some(other) => {
                let taken = other.place.service.directive();
                format!("{address} is where {taken} is served; give one of them another address")
            }
            None => {
                let same = |page: &&Listen| page.place.service == service;
                if self.listen.iter().filter(same).count() < MAX_FILTERS {
                    // There is room for as many of each.
                    let _ = self.listen.push(page);
                    return;
                }
                format!(
                    "more than {MAX_FILTERS} addresses; several server blocks may name the same one, which tells of all"
                )
            }
        };
        faults.add(page.at, service.directive(), what);
    }

    /// The lines of its block.
    fn options(
        &mut self,
        service: Service,
        page: &Occurrence<'_>,
        corefile: &Corefile,
        faults: &mut Diagnostics<'_>,
    ) {
        for line in page.body.clone().into_iter().flatten() {
            let Some(option) = line.first() else {
                continue;
            };
            let args: Vec<&str> = line.iter().skip(1).map(|arg| corefile.text(*arg)).collect();
            let text = corefile.text(*option);
            if let Err(what) = self.option(service, text, &args) {
                faults.add(*option, service.directive(), what);
            }
        }
    }

    fn option(&mut self, service: Service, option: &str, args: &[&str]) -> Result<(), String> {
        match (service, option) {
            // CoreDNS's metrics of itself mean nothing here.
            (Service::Metrics, "runtime_metrics") => Ok(()),
            // A page without TLS must not pass for one with.
            (Service::Metrics, "tls") => {
                Err("tls is not served; leave it out, and let a proxy on the box add it".into())
            }
            (Service::Health, "lameduck") => match args {
                [time] => {
                    let time = duration::parse(time).ok_or_else(|| {
                        let quoted = Quoted(time);
                        format!("{quoted} is no duration; write for example 5s")
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
                let there = match service {
                    Service::Metrics => "runtime_metrics",
                    Service::Health => "lameduck",
                    Service::Ready => "monitor",
                };
                Err(format!(
                    "unknown option {}; there is {there}",
                    Quoted(other)
                ))
            }
        }
    }
}
