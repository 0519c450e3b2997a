//! What corexdp needs of a Corefile: directives → a checked [`Config`].
//!
//! Two steps. [`Config::read`] checks what can be said from the Corefile alone; [`fit::check`] checks keys, values and
//! metrics against the maps they are meant for. Both find every error, not only the first. Map entries stay words of
//! the Corefile: there may be a hundred thousand, and they are decoded only while they stream into the kernel.

mod address;
mod bytes;
mod diagnostics;
pub mod duration;
mod ebpf;
mod entries;
pub mod fit;
mod lines;
mod listen;
mod metric;
mod options;
mod reload;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::capacity::{MAX_FILTERS, MAX_KEY, MAX_METRICS};
use crate::base::diagnostic::Diagnostic;
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Token};
use crate::encode::integer::Number;

pub use crate::encode::MAP;
pub use address::Address;
use diagnostics::Diagnostics;
pub use duration::parse as duration;
pub use entries::{Entries, Entry, Those, Value};
pub use listen::{Listen, MAX_PLACES, Place, Service, Serving};
pub use metric::MetricKind;
pub use options::{EbpfOption, OPTIONS as EBPF_OPTIONS};
pub use reload::Reload;

/// The directive whose block is a filter.
pub const EBPF: &str = "ebpf";
/// The directive that logs changes of map values.
pub const DEBUG: &str = "debug";
/// The directive that has the Corefile read again when it changes.
pub const RELOAD: &str = "reload";

/// What the Corefile asks for.
#[derive(Debug, Default)]
pub struct Config {
    /// One for each `ebpf` block, in order.
    pub filters: heapless::Vec<Filter, MAX_FILTERS>,
    /// What is served where; empty: nothing.
    pub listen: heapless::Vec<Listen, MAX_PLACES>,
    /// How it is served.
    pub serving: Serving,
    /// How often to look whether the Corefile has changed; `None`: never.
    pub reload: Option<Reload>,
}

/// One `ebpf` block.
#[derive(Debug)]
pub struct Filter {
    /// The word `ebpf`.
    pub at: Token,
    /// The object's path, absolute or from the working directory.
    pub elf: PathBuf,
    /// Where it is named.
    pub elf_at: Token,
    /// The entry function, where `prog` names it.
    pub program: Option<(String, Token)>,
    /// The interface's name.
    pub interface: heapless::String<15>,
    /// Where it is named.
    pub interface_at: Token,
    /// How to attach.
    pub mode: Mode,
    /// What becomes of it when the daemon ends.
    pub exit: Exit,
    /// Where that is said; the block if it is not.
    pub exit_at: Token,
    /// How long to wait for the interface at start.
    pub wait: Duration,
    /// The maps that entries and metrics mean, in the order in which they are first meant.
    pub maps: Vec<Named>,
    /// The maps' entries, in order.
    pub entries: Entries,
    /// The metrics read from the maps.
    pub metrics: Vec<Metric>,
    /// Whether changes of the maps' values are logged.
    pub debug: bool,
}

impl Filter {
    /// The map of this name, if a line refers to the map.
    pub fn map(&self, name: &str) -> Option<&Named> {
        self.maps.iter().find(|named| named.name == name)
    }
}

/// What becomes of the filter when the daemon ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// It ends too, however the daemon ends.
    #[default]
    Detach,
    /// It stays, and the next daemon adopts it.
    Hold,
}

/// How to attach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Native, else generic.
    #[default]
    Auto,
    /// In the driver, or not at all.
    Native,
    /// In the network stack.
    Generic,
    /// On the card.
    Offload,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Auto, Self::Native, Self::Generic, Self::Offload];

    /// As the Corefile says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Offload => "offload",
        }
    }
}

/// Identifies a map within one `ebpf` block: its place in [`Filter::maps`], given by [`config`](self) alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapId(usize);

/// A map that lines of the block refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Key of the map's entries and metrics.
    pub id: MapId,
    /// Its name in the object.
    pub name: String,
    /// The first line that means it: the directive's name.
    pub at: Token,
    /// Whether that names it, by `@MAP`.
    pub by_name: bool,
    /// `map` lines read so far.
    lines: usize,
}

/// A `metric`, `gauge` or `counter` line.
#[derive(Clone, Debug)]
pub struct Metric {
    /// Where it stands.
    pub at: Token,
    /// The whole name, `coredns_ebpf_NAME`.
    pub name: String,
    /// What Prometheus takes it for.
    pub kind: MetricKind,
    /// The map that is read.
    pub map: MapId,
    /// The key whose value is read.
    pub key: heapless::Vec<u8, MAX_KEY>,
    /// The number in that value.
    pub number: Number,
    /// The text of HELP.
    pub help: String,
    /// KEY and FIELD of a `gauge` or `counter`, from which [`fit::check`] makes `key` and `number`.
    words: Option<(Token, Token)>,
}

/// Names of everything that must not be named twice in a Corefile.
#[derive(Default)]
struct Names {
    interfaces: Vec<String>,
    metrics: Vec<String>,
}

impl Config {
    /// Reads what `corefile` says about filters and pages. `folder` is where relative paths in its top file start.
    ///
    /// Returns all that is good, so that more can be checked of it, and all that is wrong, in the order of the file.
    pub fn read(corefile: &Corefile, folder: &Path) -> (Self, Vec<Diagnostic>) {
        let mut config = Self::default();
        let mut names = Names::default();
        let mut faults = Diagnostics::new(corefile);
        for (number, block) in corefile.blocks().iter().enumerate() {
            let find = |name: &str| {
                block
                    .directives
                    .iter()
                    .find(|directive| directive.name == name)
            };
            let debug =
                find(DEBUG).is_some_and(|directive| read_debug(directive, corefile, &mut faults));
            for service in Service::ALL {
                if let Some(directive) = find(service.directive()) {
                    config.read_page(service, directive, corefile, &mut faults);
                }
            }
            if let Some(directive) = find(RELOAD) {
                let reload = Reload::read(directive, corefile, &mut faults);
                config.reload = reload.or(config.reload);
            }
            let is_ebpf = |(_, directive): &(usize, &Directive)| directive.name == EBPF;
            let ebpf = block.directives.iter().enumerate().find(is_ebpf);
            for (place, occurrence) in ebpf
                .into_iter()
                .flat_map(|(place, ebpf)| ebpf.occurrences(corefile).map(move |one| (place, one)))
            {
                let at = occurrence.head;
                let entries = Entries::new(number, place);
                let filter =
                    ebpf::read(occurrence, entries, folder, debug, &mut names, &mut faults);
                let Some(filter) = filter else {
                    continue;
                };
                if config.filters.push(filter).is_err() {
                    faults.add(at, EBPF, format!("more than {MAX_FILTERS} filters; COREXDP_MAX_FILTERS sets how many at build time"));
                }
            }
        }
        if names.metrics.len() > MAX_METRICS
            && let Some(metric) = config
                .filters
                .iter()
                .flat_map(|filter| &filter.metrics)
                .nth(MAX_METRICS)
        {
            faults.add(metric.at, "metric", format!("more than {MAX_METRICS} metrics; COREXDP_MAX_METRICS sets how many at build time"));
        }
        (config, faults.into_found())
    }
}

fn read_debug(directive: &Directive, corefile: &Corefile, faults: &mut Diagnostics<'_>) -> bool {
    for occurrence in directive.occurrences(corefile) {
        if let Some(argument) = occurrence.args.first() {
            faults.add(
                *argument,
                DEBUG,
                format!(
                    "takes no argument, not {}",
                    Quoted(corefile.text(*argument))
                ),
            );
        }
    }
    true
}

/// Where a relative path starts that stands at `token`: the folder of its file.
fn folder_of<'a>(token: Token, corefile: &'a Corefile, top: &'a Path) -> &'a Path {
    let file = corefile.file(token);
    if corefile.files().first().is_some_and(|first| first == file) {
        return top;
    }
    Path::new(file).parent().unwrap_or(top)
}

#[cfg(test)]
mod tests;
