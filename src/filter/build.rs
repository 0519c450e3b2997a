//! Prepares a filter: adopts the filter of an earlier daemon, and for each stage changes entries of the running one, loads
//! the running one again, or loads a new one.

use super::attach::find_interface;
use super::context::Chain;
use super::create_maps::{Shared, cpus};
use super::fingerprint::{Fingerprint, Target};
use super::hold::pins::Pins;
use super::hold::{PinnedFilter, PinnedStage, adopt_attachment, adopt_maps, pinned_filter};
use super::load::{load, load_again, read_maps};
use super::stage::Stage;
use super::state::{Loaded, Prepared, PreparedStage};
use super::update_entries::has_room;
use super::{Batch, Context, Filter};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map_scan::Scan;

/// Adopts the filter that an earlier daemon left attached; `None` if there is none. [`prepare`] then changes or replaces
/// the filter.
///
/// # Errors
/// When a running daemon owns the pins, or the pins cannot be used.
pub fn adopt(chain: &Chain<'_>) -> Result<Option<Filter>, Diagnostic> {
    let context = &chain.head;
    let interface = find_interface(context)?;
    let Some(pinned) = pinned_filter(context, &interface)? else {
        return Ok(None);
    };
    pinned.warn(&context.block.interface, context.log);
    let PinnedFilter {
        pins,
        link,
        head,
        behind,
    } = pinned;
    let attached = adopt_attachment(context, &interface, link, &head.program)?;
    let mut targets = targets(chain)?;
    let mut adopt = |stage| adopt_stage(chain, &pins, stage, &mut targets);
    let head = adopt(head)?;
    let behind: Result<Vec<_>, _> = behind.into_iter().map(adopt).collect();
    let mut filter = Filter::new(chain, head, behind?);
    filter.pins = Some(pins);
    filter.set_attached(Some(attached));
    Ok(Some(filter.adopted()))
}

/// The target of each stage.
fn targets(chain: &Chain<'_>) -> Result<Vec<Option<Target>>, Diagnostic> {
    let targets = chain.stages().map(|context| Target::new(context).map(Some));
    targets.collect()
}

/// Adopts a pinned stage: with its maps if one of the `targets` has the same identity, else its program alone.
fn adopt_stage(
    chain: &Chain<'_>,
    pins: &Pins,
    pinned: PinnedStage,
    targets: &mut [Option<Target>],
) -> Result<Stage, Diagnostic> {
    let mut stages = chain.stages().zip(targets);
    let same = |target: &Target| target.fingerprint.identity == pinned.identity;
    let found = stages.find(|(_, target)| target.as_ref().is_some_and(same));
    let (context, target) = match found {
        Some((context, target)) => (context, target.take()),
        None => (&chain.head, None),
    };
    let (fingerprint, maps) = match target {
        None => (Fingerprint::foreign(pinned.identity), Vec::new()),
        Some(target) => {
            let fingerprint = target.fingerprint;
            match adopt_maps(context, pins, pinned.identity, target, cpus(context)?)? {
                Some(maps) => (fingerprint, maps),
                None => (Fingerprint::foreign(pinned.identity.modified()), Vec::new()),
            }
        }
    };
    let loaded = Loaded {
        read_maps: read_maps(context, &maps)?,
        maps,
        program: pinned.program,
        fingerprint,
    };
    Ok(Stage::new(context, loaded))
}

/// Prepares the filter of `chain`. Each stage that `old`, the filter of the same interface, has too is taken over with its
/// maps; the others are loaded.
///
/// # Errors
/// When the kernel refuses; everything loaded here is freed.
pub fn prepare(
    chain: &Chain<'_>,
    old: Option<&Filter>,
    batch: &mut Batch,
    scan: &mut Scan,
) -> Result<Prepared, Diagnostic> {
    let mut sources = match old {
        Some(old) => Source::of_all(chain, old)?,
        None => Vec::new(),
    }
    .into_iter();
    let mut prepare = |context: &Context<'_>| {
        let source = sources.next().unwrap_or(Source::Object);
        source.prepare(context, old, batch, scan)
    };
    let head = prepare(&chain.head)?;
    let behind: Result<Vec<_>, _> = chain.behind.iter().map(prepare).collect();
    Ok(Prepared {
        head,
        behind: behind?,
    })
}

/// The source of a new stage.
#[derive(Debug)]
enum Source {
    /// The object: program and maps are loaded.
    Object,
    /// The program and maps of the running stage of this number.
    Stage(usize, Target),
    /// The maps of the running stage of this number, and the object's program, loaded for another place in the chain.
    Maps(usize, Target),
}

impl Source {
    /// The source of each stage of `chain`, where `old` is the running filter.
    ///
    /// A program can stay where all stages before it stay, or all stages behind it: a single write of a slot then replaces
    /// the stages between, so that each packet meets the old chain or the new one. A program between two changed stages is
    /// loaded again, so that it can have another successor while the old one still runs.
    fn of_all(chain: &Chain<'_>, old: &Filter) -> Result<Vec<Self>, Diagnostic> {
        let contexts: Vec<_> = chain.stages().collect();
        let old: Vec<_> = old.stages().collect();
        let mut targets = targets(chain)?;
        let fits = |new: usize, at: usize, targets: &[Option<Target>]| {
            let target = targets.get(new).and_then(Option::as_ref);
            let parts = contexts.get(new).zip(old.get(at)).zip(target);
            parts.is_some_and(|((context, old), target)| can_become(context, old, target))
        };
        let shorter = contexts.len().min(old.len());
        let mut before = (0..shorter)
            .take_while(|at| fits(*at, *at, &targets))
            .count();
        let behind = (1..=shorter - before)
            .take_while(|back| fits(contexts.len() - back, old.len() - back, &targets))
            .count();
        // The last stage that stays before a change gets another successor.
        let has_slot = |at: usize| old.get(at).is_some_and(|old| old.next().is_some());
        if before > 0 && before < contexts.len() && !has_slot(before - 1) {
            before -= 1;
        }
        let mut free: Vec<_> = (before..old.len() - behind).collect();
        let mut source = |new: usize| {
            let back = contexts.len() - new;
            if new < before {
                return targets
                    .get_mut(new)?
                    .take()
                    .map(|target| Self::Stage(new, target));
            }
            if back <= behind {
                let at = old.len() - back;
                return targets
                    .get_mut(new)?
                    .take()
                    .map(|target| Self::Stage(at, target));
            }
            let at = free.iter().position(|at| fits(new, *at, &targets))?;
            let target = targets.get_mut(new)?.take()?;
            Some(Self::Maps(free.remove(at), target))
        };
        let sources = (0..contexts.len()).map(|new| source(new).unwrap_or(Self::Object));
        Ok(sources.collect())
    }

    fn prepare(
        self,
        context: &Context<'_>,
        old: Option<&Filter>,
        batch: &mut Batch,
        scan: &mut Scan,
    ) -> Result<PreparedStage, Diagnostic> {
        match self {
            Self::Stage(at, target) => Ok(PreparedStage::Keep(at, target)),
            Self::Maps(at, target) if let Some(stage) = old.and_then(|old| old.stage(at)) => {
                let loaded = load_again(context, stage, target.fingerprint)?;
                Ok(PreparedStage::Again(at, target, loaded))
            }
            _ => {
                let name = context.stage_name();
                let mut stages = old.into_iter().flat_map(Filter::stages);
                let namesake = stages.find(|stage| stage.object == name);
                let shared = namesake.map_or(Shared::Nothing, Shared::Totals);
                load(context, shared, batch, scan).map(PreparedStage::Load)
            }
        }
    }
}

/// True if changes of entries alone turn the maps of `old` into those of the target.
fn can_become(context: &Context<'_>, old: &Stage, target: &Target) -> bool {
    let same = target.fingerprint.identity == old.fingerprint.identity;
    same || target.fingerprint.has_code_of(old.fingerprint) && has_room(context, old, target)
}
