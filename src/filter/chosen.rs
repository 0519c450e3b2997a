//! The maps of a filter that somebody looks at: those that lines of the Corefile mean, and `xdp_map`.

use nix::errno::Errno;

use super::Order;
use crate::config::{Diagnostic, MAP};
use crate::corefile::Plain;
use crate::kernel::map::Map;
use crate::kernel::scan::Scan;
use crate::watch::Watch;

/// A map that is read, by a descriptor of its own.
#[derive(Debug)]
pub struct Chosen {
    /// Its name in the object.
    pub name: String,
    /// The map.
    pub map: Map,
    /// What is remembered of it where its changes are logged.
    pub watch: Option<Watch>,
}

impl Order<'_> {
    /// The maps that lines mean, in the order of [`crate::config::Filter::maps`], and last `xdp_map` if none means it.
    pub(super) fn chosen(&self, maps: &[Map]) -> Result<Vec<Chosen>, Diagnostic> {
        let named = self.filter.maps.iter().map(|named| named.name.as_str());
        let usual = (!named.clone().any(|name| name == MAP)).then_some(MAP);
        let mut chosen = Vec::new();
        for name in named.chain(usual) {
            let position = self.object.maps.iter().position(|map| map.name == name);
            let Some(map) = position.and_then(|at| maps.get(at)) else {
                continue;
            };
            chosen.push(Chosen {
                name: name.to_owned(),
                map: map.share().map_err(|error| self.lacking(&error))?,
                watch: None,
            });
        }
        Ok(chosen)
    }

    /// Remembers the map's values, if their changes are to be logged.
    pub(super) fn watch(&self, chosen: &Chosen, scan: &mut Scan) -> Option<Watch> {
        if !self.filter.debug {
            return None;
        }
        let watch = Watch::begin(&chosen.map, scan);
        let (interface, name) = (&self.filter.interface, Plain(&chosen.name));
        let failed = |errno: &Errno| {
            let what = errno.desc();
            self.log
                .warn(format_args!("{interface}: {name} can't be watched: {what}"));
        };
        watch.inspect_err(failed).ok()
    }
}

/// Gives each map of `to` that has no memory of its changes that of the same map in `from`.
pub(super) fn take_watches(to: &mut [Chosen], from: &mut [Chosen]) {
    for to in to.iter_mut().filter(|to| to.watch.is_none()) {
        let from = from.iter_mut().find(|from| from.name == to.name);
        to.watch = from.and_then(|from| from.watch.take());
    }
}
