//! Whether keys, values and metrics fit the maps they are meant for.

mod checker;
mod line;

use super::diagnostics::Diagnostics;
use super::{Filter, Named};
use crate::base::diagnostic::{Blame, Diagnostic};
use crate::base::escape::{Escaped, Plain};
use crate::base::suggest::suggestion;
use crate::corefile::Corefile;
use crate::encode::Encoder;
use crate::object::{Btf, MapDef, MapKind};

use checker::Checker;
pub use line::{key, value};

/// Finds every line of `filter` about a map that does not fit one of `maps`, whose types are in `btf`. What `gauge` and
/// `counter` lines say in words becomes the key and number that they mean.
pub fn check(
    filter: &mut Filter,
    corefile: &Corefile,
    maps: &[MapDef],
    btf: Option<&Btf>,
) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let mut metrics = std::mem::take(&mut filter.metrics);
    for named in &filter.maps {
        let Some(map) = maps.iter().find(|map| map.name == named.name) else {
            wrong.push(missing(filter, named, corefile, maps));
            continue;
        };
        let mut checker = Checker {
            map,
            name: Plain(&map.name).to_string(),
            encoder: Encoder::new(map, btf),
            faults: Diagnostics::new(corefile),
        };
        let of_this = metrics.iter_mut().filter(|metric| metric.map == named.id);
        checker.map(filter, named, of_this);
        wrong.extend(checker.faults.into_found());
    }
    filter.metrics = metrics;
    wrong
}

/// A map that the object does not have. It is the object's fault unless the line names the map.
fn missing(filter: &Filter, named: &Named, corefile: &Corefile, maps: &[MapDef]) -> Diagnostic {
    let all: Vec<_> = maps.iter().map(|map| map.name.as_str()).collect();
    let mut right = match all.as_slice() {
        [] => "it has no map".into(),
        all => suggestion(&named.name, all),
    };
    if !named.by_name && !all.is_empty() {
        right.push_str("; write `@MAP` for another");
    }
    let path = filter.elf.to_string_lossy();
    let (path, name) = (Escaped(&path), Plain(&named.name));
    let (blame, sign) = if named.by_name {
        (Blame::Corefile, "@")
    } else {
        (Blame::Object, "")
    };
    let right = Escaped(&right);
    let message = format!("{path} has no map {sign}{name}; {right}");
    corefile.diagnostic(named.at, corefile.text(named.at), message, blame)
}

/// Kinds whose entries are no plain bytes under a key.
fn refused_kind(name: &str, kind: MapKind) -> Option<String> {
    (!kind.holds_bytes()).then(|| format!("{name} is {kind}, whose entries can't be written or read as bytes; use a hash, an array or an lpm_trie"))
}
