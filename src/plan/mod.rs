//! Plans: a Corefile and every object that it names, parsed and checked before the daemon changes anything.

mod frames;
mod kernel_types;
pub mod lists;
mod secrets;
mod source;
pub mod sources;
pub mod tables;
mod variables;

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::base::capacity::MAX_COREFILE;
use crate::base::diagnostic::{Blame, Diagnostic, Errors, Fault};
use crate::base::escape::{Escaped, Plain};
use crate::base::files;
use crate::base::quantity::Quantity;
use crate::base::sha256;
use crate::config::{Config, Filter, fit, warn_of_directives_as_addresses, warn_of_typos};
use crate::corefile::{Corefile, Token};
use crate::object::{self, LinkedObject};
use lists::Lists;
pub use source::Source;
use sources::Sources;
use tables::PlannedTable;

/// The default entry function of a program.
pub const ENTRY: &str = "xdp_prog";
/// Warning for a Corefile without a filter.
pub const NO_FILTER: &str = "the Corefile has no ebpf block; nothing is filtered";
/// Maximum size of an object in bytes. The kernel's largest program has a million instructions of 8 bytes; types and
/// symbols take more.
const MAX_OBJECT: usize = 16 << 20;

/// A checked Corefile with its objects, all linked.
#[derive(Debug)]
pub struct Plan {
    /// The parsed Corefile, to whose tokens the map entries refer.
    pub corefile: Corefile,
    /// The directives except `ebpf`, whose blocks are in [`Plan::filters`].
    pub config: Config,
    /// One filter for each `ebpf` block, in the Corefile's order.
    pub filters: Vec<PlannedFilter>,
    /// SHA-256 of the Corefile, without its imports.
    pub sha256: [u32; 8],
}

/// An `ebpf` block with the object that it names.
#[derive(Debug)]
pub struct PlannedFilter {
    /// The block, its lines checked against the object's maps.
    pub block: Filter,
    /// The linked object.
    pub object: LinkedObject,
    /// The content of each table of the object.
    pub tables: Vec<PlannedTable>,
    /// The block's lists, and their items.
    pub lists: Lists,
    /// The word of the last line that sets the object's [`LINK_HEADER`](object::LINK_HEADER).
    pub link_header_at: Option<Token>,
}

/// Reads the Corefile and resolves imports, snippets and environment variables. Records every file in `sources`.
///
/// # Errors
/// The first error in the Corefile, or a file that cannot be read.
pub fn read(source: &Source, sources: &mut Sources) -> Result<Corefile, Diagnostic> {
    read_hashed(source, sources).map(|(corefile, _)| corefile)
}

/// Reads a Corefile like [`read`], with its SHA-256.
fn read_hashed(source: &Source, sources: &mut Sources) -> Result<(Corefile, [u32; 8]), Diagnostic> {
    let (bytes, folder) = match source {
        Source::Stdin => files::read_all(io::stdin().lock(), MAX_COREFILE),
        Source::File(path) | Source::Trial { file: path, .. } => {
            sources.content(path, MAX_COREFILE)
        }
    }
    .and_then(|bytes| Ok((bytes, source.folder()?)))
    .map_err(|error| unreadable(source, &error))?;
    let folder = folder.to_string_lossy();
    let sha256 = sha256::of(&bytes);
    Corefile::parse(&source.to_string(), &folder, bytes, MAX_COREFILE, sources)
        .map(|corefile| (corefile, sha256))
        .map_err(|error| Diagnostic::from(&error))
}

fn unreadable(source: &Source, error: &io::Error) -> Diagnostic {
    let (blame, message) = match error.kind() {
        io::ErrorKind::FileTooLarge => {
            let remedy = "build with a larger COREXDP_MAX_COREFILE";
            let message = format!("larger than {MAX_COREFILE} bytes; {remedy}");
            (Blame::Corefile, message)
        }
        io::ErrorKind::NotFound => {
            let message = "no such Corefile; name one with -conf FILE";
            (Blame::Input, message.into())
        }
        io::ErrorKind::InvalidInput => {
            let message = format!("cannot be read: {error}, or pipe into `-conf stdin`");
            (Blame::Input, message)
        }
        _ => (Blame::Input, format!("cannot be read: {error}")),
    };
    Diagnostic::from(Fault {
        file: source.to_string(),
        line: 0,
        directive: "Corefile".into(),
        message,
        blame,
    })
}

impl Plan {
    /// Passes each warning to `report`.
    pub fn warn(&self, report: &mut dyn FnMut(&dyn Display)) {
        for warning in self.corefile.warnings() {
            report(warning);
        }
        let omitted = self.corefile.omitted_warnings();
        if omitted > 0 {
            report(&format_args!(
                "{}; correct the first, then check again",
                Quantity(omitted as u64, "more warning")
            ));
        }
        warn_of_directives_as_addresses(&self.corefile, report);
        warn_of_typos(&self.corefile, report);
        self.warn_of_lists(report);
        for PlannedFilter { block, object, .. } in &self.filters {
            let (file, line) = (self.corefile.file(block.elf_at), block.elf_at.line());
            let file = Escaped(file);
            let (maps, btf) = (&object.maps, object.btf());
            fit::warn_of_conflicts(block, &self.corefile, maps, btf, report);
            fit::warn_of_numbers(block, &self.corefile, maps, btf, report);
            for map in object.maps.iter().filter(|map| map.pinned) {
                let name = Plain(&map.name);
                report(&format_args!(
                    "{file}:{line}: elf: map {name} asks to be pinned by its name, which is ignored; `exit hold` keeps a filter and its maps"
                ));
            }
        }
    }

    /// Reads and checks the Corefile and its objects. Records every file in `sources`, also on errors.
    ///
    /// # Errors
    /// The first errors, and the number of the omitted ones.
    pub fn make(source: &Source, sources: &mut Sources) -> Result<Self, Vec<Diagnostic>> {
        let (mut corefile, sha256) = read_hashed(source, sources).map_err(|error| vec![error])?;
        let folder = source
            .folder()
            .map_err(|error| vec![unreadable(source, &error)])?;
        let (mut config, mut errors) = Config::read(&corefile, &folder);
        // Without its secrets, a line has other errors.
        if !secrets::read(&mut corefile, &folder, sources, &mut errors) {
            config.filters.clear();
        }
        let mut filters = Vec::with_capacity(config.filters.len());
        for block in std::mem::take(&mut config.filters) {
            match read_object(&block, &corefile, sources) {
                Ok(object) => {
                    let mut filter = PlannedFilter {
                        block,
                        object,
                        tables: Vec::new(),
                        lists: Lists::default(),
                        link_header_at: None,
                    };
                    // The keys of lines are checked with the sizes that variables give the maps.
                    filter.set_variables(&corefile, &mut errors);
                    let PlannedFilter { block, object, .. } = &mut filter;
                    let wrong = fit::check(block, &corefile, &object.maps, object.btf());
                    // The lines of a block with errors have no meaning.
                    if wrong.is_empty() {
                        (filter.tables, filter.lists) =
                            read_content(block, object, &corefile, sources, &mut errors);
                    }
                    errors.append(wrong);
                    filters.push(filter);
                }
                Err(error) => errors.push(error),
            }
        }
        for error in frames::check_chains(&filters, &corefile) {
            errors.push(error);
        }
        if errors.is_empty() {
            Ok(Self {
                corefile,
                config,
                filters,
                sha256,
            })
        } else {
            Err(errors.into_vec(&source.to_string()))
        }
    }
}

/// The content of the object's tables, and of its maps with lists.
fn read_content(
    block: &Filter,
    object: &LinkedObject,
    corefile: &Corefile,
    sources: &mut Sources,
    errors: &mut Errors,
) -> (Vec<PlannedTable>, Lists) {
    let mut tables = match tables::of_lines(block, object, corefile) {
        Ok(tables) => tables,
        Err(full) => {
            errors.push(full);
            return (Vec::new(), Lists::default());
        }
    };
    let lists = lists::read(block, object, corefile, &mut tables, sources, errors);
    if let Err(too_large) = tables::finish(&mut tables, block, corefile) {
        errors.push(too_large);
    }
    (tables, lists)
}

impl PlannedFilter {
    /// The content of the table of this name.
    pub fn table(&self, name: &str) -> Option<&PlannedTable> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// Reads an object file. `missing` is the message for a file that does not exist.
///
/// # Errors
/// The party at fault, and the message for the operator.
pub fn read_program(
    path: &Path,
    missing: &str,
    sources: &mut Sources,
) -> Result<Vec<u8>, (Blame, String)> {
    sources
        .content(path, MAX_OBJECT)
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => (Blame::Input, missing.into()),
            io::ErrorKind::FileTooLarge => (
                Blame::Object,
                format!("larger than {MAX_OBJECT} bytes; an XDP object is smaller"),
            ),
            _ => (Blame::Input, format!("cannot be read: {error}")),
        })
}

fn read_object(
    filter: &Filter,
    corefile: &Corefile,
    sources: &mut Sources,
) -> Result<LinkedObject, Diagnostic> {
    let path = filter.elf.to_string_lossy();
    let path = Escaped(&path);
    let diagnostic = |blame, message| corefile.diagnostic(filter.elf_at, "elf", message, blame);
    let missing = if corefile.text(filter.elf_at).starts_with('/') {
        "no such file"
    } else {
        "no such file; a relative path starts at its Corefile's folder"
    };
    let bytes = read_program(&filter.elf, missing, sources)
        .map_err(|(blame, message)| diagnostic(blame, format!("{path}: {message}")))?;
    let entry = filter.program.as_ref();
    let name = entry.map_or(ENTRY, |(name, _)| name.as_str());
    object::link(&bytes, name).map_err(|error| match (entry, error.fault()) {
        (Some((_, at)), object::Fault::Entry { .. }) => {
            let message = format!("{path}: {error}");
            corefile.diagnostic(*at, "prog", message, Blame::Corefile)
        }
        (None, object::Fault::Entry { .. }) => {
            let message = format!("{path}: {error}; `prog FUNCTION` names another");
            diagnostic(Blame::Object, message)
        }
        _ => diagnostic(Blame::Object, format!("{path}: {error}")),
    })
}
