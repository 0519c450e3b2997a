//! Configuration: converts directives to a checked [`Config`].
//!
//! Checks come in two steps. [`Config::read`] needs the Corefile alone; [`fit::check`] compares keys, values and
//! metrics with the maps of the object. Both steps report every error, not only the first. Map entries stay tokens of
//! the Corefile: there may be 100,000, which are decoded one by one while the kernel's map is filled.

mod address;
mod bytes;
mod chains;
pub mod decision;
mod diagnostics;
pub mod duration;
mod ebpf;
mod entries;
pub mod fit;
mod hosts;
mod lines;
mod list_line;
mod listen;
mod lists;
mod metric;
mod options;
pub mod page_size;
mod reader;
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
pub use lists::{List, MAX_LISTS};
pub use metric::MetricKind;
pub use options::OPTIONS as EBPF_OPTIONS;
pub use reader::EbpfOption;
pub use reload::Reload;
pub use typos::{warn_of_directives_as_addresses, warn_of_typos};

/// Length of the longest name of an interface in bytes: an alternative name (`ALTIFNAMSIZ`).
pub const MAX_INTERFACE: usize = 127;
/// A name or alternative name of an interface.
pub type InterfaceName = heapless::String<MAX_INTERFACE>;

/// The directive whose block is a filter.
pub const EBPF: &str = "ebpf";
/// The directive that logs changes of map values.
pub const DEBUG: &str = "debug";
/// The directive that reloads the Corefile after a change.
pub const RELOAD: &str = "reload";

/// Checked configuration of a Corefile.
#[derive(Debug, Default)]
pub struct Config {
    /// Filters, one for each `ebpf` block, in order.
    pub filters: heapless::Vec<Filter, MAX_FILTERS>,
    /// Addresses to listen on, each with its service; empty if nothing is served.
    pub listen: heapless::Vec<Listen, MAX_PLACES>,
    /// Additional names that the page accepts in the header `Host` (option `host`).
    pub hosts: Hosts,
    /// Options of `health` and `ready`.
    pub serving: Serving,
    /// Interval at which the Corefile is checked for changes; `None` without the directive.
    pub reload: Option<Reload>,
}

/// One `ebpf` block.
#[derive(Debug)]
pub struct Filter {
    /// Token of the directive's name.
    pub at: Token,
    /// Path of the object, absolute or relative to the working directory.
    pub elf: PathBuf,
    /// Token of the path.
    pub elf_at: Token,
    /// Entry function and token of `prog`; `None` without that option.
    pub program: Option<(String, Token)>,
    /// Name or alternative name of the interface, as in the Corefile.
    pub interface: InterfaceName,
    /// Token of the interface's name.
    pub interface_at: Token,
    /// Attach mode.
    pub mode: Mode,
    /// Token of the option `mode`, if this block has it.
    mode_at: Option<Token>,
    /// Header that the program expects, and token of `link`; `None` without that option: the object declares it.
    pub link: Option<(Link, Token)>,
    /// Handling of the filter when the daemon ends.
    pub exit: Exit,
    /// Token of the option `exit`, if a block of the interface has it.
    exit_at: Option<Token>,
    /// Maximum time to wait for the interface at start.
    pub wait: Duration,
    /// Token of the option `wait`, if this block has it.
    wait_at: Option<Token>,
    /// Maps that entries and metrics refer to, in the order of their first line.
    pub maps: Vec<MapRef>,
    /// Entries of all maps, in order.
    pub entries: Entries,
    /// Lists whose items are entries too, in order.
    pub lists: Vec<List>,
    /// Metrics read from the maps.
    pub metrics: Vec<Metric>,
    /// True if changes of map values are logged.
    pub debug: bool,
}

impl Filter {
    /// The map with this name; `None` if no line refers to one.
    pub fn map(&self, name: &str) -> Option<&MapRef> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// Token of the option `exit`; without one, the token of `ebpf`.
    pub fn exit_at(&self) -> Token {
        self.exit_at.unwrap_or(self.at)
    }
}

/// Handling of a filter when the daemon ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// The kernel detaches the filter when the daemon ends, even if it was killed.
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
    /// Native mode, or generic mode if the driver refuses native mode.
    #[default]
    Auto,
    /// The network driver runs the program (`XDP_FLAGS_DRV_MODE`).
    Native,
    /// The network stack runs the program (`XDP_FLAGS_SKB_MODE`).
    Generic,
    /// The network card runs the program (`XDP_FLAGS_HW_MODE`).
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

/// Identifier of a map within one `ebpf` block: an index of [`Filter::maps`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// True if that line names the map by `@MAP`.
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
    /// Place and encoding of the number in the value.
    pub number: Number,
    /// Text of HELP.
    pub help: String,
    /// KEY and FIELD of `gauge` and `counter`; [`fit::check`] sets `key` and `number` from them.
    words: Option<(Token, Token)>,
}

/// Names found so far that must be unique in a Corefile.
#[derive(Default)]
struct Names {
    metrics: Vec<String>,
}

impl Config {
    /// Reads corexdp's directives in `corefile` and skips all others. Relative paths in the Corefile itself start at
    /// `folder`.
    ///
    /// Returns the valid directives, for further checks, and the errors in the order of the file.
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
            let mut directives = block.directives.iter().enumerate();
            if let Some((index, ebpf)) = directives.find(|(_, directive)| directive.name == EBPF) {
                for occurrence in ebpf.occurrences(corefile) {
                    let entries = Entries::new(block_index, index);
                    let filter =
                        ebpf::read(occurrence, entries, folder, debug, &mut names, &mut faults);
                    config.add_filter(filter, &mut faults);
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
            faults.add(
                metric.at,
                "metric",
                format!("more than {MAX_METRICS} metrics; build with a larger COREXDP_MAX_METRICS"),
            );
        }
        chains::join(&mut config.filters, &mut faults);
        page_size::check(&config.filters, config.listen.len(), &mut faults);
        (config, faults.into_errors())
    }

    /// Adds the filter of a valid block.
    fn add_filter(&mut self, filter: Option<Filter>, faults: &mut Diagnostics<'_>) {
        if let Some(filter) = filter
            && let Err(filter) = self.filters.push(filter)
        {
            faults.add(
                filter.at,
                EBPF,
                format!("more than {MAX_FILTERS} filters; build with a larger COREXDP_MAX_FILTERS"),
            );
        }
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

/// The folder at which a relative path at `token` starts: the folder of the token's file.
pub fn folder_of<'a>(token: Token, corefile: &'a Corefile, top: &'a Path) -> &'a Path {
    let file = corefile.file(token);
    if corefile.files().first().is_some_and(|first| first == file) {
        return top;
    }
    Path::new(file).parent().unwrap_or(top)
}

#[cfg(test)]
mod tests;
