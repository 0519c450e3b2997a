//! Prepares a filter: adopts the filter of an earlier daemon, changes entries of the running one, or loads a new one.

use super::attach::find_interface;
use super::create_maps::cpus;
use super::fingerprint::{Fingerprint, Identity, Target};
use super::hold::{adopt_attachment, adopt_maps, pinned_filter};
use super::load::{load, read_maps};
use super::state::Loaded;
use super::update_entries::has_room;
use super::{Batch, Context, Filter, Prepared};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map_scan::Scan;

/// Adopts the filter that an earlier daemon left attached; `None` if there is none. [`prepare`] then changes or replaces
/// the filter.
///
/// # Errors
/// When a running daemon owns the pins, or the pins cannot be used.
pub fn adopt(context: &Context<'_>) -> Result<Option<Filter>, Diagnostic> {
    let interface = find_interface(context)?;
    let Some(pinned) = pinned_filter(context, &interface)? else {
        return Ok(None);
    };
    pinned.warn(&context.block.interface, context.log);
    let target = Target::new(context)?;
    let fingerprint = target.fingerprint;
    let (fingerprint, maps) = if fingerprint.identity == pinned.identity {
        match adopt_maps(context, &pinned, target, cpus(context)?)? {
            Some(maps) => (fingerprint, maps),
            None => (Fingerprint::foreign(Identity::MODIFIED), Vec::new()),
        }
    } else {
        (Fingerprint::foreign(pinned.identity), Vec::new())
    };
    let attached = adopt_attachment(context, &interface, pinned.link, &pinned.program)?;
    let loaded = Loaded {
        read_maps: read_maps(context, &maps)?,
        maps,
        program: pinned.program,
        fingerprint,
    };
    let filter = Filter::new(context, loaded, Some(attached), Some(pinned.pins));
    // The earlier daemon may have been killed while a client sampled.
    if let Err(errno) = filter.stop_sampling() {
        let name = &context.block.interface;
        context.log.error(format_args!(
            "{name}: cannot switch samples off: {}",
            errno.desc()
        ));
    }
    Ok(Some(filter.adopted()))
}

/// Prepares the filter of `context`: a change of `old`, the filter of the same interface, or else a newly loaded filter.
///
/// # Errors
/// When the kernel refuses; everything loaded here is freed.
pub fn prepare(
    context: &Context<'_>,
    old: Option<&Filter>,
    batch: &mut Batch,
    scan: &mut Scan,
) -> Result<Prepared, Diagnostic> {
    if let Some(old) = old {
        let target = Target::new(context)?;
        if can_become(context, old, &target) {
            return Ok(Prepared::Change(target));
        }
    }
    load(context, old, batch, scan).map(Prepared::Load)
}

/// True if changes of entries alone turn `old` into the target.
fn can_become(context: &Context<'_>, old: &Filter, target: &Target) -> bool {
    let same = target.fingerprint.identity == old.fingerprint.identity;
    same || target.fingerprint.has_code_of(old.fingerprint) && has_room(context, old, target)
}
