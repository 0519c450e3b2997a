//! Prepares a filter: adopts the filter of an earlier daemon, and for each stage changes entries of the running one, loads
//! the running one again, or loads a new one.

use super::compare::{Comparison, Origin, origins, targets};
use super::context::Chain;
use super::create_maps::{Shared, cpus};
use super::find_interface::find_interface;
use super::fingerprint::{Fingerprint, Target};
use super::hold::pins::Pins;
use super::hold::{PinnedFilter, PinnedStage, adopt_attachment, adopt_maps, pinned_filter};
use super::load::{load, load_again, read_maps};
use super::loaded::Loaded;
use super::stage::Stage;
use super::state::{Prepared, PreparedStage};
use super::{Batch, Context, Filter};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::describe;
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
    let mut targets: Vec<_> = targets(chain)?.into_iter().map(Some).collect();
    let mut adopt = |stage| adopt_stage(chain, &pins, stage, &mut targets);
    let head = adopt(head)?;
    let mut adopted = Vec::new();
    for stage in behind {
        adopted.push(adopt(stage)?);
    }
    let mut filter = Filter::new(chain, head, adopted);
    filter.pins = Some(pins);
    filter.set_attached(Some(attached));
    filter.write_wall_clock(context.log);
    // The earlier daemon may have been killed while a client sampled.
    for errno in filter
        .stages()
        .filter_map(|stage| stage.stop_sampling().err())
    {
        let (name, why) = (&context.block.interface, describe(errno));
        context
            .log
            .error(format_args!("{name}: cannot switch samples off: {why}"));
    }
    Ok(Some(filter.adopted()))
}

/// Adopts a pinned stage: with its maps if one of the `targets` has the same identity, else its program alone.
fn adopt_stage(
    chain: &Chain<'_>,
    pins: &Pins,
    pinned: PinnedStage,
    targets: &mut [Option<Target>],
) -> Result<Stage, Diagnostic> {
    let mut stages = chain.stages().zip(targets);
    let same = |target: &Target| target.fingerprint.identity == pinned.key.identity;
    let found = stages.find(|(_, target)| target.as_ref().is_some_and(same));
    let (context, target) = match found {
        Some((context, target)) => (context, target.take()),
        None => (&chain.head, None),
    };
    let (fingerprint, maps) = match target {
        None => (Fingerprint::foreign(pinned.key.identity), Vec::new()),
        Some(target) => {
            let fingerprint = target.fingerprint;
            match adopt_maps(context, pins, pinned.key, target, cpus(context)?)? {
                Some(maps) => (fingerprint, maps),
                None => (
                    Fingerprint::foreign(pinned.key.identity.modified()),
                    Vec::new(),
                ),
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
    let origins = match old {
        Some(old) => origins_of(chain, old)?,
        None => Vec::new(),
    };
    let mut origins = origins.into_iter();
    let mut prepare =
        |context: &Context<'_>| prepare_stage(context, old, origins.next(), batch, scan);
    let head = prepare(&chain.head)?;
    let mut behind = Vec::new();
    for context in &chain.behind {
        behind.push(prepare(context)?);
    }
    Ok(Prepared { head, behind })
}

/// The origin and the target of each stage of `chain`, where `old` is the running filter.
///
/// If the entries of one stage are the only change, they are changed in its maps. Otherwise a changed stage gets new maps:
/// with changes in several places, packets would meet a mixture of old and new entries.
fn origins_of(chain: &Chain<'_>, old: &Filter) -> Result<Vec<(Origin, Target)>, Diagnostic> {
    let comparison = Comparison::of(chain, old)?;
    let sizes = comparison.sizes();
    let mut found = origins(&sizes, &|new, at| comparison.can_become(new, at));
    if !comparison.is_one_change(&found) {
        found = origins(&sizes, &|new, at| comparison.is_same(new, at));
    }
    Ok(found.into_iter().zip(comparison.targets).collect())
}

/// Prepares a stage of this origin; `None` for a stage of an interface without a filter.
fn prepare_stage(
    context: &Context<'_>,
    old: Option<&Filter>,
    origin: Option<(Origin, Target)>,
    batch: &mut Batch,
    scan: &mut Scan,
) -> Result<PreparedStage, Diagnostic> {
    match origin {
        Some((Origin::Stage(at), target)) => Ok(PreparedStage::Keep(at, target)),
        Some((Origin::Maps(at), target)) if let Some(stage) = old.and_then(|old| old.stage(at)) => {
            let loaded = load_again(context, stage, target.fingerprint)?;
            Ok(PreparedStage::Again(at, target, loaded))
        }
        _ => {
            let name = context.stage_name();
            let mut stages = old.into_iter().flat_map(Filter::stages);
            let namesake = stages.find(|stage| stage.object == name);
            let shared = namesake.map_or(Shared::Nothing, Shared::Totals);
            Ok(PreparedStage::Load(load(context, shared, batch, scan)?))
        }
    }
}
