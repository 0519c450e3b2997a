//! Lists of prefixes and names, in files for corexdp and for its peers, and a filter that reads them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::site::{INTERFACE, Site};

/// Divides the sizes of `load` and `decide`, to try them.
const DIVISOR: &str = "COREXDP_BENCH_DIVISOR";
/// Networks in the space of the list, which are in turn and not sorted.
const NETWORKS: u32 = 1 << 24;
/// An odd factor, which makes the turn of [`NETWORKS`].
const FACTOR: u32 = 0x9e_3779;

/// The size, or a smaller one to try the measurement.
pub(crate) fn sized(size: u32) -> u32 {
    let divisor = std::env::var(DIVISOR).map_or(1, |text| text.parse().unwrap());
    size / divisor
}

/// A shipped program and its list.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Prefixes,
    Names,
}

impl Kind {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Prefixes => "acl",
            Self::Names => "qname",
        }
    }

    /// The plural, for the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Prefixes => "prefixes",
            Self::Names => "names",
        }
    }

    fn item(self, text: &mut String, number: u32) {
        match self {
            Self::Prefixes => writeln!(text, "{}", prefix(number)).unwrap(),
            Self::Names => writeln!(text, "*.{}", name(number)).unwrap(),
        }
    }

    /// Copies the program into the folder, and writes a Corefile with a list of the folder.
    pub(crate) fn corefile(self, site: &Site, interface: &str) {
        let program = self.program();
        let object = format!("{program}.o");
        let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bpf");
        fs::copy(built.join(&object), site.file(&object)).unwrap();
        let (format, action) = match self {
            Self::Prefixes => ("cidr", "ACL_DROP"),
            Self::Names => ("domains", "QNAME_DROP"),
        };
        let line = format!("list {program}.list as {format} action={action}");
        site.write(
            program,
            &format!(". {{\nebpf {{\nelf {object}\nif {interface}\n{line}\n}}\n}}\n"),
        );
    }

    /// Writes the list with these items; each hundredth is another item than before if `is_changed`.
    pub(crate) fn list(self, site: &Site, count: u32, is_changed: bool) {
        let mut text = String::new();
        for number in 0..count {
            let is_other = is_changed && number % 100 == 50;
            self.item(&mut text, if is_other { count + number } else { number });
        }
        site.write(&format!("{}.list", self.program()), &text);
    }

    pub(crate) fn daemon(self, site: &Site, count: u32) -> support::net::Daemon {
        self.corefile(site, INTERFACE);
        self.list(site, count, false);
        site.start(self.program()).attached(1)
    }
}

/// Prefixes that do not overlap, most of them networks of 256 addresses. None is in 198.18.0.0/15.
pub(crate) fn prefix(number: u32) -> String {
    let place = number.wrapping_mul(FACTOR) % NETWORKS;
    // The networks for measurements are replaced by ones that the factor gives later than any list does.
    let place = if place >> 9 == 0xc6_1200 >> 9 {
        (NETWORKS - 1 - number).wrapping_mul(FACTOR) % NETWORKS
    } else {
        place
    };
    let [_, a, b, c] = place.to_be_bytes();
    let length = [24, 24, 24, 24, 32, 28, 32, 26][number as usize % 8];
    format!("{a}.{b}.{c}.0/{length}")
}

pub(crate) fn name(number: u32) -> String {
    format!("ad{number}.site{}.example", number % 997)
}
