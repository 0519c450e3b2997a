//! Checks of keys, values and metrics against the maps of the object.

mod checker;
mod conflicts;
mod line;
mod list;
mod numbers;

use super::diagnostics::Diagnostics;
use super::{Filter, MAP, MapRef};
use crate::base::diagnostic::{Blame, Diagnostic, Errors};
use crate::base::escape::{Escaped, Plain};
use crate::base::suggest::suggestion;
use crate::corefile::Corefile;
use crate::encode::Encoder;
use crate::object::{Btf, MapDef, MapKind, map_for_lines};

use checker::Checker;
pub use conflicts::warn_of_conflicts;
pub use line::{key, value};
pub use numbers::warn_of_numbers;

/// Checks every line of `filter` that refers to a map against `maps`, whose types are in `btf`, and returns the errors.
/// Sets key and number of `gauge` and `counter` metrics from their words.
pub fn check(
    filter: &mut Filter,
    corefile: &Corefile,
    maps: &[MapDef],
    btf: Option<&Btf>,
) -> Errors {
    let mut errors = Errors::default();
    let mut metrics = std::mem::take(&mut filter.metrics);
    for map_ref in &filter.maps {
        let Some(map) = map_for_lines(maps, &map_ref.name) else {
            errors.push(missing_map(filter, map_ref, corefile, maps));
            continue;
        };
        let mut checker = Checker {
            map,
            maps,
            name: Plain(&map.name).to_string(),
            encoder: Encoder::new(map, btf),
            faults: Diagnostics::new(corefile),
        };
        let of_map = metrics.iter_mut().filter(|metric| metric.map == map_ref.id);
        checker.check_map(filter, map_ref, of_map);
        errors.append(checker.faults.into_errors());
    }
    filter.metrics = metrics;
    errors
}

/// Error for a map that the object does not define. The object is at fault unless the line names the map by `@MAP`.
fn missing_map(filter: &Filter, map: &MapRef, corefile: &Corefile, maps: &[MapDef]) -> Diagnostic {
    let lines = maps.iter().filter_map(MapDef::for_lines);
    let all: Vec<_> = lines.map(|map| map.name.as_str()).collect();
    // The shipped programs once had single addresses in a map of their own.
    let is_former = map.name == "hosts"
        && maps
            .iter()
            .any(|map| map.name == MAP && map.table().is_some());
    let mut remedy = match all.as_slice() {
        [] => "it has no map".into(),
        _ if is_former => format!("{MAP} has its addresses now; write the line without @hosts"),
        all => suggestion(&map.name, all),
    };
    if !map.by_name && !all.is_empty() {
        remedy.push_str("; write `@MAP` for another");
    }
    let path = filter.elf.to_string_lossy();
    let (path, name) = (Escaped(&path), Plain(&map.name));
    let (blame, sign) = if map.by_name {
        (Blame::Corefile, "@")
    } else {
        (Blame::Object, "")
    };
    let remedy = Escaped(&remedy);
    let message = format!("{path} has no map {sign}{name}; {remedy}");
    corefile.diagnostic(map.at, corefile.text(map.at), message, blame)
}

/// Error for a map kind whose entries are not plain bytes under a key.
fn unsupported_kind(name: &str, kind: MapKind) -> Option<String> {
    (!kind.holds_bytes()).then(|| format!("{name} is {kind}, whose entries cannot be written or read as bytes; use a hash, an array or an lpm_trie"))
}
