//! Warnings about directives that may be misspelt or misplaced. Unknown directives are not errors, since a Corefile may
//! have directives of any CoreDNS plugin.

use std::fmt::Display;

use super::{DEBUG, EBPF, RELOAD, Service};
use crate::base::escape::{Escaped, Plain};
use crate::base::suggest::misspelt;
use crate::corefile::Corefile;

/// Maximum number of warnings of each kind.
const MAX_WARNINGS: usize = 20;

/// Names of the directives that corexdp reads.
fn names() -> [&'static str; 6] {
    let [metrics, health, ready] = Service::ALL.map(Service::directive);
    [EBPF, metrics, DEBUG, health, ready, RELOAD]
}

/// Passes to `report` a warning for each server block that has the name of a directive among its addresses. The mistake is
/// a Corefile without braces, whose first line has only addresses.
pub fn warn_of_directives_as_addresses(corefile: &Corefile, report: &mut dyn FnMut(&dyn Display)) {
    let names = names();
    let suspects = corefile.blocks().iter().filter_map(|block| {
        let name = names
            .iter()
            .find(|name| block.keys.iter().any(|key| key == *name))?;
        Some((block.at, name))
    });
    for (at, name) in suspects.take(MAX_WARNINGS) {
        let (file, line) = (Escaped(corefile.file(at)), at.line());
        report(&format_args!(
            "{file}:{line}: {name}: is taken as the address of a server block; put the directives into `. {{ … }}`"
        ));
    }
}

/// Passes to `report` a warning for each skipped directive whose name misspells one of corexdp's.
pub fn warn_of_typos(corefile: &Corefile, report: &mut dyn FnMut(&dyn Display)) {
    let names = names();
    let directives = corefile.blocks().iter().flat_map(|block| &block.directives);
    let suspects = directives.filter_map(|directive| {
        let meant = misspelt(&directive.name, &names)?;
        Some((directive, meant, directive.tokens.first()?))
    });
    for (directive, meant, at) in suspects.take(MAX_WARNINGS) {
        let (file, line) = (Escaped(corefile.file(*at)), at.line());
        let name = Plain(&directive.name);
        report(&format_args!(
            "{file}:{line}: {name}: skipped, like every CoreDNS plugin; did you mean {meant}?"
        ));
    }
}
