//! Upper bounds for the sizes of `/metrics`, `/status` and `/`, which are written into one buffer of
//! [`MAX_PAGE`] bytes. A Corefile whose pages might not fit is refused, so that no page fails at run time.
//!
//! Each bound holds for all three pages, all values of counters and all characters in names. The unit is bytes.

use super::Filter;
use super::diagnostics::Diagnostics;
use crate::base::capacity::MAX_PAGE;
use crate::base::escape::is_control;
use crate::corefile::Token;
use crate::encode::MAP;

/// The part that does not depend on filters and listeners: style and script (9 KiB), 16 messages of the log (24 KiB), the
/// errors of the last reload (6 KiB), the path of the Corefile in `/status` (24 KiB with every byte escaped), the path of a
/// file on trial or of the fallback (6 KiB likewise), the control socket, and the daemon's own metrics.
pub const DAEMON: usize = 48 << 10;
/// Maximum length of the path of a file on trial, or of the fallback, in bytes. A page shows at most one of them.
pub const MAX_PATH: usize = 1024;
/// A listener: its address, and the reason and remedy if it cannot be served.
const LISTENER: usize = 320;
/// A filter without its names: markup, the program's name, numbers, warnings, the kernel's reason against
/// native mode, and the reason why it is not attached (160 bytes each before escapes).
const FILTER: usize = 3 << 10;
/// Maximum number of times that a page has the interface's name, for the filter.
const FILTER_NAMES: usize = 9;
/// Maximum number of values that the frame of a filter adds to `/metrics`: packets and bytes of each verdict, and the number
/// of lost samples.
const VERDICTS: usize = 11;
/// Such a value without the names of interface and program, or such a row in `/`.
const VERDICT: usize = 128;
/// A map without its names.
const MAP_BYTES: usize = 480;
/// A list without its names.
const LIST: usize = 384;
/// A metric without its names and HELP. The longest number has 20 digits.
const METRIC: usize = 78;
/// The longest escape of one byte: `&quot;`, `\u001b`.
const ESCAPE: usize = 6;

const _: () = assert!(
    MAX_PAGE > DAEMON,
    "COREXDP_MAX_PAGE must be more than 49152"
);

/// Reports the first line of `filters` with which a page with `listeners` listeners might not fit.
pub(super) fn check(filters: &[Filter], listeners: usize, faults: &mut Diagnostics<'_>) {
    if let Some((at, size)) = excess(filters, listeners) {
        let directive = faults.corefile.text(at);
        let message = format!(
            "a page can have {size} bytes up to this line, more than {MAX_PAGE}; shorten names and HELP texts, or build with a larger COREXDP_MAX_PAGE"
        );
        faults.add(at, directive, message);
    }
}

/// The first line with which a page might not fit, and the size of the page up to this line.
fn excess(filters: &[Filter], listeners: usize) -> Option<(Token, usize)> {
    let mut total = DAEMON.saturating_add(listeners.saturating_mul(LISTENER));
    for filter in filters {
        for (at, size) in sizes(filter) {
            total = total.saturating_add(size);
            if total > MAX_PAGE {
                return Some((at, total));
            }
        }
    }
    None
}

/// The sizes of a filter and of its maps, lists and metrics, each with its line.
fn sizes(filter: &Filter) -> Vec<(Token, usize)> {
    let interface = filter.interface.as_str();
    let object = filter.elf.file_stem().unwrap_or_default();
    let object = object.to_string_lossy();
    // Pages have `xdp_map` even if no line refers to it.
    let head = of_filter(interface, &object) + of_map(interface, &object, MAP);
    let mut sizes = vec![(filter.at, head)];
    for map in &filter.maps {
        sizes.push((map.at, of_map(interface, &object, &map.name)));
    }
    for list in &filter.lists {
        let map = filter.maps.iter().find(|map| map.id == list.map);
        let map = map.map_or("", |map| &map.name);
        let size = of_list(interface, &object, map, &list.path.to_string_lossy());
        sizes.push((list.at, size));
    }
    for metric in &filter.metrics {
        sizes.push((metric.at, of_metric(&metric.name, &metric.help)));
    }
    sizes
}

/// Maximum size of a filter, without its maps and metrics. `object` is the name of its program's file.
pub fn of_filter(interface: &str, object: &str) -> usize {
    let samples = VERDICTS * (VERDICT + escaped(interface) + escaped(object));
    FILTER + FILTER_NAMES * escaped(interface) + samples
}

/// Maximum size of a map. Three samples of `/metrics` have all three names, and `/` has the map's name twice. `object` is the
/// name of the program's file.
pub fn of_map(interface: &str, object: &str, name: &str) -> usize {
    MAP_BYTES + 3 * (escaped(interface) + escaped(object) + escaped(name))
}

/// Maximum size of a list. Three samples of `/metrics` have all four names.
pub fn of_list(interface: &str, object: &str, map: &str, path: &str) -> usize {
    LIST + 3 * (escaped(interface) + escaped(object) + escaped(map) + escaped(path))
}

/// Maximum size of a metric. In `/metrics` HELP, TYPE and the sample begin with the name, which has no escapes. Other pages
/// have the name once and more markup, but no more bytes, since a name begins with `coredns_ebpf_`.
pub fn of_metric(name: &str, help: &str) -> usize {
    METRIC + 3 * name.len() + escaped(help)
}

/// Maximum size of a text in HTML, in JSON and in the format of Prometheus.
fn escaped(text: &str) -> usize {
    let lengths = text.chars().map(|c| match c {
        '"' => ESCAPE,
        '&' => 5,
        '<' | '>' => 4,
        '\\' => 2,
        // Longest in the format of Prometheus, where the backslash is escaped too: `\\u{202e}`.
        c if is_control(c) => 9,
        c => c.len_utf8(),
    });
    lengths.sum()
}
