//! Directives that may be misspelt. A Corefile may have any plugin of CoreDNS, whose directives are skipped.

use std::fmt::Display;

use super::{DEBUG, EBPF, RELOAD, Service};
use crate::base::escape::{Escaped, Plain};
use crate::base::suggest::misspelt;
use crate::corefile::Corefile;

/// Most warnings; one for each name in each server block.
const MAX_WARNINGS: usize = 20;

/// Passes to `report` a warning for each skipped directive that is nearly the name of one that is read.
pub fn warn_of_typos(corefile: &Corefile, report: &mut dyn FnMut(&dyn Display)) {
    let [metrics, health, ready] = Service::ALL.map(Service::directive);
    let names = [EBPF, metrics, DEBUG, health, ready, RELOAD];
    let directives = corefile.blocks().iter().flat_map(|block| &block.directives);
    let suspects = directives.filter_map(|directive| {
        let meant = misspelt(&directive.name, &names)?;
        Some((directive, meant, directive.tokens.first()?))
    });
    for (directive, meant, at) in suspects.take(MAX_WARNINGS) {
        let (file, line) = (Escaped(corefile.file(*at)), at.line());
        let name = Plain(&directive.name);
        report(&format_args!(
            "{file}:{line}: {name}: skipped, as every plugin of CoreDNS; did you mean {meant}?"
        ));
    }
}
