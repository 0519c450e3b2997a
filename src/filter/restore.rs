//! The step that restores the decisions that a file keeps, before packets meet the programs.

use super::Filter;
use super::context::{Chain, Context};
use super::entry_list::EntryDigest;
use super::loaded::LoadedMap;
use super::state::{Prepared, PreparedStage};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::digest;
use crate::base::escape::Plain;
use crate::base::ktime;
use crate::config::decision::Saved;
use crate::encode::Encoder;
use crate::kernel::describe;
use crate::kernel::map_scan::Scan;
use crate::object::{MapDef, map_for_lines};

/// Restores decisions line by line.
pub struct Restore<'a, 'c> {
    /// The prepared filters.
    prepared: &'a mut [(Chain<'c>, Prepared)],
    /// Filters that an earlier daemon left attached.
    adopted: &'a mut [Filter],
    scan: &'a mut Scan,
    /// The map of the last line, since most lines are about the same map.
    target: Option<Target<'c>>,
    /// Digests of the decisions that lines name.
    named: Vec<u64>,
}

/// A map to which decisions are restored.
struct Target<'c> {
    /// Interface, stage and map.
    names: [String; 3],
    def: &'c MapDef,
    encoder: Encoder<'c>,
    /// Keys in a map that an earlier daemon left, as sorted digests; empty for a new map.
    present: Vec<u64>,
}

impl<'a, 'c> Restore<'a, 'c> {
    /// Restores decisions to the maps of the `prepared` filters.
    pub const fn new(
        prepared: &'a mut [(Chain<'c>, Prepared)],
        adopted: &'a mut [Filter],
        scan: &'a mut Scan,
    ) -> Self {
        Self {
            prepared,
            adopted,
            scan,
            target: None,
            named: Vec::new(),
        }
    }

    /// Restores a decision that ends at `until`, in nanoseconds of [`ktime`]. A decision whose time is up is restored where an
    /// earlier daemon left its entry, so that the entry is deleted.
    ///
    /// # Errors
    /// The reason why the decision is not restored.
    pub fn line(&mut self, saved: &Saved, until: Option<u64>) -> Result<(), String> {
        let names = [&saved.interface, &saved.stage, &saved.map];
        if self
            .target
            .as_ref()
            .is_none_or(|target| !target.names.iter().eq(names))
        {
            self.target = None;
            let target = self.find_target(saved)?;
            self.target = Some(target);
        }
        let Some(target) = &mut self.target else {
            return Ok(());
        };
        let (mut key, mut value) = ([0; MAX_KEY], [0; MAX_VALUE]);
        let (size, value_size) = saved.encode(&mut target.encoder, &mut key, &mut value)?;
        let sizes = (target.def.key_size as usize, target.def.value_size as usize);
        if (size, value_size) != sizes {
            return Err("the sizes of key and value are not those of the map".into());
        }
        let key = key.get_mut(..size).unwrap_or_default();
        let value = value.get(..value_size).unwrap_or_default();
        target.encoder.clear_host_bits(key);
        self.named.push(decision(names.map(String::as_str), key));
        let digest = EntryDigest::of(key, &[]).key;
        let is_present = target.present.binary_search(&digest).is_ok();
        let maps = stage(self.prepared, self.adopted, saved).map(|(_, maps, _)| maps);
        let Some(map) = maps.and_then(|maps| find(maps, &saved.map)) else {
            return Ok(());
        };
        let restored = match (is_present, saved.is_pending) {
            // Already taken over from the parts of a table.
            _ if map.table.is_some() && map.decisions.contains(key) => Ok(()),
            // The entry stays as it is, with its counters.
            (true, _) => map.adopt_decision(key, until),
            // A client was killed before the daemon accepted the decision.
            (false, true) => Ok(()),
            (false, _) if until.is_some_and(|until| until <= ktime::now()) => Ok(()),
            (false, false) => map.decide(key, value, until, self.scan),
        };
        let room = map.map.shape().max_entries;
        restored.map_err(|refused| refused.message(&saved.key, &saved.map, room))
    }

    /// Ends the changes of all maps. Deletes the decisions of adopted tables that no line names, if `all` lines were read:
    /// clients deleted them before a rollback restored the filter. Returns their number.
    pub fn end(mut self, all: bool) -> usize {
        self.named.sort_unstable();
        let mut deleted = 0;
        for filter in self.adopted.iter_mut().filter(|_| all) {
            let interface = filter.interface.clone();
            for stage in filter.stages_mut() {
                for map in &mut stage.maps {
                    let mut decisions = std::mem::take(&mut map.decisions);
                    decisions.retain(&mut |key, _| {
                        let subject = [interface.as_str(), &stage.object, &map.name];
                        let digest = decision(subject, key);
                        let is_named = self.named.binary_search(&digest).is_ok();
                        let is_deleted = !is_named && map.delete(key).is_ok();
                        deleted += usize::from(is_deleted);
                        !is_deleted
                    });
                    map.decisions = decisions;
                }
            }
        }
        for (_, prepared) in self.prepared.iter() {
            for stage in [&prepared.head].into_iter().chain(&prepared.behind) {
                if let PreparedStage::Load(loaded) = stage {
                    loaded.maps.iter().for_each(LoadedMap::end_decisions);
                }
            }
        }
        for stage in self.adopted.iter().flat_map(Filter::stages) {
            stage.maps().iter().for_each(LoadedMap::end_decisions);
        }
        deleted
    }

    /// The map that a line names.
    fn find_target(&mut self, saved: &Saved) -> Result<Target<'c>, String> {
        let (interface, name) = (Plain(&saved.interface), Plain(&saved.stage));
        let Some((context, maps, is_adopted)) = stage(self.prepared, self.adopted, saved) else {
            return Err(format!("{interface} has no filter {name}"));
        };
        let def = map_for_lines(&context.object.maps, &saved.map);
        let map = find(maps, &saved.map).filter(|map| map.is_shown());
        let Some((def, map)) = def.zip(map) else {
            return Err(format!(
                "{name} has no map {}; add the decision to another map",
                Plain(&saved.map)
            ));
        };
        let mut present = Vec::new();
        if is_adopted && map.table.is_none() {
            let read = self.scan.each(&map.map, &mut |key, _| {
                present.push(EntryDigest::of(key, &[]).key);
            });
            read.map_err(|errno| {
                format!("cannot read {}: {}", Plain(&saved.map), describe(errno))
            })?;
            present.sort_unstable();
        }
        Ok(Target {
            names: [&saved.interface, &saved.stage, &saved.map].map(String::clone),
            def,
            encoder: Encoder::new(def, context.object.btf()),
            present,
        })
    }
}

/// Digest of a decision about `key`. `subject` is its interface, stage and map.
fn decision(subject: [&str; 3], key: &[u8]) -> u64 {
    digest::of(&(subject, key))
}

fn find<'m>(maps: &'m mut [LoadedMap], name: &str) -> Option<&'m mut LoadedMap> {
    maps.iter_mut().find(|map| map.name == name)
}

/// The stage that a line names, its maps, and whether an earlier daemon left them.
fn stage<'m, 'c>(
    prepared: &'m mut [(Chain<'c>, Prepared)],
    adopted: &'m mut [Filter],
    saved: &Saved,
) -> Option<(Context<'c>, &'m mut [LoadedMap], bool)> {
    let name = saved.interface.as_str();
    let mut prepared = prepared.iter_mut();
    let (chain, prepared) =
        prepared.find(|(chain, _)| chain.head.block.interface.as_str() == name)?;
    let mut stages = chain.stages();
    let number = stages.position(|context| context.stage_name() == saved.stage)?;
    let context = *chain.stages().nth(number)?;
    let stage = match number.checked_sub(1) {
        None => &mut prepared.head,
        Some(behind) => prepared.behind.get_mut(behind)?,
    };
    match stage {
        PreparedStage::Load(loaded) => Some((context, &mut loaded.maps, false)),
        PreparedStage::Keep(at, _) | PreparedStage::Again(at, ..) => {
            let mut adopted = adopted.iter_mut();
            let old = adopted.find(|old| old.interface.as_str() == name)?;
            let stage = old.stages_mut().nth(*at)?;
            Some((context, &mut stage.maps, true))
        }
    }
}
