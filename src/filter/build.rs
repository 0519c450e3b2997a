//! The way to a filter: the running one changes its entries, or a new one is loaded beside it.

use super::attach::find_interface;
use super::fingerprint::{Fingerprint, Identity, Target};
use super::hold::{adopt_attachment, adopt_maps, pinned_filter};
use super::load::{cpus, load, read_maps};
use super::state::Loaded;
use super::update_entries::has_room;
use super::{Batch, Context, Filter, Prepared};
use crate::base::diagnostic::Diagnostic;
use crate::kernel::map_scan::Scan;

/// The filter that an earlier daemon left attached, to be reused or replaced.
///
/// # Errors
/// When the interface has pins that corexdp did not make.
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
    Ok(Some(filter.adopted()))
}

/// Prepares the filter that is to replace `old`, which filters the interface, or to be the first there.
///
/// # Errors
/// When the kernel refuses; all that was loaded is then freed.
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
    load(context, batch, scan).map(Prepared::Load)
}

/// True if `old` becomes the target by changes of entries alone.
fn can_become(context: &Context<'_>, old: &Filter, target: &Target) -> bool {
    let same = target.fingerprint.identity == old.fingerprint.identity;
    same || target.fingerprint.has_code_of(old.fingerprint) && has_room(context, old, target)
}
