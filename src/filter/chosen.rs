//! The maps of a filter that somebody looks at: those that lines of the Corefile mean, and `xdp_map`.

use nix::errno::Errno;

use super::Context;
use crate::base::diagnostic::Diagnostic;
use crate::base::escape::Plain;
use crate::config::MAP;
use crate::filter::watch::Watch;
use crate::kernel::map::Map;
use crate::kernel::map_scan::Scan;

/// A map that is read, by a descriptor of its own.
#[derive(Debug)]
pub struct ReadMap {
    /// Its name in the object.
    pub name: String,
    /// The map.
    pub map: Map,
    /// What is remembered of it where its changes are logged.
    pub watch: Option<Watch>,
}

impl Context<'_> {
    /// The maps that lines mean, in the order of [`crate::config::Filter::maps`], and last `xdp_map` if none means it.
    pub(super) fn chosen(&self, maps: &[Map]) -> Result<Vec<ReadMap>, Diagnostic> {
        let named = self.block.maps.iter().map(|named| named.name.as_str());
        let usual = (!named.clone().any(|name| name == MAP)).then_some(MAP);
        let mut chosen = Vec::new();
        for name in named.chain(usual) {
            let position = self.object.maps.iter().position(|map| map.name == name);
            let Some(map) = position.and_then(|at| maps.get(at)) else {
                continue;
            };
            chosen.push(ReadMap {
                name: name.to_owned(),
                map: map.share().map_err(|error| self.lacking(&error))?,
                watch: None,
            });
        }
        Ok(chosen)
    }

    /// Remembers the map's values, if their changes are to be logged.
    pub(super) fn watch(&self, chosen: &ReadMap, scan: &mut Scan) -> Option<Watch> {
        if !self.block.debug {
            return None;
        }
        let watch = Watch::begin(&chosen.map, scan);
        let (interface, name) = (&self.block.interface, Plain(&chosen.name));
        let failed = |errno: &Errno| {
            let what = errno.desc();
            self.log
                .warn(format_args!("{interface}: {name} can't be watched: {what}"));
        };
        watch.inspect_err(failed).ok()
    }
}

/// Gives each map of `to` that has no memory of its changes that of the same map in `from`.
pub(super) fn take_watches(to: &mut [ReadMap], from: &mut [ReadMap]) {
    for to in to.iter_mut().filter(|to| to.watch.is_none()) {
        let from = from.iter_mut().find(|from| from.name == to.name);
        to.watch = from.and_then(|from| from.watch.take());
    }
}
