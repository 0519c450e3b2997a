//! Configuration: from directives to a checked [`Config`].
//!
//! Checks come in two steps. [`Config::read`] needs the Corefile alone; [`fit::check`] compares keys, values and
//! metrics with the maps of the object. Both find every error, not only the first. Map entries stay tokens of the
//! Corefile: there may be 100,000, and they are decoded only while they stream into the kernel.

mod address;
mod bytes;
mod diagnostics;
pub mod duration;
mod ebpf;
mod entries;
pub mod fit;
mod hosts;
mod lines;
mod listen;
mod metric;
mod options;
pub mod page_size;
mod reload;
mod typos;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::capacity::{MAX_FILTERS, MAX_KEY, MAX_METRICS};
use crate::base::diagnostic::Errors;
use crate::base::escape::Quoted;
use crate::corefile::{Corefile, Directive, Token};
use crate::encode::integer::Number;

pub use crate::encode::MAP;
pub use address::Address;
use diagnostics::Diagnostics;
pub use duration::parse as duration;
pub use entries::{Entries, Entry, MapEntries, Value};
pub use hosts::{Hosts, MAX_HOST, MAX_HOSTS};
pub use listen::{Listen, MAX_PLACES, Place, Service, Serving};
pub use metric::MetricKind;
pub use options::{EbpfOption, OPTIONS as EBPF_OPTIONS};
pub use reload::Reload;
pub use typos::{warn_of_directives_as_addresses, warn_of_typos};

/// Bytes of the longest name of an interface: an alternative name (`ALTIFNAMSIZ`).
pub const MAX_INTERFACE: usize = 127;
/// A name or alternative name of an interface.
pub type InterfaceName = heapless::String<MAX_INTERFACE>;

/// The directive whose block is a filter.
pub const EBPF: &str = "ebpf";
/// The directive that logs changes of map values.
pub const DEBUG: &str = "debug";
/// The directive that reads the Corefile again after a change.
pub const RELOAD: &str = "reload";

/// Checked configuration of a Corefile.
#[derive(Debug, Default)]
pub struct Config {
    /// Filters, one for each `ebpf` block, in order.
    pub filters: heapless::Vec<Filter, MAX_FILTERS>,
    /// Addresses to listen on, with the service of each; empty if nothing is served.
    pub listen: heapless::Vec<Listen, MAX_PLACES>,
    /// Names of the box that the page accepts beside those that need no list.
    pub hosts: Hosts,
    /// Options of `health` and `ready`.
    pub serving: Serving,
    /// Interval at which the Corefile is checked for changes; `None` without the directive.
    pub reload: Option<Reload>,
}

/// One `ebpf` block.
#[derive(Debug)]
pub struct Filter {
    /// Token of `ebpf`.
    pub at: Token,
    /// Path of the object, absolute or relative to the working directory.
    pub elf: PathBuf,
    /// Token of the path.
    pub elf_at: Token,
    /// Entry function and token of `prog`; `None` without that option.
    pub program: Option<(String, Token)>,
    /// Name of the interface, or an alternative name, as the Corefile has it.
    pub interface: InterfaceName,
    /// Token of that name.
    pub interface_at: Token,
    /// Attach mode.
    pub mode: Mode,
    /// Header that the program expects, and token of `link`; `None` without that option: the object tells.
    pub link: Option<(Link, Token)>,
    /// Fate of the filter at the daemon's end.
    pub exit: Exit,
    /// Token of `exit`, or of the block without that option.
    pub exit_at: Token,
    /// Longest wait for the interface at start.
    pub wait: Duration,
    /// Maps that entries and metrics refer to, in the order of their first line.
    pub maps: Vec<MapRef>,
    /// Entries of all maps, in order.
    pub entries: Entries,
    /// Metrics read from the maps.
    pub metrics: Vec<Metric>,
    /// True where changes of map values are logged.
    pub debug: bool,
}

impl Filter {
    /// The map of this name; `None` if no line refers to such a map.
    pub fn map(&self, name: &str) -> Option<&MapRef> {
        self.maps.iter().find(|map| map.name == name)
    }
}

/// Fate of a filter at the daemon's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// The filter ends with the daemon, even with a killed daemon.
    #[default]
    Detach,
    /// The filter stays attached, and the next daemon adopts it.
    Hold,
}

/// Header with which a program expects packets to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The IP header.
    Ip,
    /// Any header.
    Any,
}

/// Attach mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Native; generic where the driver refuses native mode.
    #[default]
    Auto,
    /// In the driver only (`XDP_FLAGS_DRV_MODE`).
    Native,
    /// In the network stack (`XDP_FLAGS_SKB_MODE`).
    Generic,
    /// On the network card (`XDP_FLAGS_HW_MODE`).
    Offload,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Auto, Self::Native, Self::Generic, Self::Offload];

    /// The mode's word in the Corefile.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Native => "native",
            Self::Generic => "generic",
            Self::Offload => "offload",
        }
    }
}

/// Identifies a map within one `ebpf` block: an index of [`Filter::maps`], made by [`config`](self) alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapId(usize);

/// A map that lines of the block refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapRef {
    /// Identifier in the map's entries and metrics.
    pub id: MapId,
    /// Name of the map in the object.
    pub name: String,
    /// First token of the first line that refers to the map.
    pub at: Token,
    /// True where that line names the map by `@MAP`.
    pub by_name: bool,
    /// Number of `map` lines read so far.
    lines: usize,
}

/// A `metric`, `gauge` or `counter` line.
#[derive(Clone, Debug)]
pub struct Metric {
    /// First token of the line.
    pub at: Token,
    /// Full name, `coredns_ebpf_NAME`.
    pub name: String,
    /// Prometheus type.
    pub kind: MetricKind,
    /// Map to read.
    pub map: MapId,
    /// Key to look up.
    pub key: heapless::Vec<u8, MAX_KEY>,
    /// Place of the number in the value.
    pub number: Number,
    /// Text of HELP.
    pub help: String,
    /// KEY and FIELD of `gauge` and `counter`; [`fit::check`] sets `key` and `number` from them.
    words: Option<(Token, Token)>,
}

/// Names that must be unique in a Corefile.
#[derive(Default)]
struct Names {
    interfaces: Vec<String>,
    metrics: Vec<String>,
}

impl Config {
    /// Reads the directives of `corefile` that are corexdp's. Relative paths in the top file start at `folder`.
    ///
    /// Returns the valid part, for further checks, and the errors in the order of the file.
    pub fn read(corefile: &Corefile, folder: &Path) -> (Self, Errors) {
        let mut config = Self::default();
        let mut names = Names::default();
        let mut faults = Diagnostics::new(corefile);
        for (block_index, block) in corefile.blocks().iter().enumerate() {
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
                    config.read_listen(service, directive, corefile, &mut faults);
                }
            }
            if let Some(directive) = find(RELOAD) {
                let reload = Reload::read(directive, corefile, &mut faults);
                config.reload = reload.or(config.reload);
            }
            let is_ebpf = |(_, directive): &(usize, &Directive)| directive.name == EBPF;
            let ebpf = block.directives.iter().enumerate().find(is_ebpf);
            for (index, occurrence) in ebpf
                .into_iter()
                .flat_map(|(index, ebpf)| ebpf.occurrences(corefile).map(move |each| (index, each)))
            {
                let at = occurrence.head;
                let entries = Entries::new(block_index, index);
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
        page_size::check(&config.filters, config.listen.len(), &mut faults);
        (config, faults.into_errors())
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

/// Base of a relative path at `token`: the folder of its file.
fn folder_of<'a>(token: Token, corefile: &'a Corefile, top: &'a Path) -> &'a Path {
    let file = corefile.file(token);
    if corefile.files().first().is_some_and(|first| first == file) {
        return top;
    }
    Path::new(file).parent().unwrap_or(top)
}

#[cfg(test)]
mod tests;
