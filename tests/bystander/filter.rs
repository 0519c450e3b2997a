//! The filters: each shipped Corefile as it ships, and as an operator makes it filter.

use std::fs;

use serde_json::Value;
use support::net::Namespace;
use support::{repository, shipped_programs};

use super::router::Router;
use super::traffic::Kind;

/// Counters, in `@totals`, of packets that a program drops or answers, or would without `monitor`.
const DROPS: [&str; 8] = [
    "dropped",
    "denied",
    "malformed",
    "limited",
    "truncated",
    "refused",
    "nxdomain",
    "replies_limited",
];

/// A filter to be attached.
pub struct Filter {
    pub program: String,
    /// Settings of the Corefile: `as shipped`, `filtering` (without `monitor=true`), or those of [`more`].
    pub variant: &'static str,
    /// For the interface eth0.
    corefile: String,
}

impl Filter {
    /// All shipped programs, with all variants of their Corefiles.
    pub fn all() -> Vec<Self> {
        let mut filters = Vec::new();
        for program in shipped_programs() {
            let file = repository().join(format!("bpf/{program}.Corefile"));
            let text = fs::read_to_string(file).unwrap();
            let mut add = |variant, corefile: &str| {
                filters.push(Self {
                    program: program.clone(),
                    variant,
                    corefile: corefile.to_owned(),
                });
            };
            add("as shipped", &text);
            let filtering = text.replace("monitor=true", "monitor=false");
            if filtering == text {
                continue;
            }
            add("filtering", &filtering);
            for (name, settings) in more(&program) {
                add(name, &text.replace("monitor=true", settings));
            }
        }
        filters
    }

    /// A program that passes all packets and does nothing else.
    pub fn pass() -> Self {
        Self {
            program: "pass".to_owned(),
            variant: "no filter",
            corefile: ". {\n  ebpf {\n    elf pass.o\n    if eth0\n  }\n}\n".to_owned(),
        }
    }

    /// True if this traffic is to pass by the words of corexdp-programs(7).
    pub fn passes(&self, kind: Kind) -> bool {
        match self.variant {
            "SCOPE_ALL" => kind == Kind::Management || kind == Kind::Reply,
            "closed" => kind != Kind::Query,
            _ => true,
        }
    }

    /// The Corefile for an interface.
    pub fn corefile(&self, interface: &str) -> String {
        let text = self.corefile.replace("if eth0", &format!("if {interface}"));
        assert_ne!(text, self.corefile);
        text
    }
}

/// More settings that the Corefile of a program names, with a name of each.
fn more(program: &str) -> &'static [(&'static str, &'static str)] {
    match program {
        "acl" => &[
            ("closed", "unlisted=ACL_DROP"),
            ("SCOPE_ALL", "unlisted=ACL_DROP scope=SCOPE_ALL"),
        ],
        "guard" | "limit" => &[("SCOPE_ALL", "scope=SCOPE_ALL")],
        _ => &[],
    }
}

/// Packets that did not pass an interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// By the account of the driver: packets that XDP dropped or sent back.
    pub driver: u64,
    /// By the account of the program. With `monitor` it counts packets that it would drop.
    pub program: u64,
}

impl Dropped {
    pub fn at(router: &Router, interface: &str) -> Self {
        let program = router.attached(interface);
        let rules = |name| program.map(name).dump();
        let counted = match program_of(router).as_str() {
            "pass" | "count" => 0,
            "ordered" => rules("xdp_map").iter().map(dropped_by_rule).sum(),
            _ => rules("totals").iter().map(dropped_in_totals).sum(),
        };
        Self {
            driver: driver_drops(&router.router, interface),
            program: counted,
        }
    }
}

/// The object in the Corefile that is running.
fn program_of(router: &Router) -> String {
    let text = fs::read_to_string(router.folder.file("Corefile")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("elf "));
    line.unwrap().trim_end_matches(".o").to_owned()
}

fn dropped_by_rule(entry: &Value) -> u64 {
    let rule = &entry["formatted"]["value"];
    if rule["action"] == "ACL_DROP" || rule["action"] == 1 {
        rule["packets"].as_u64().unwrap()
    } else {
        0
    }
}

fn dropped_in_totals(entry: &Value) -> u64 {
    let values = entry["formatted"]["values"].as_array().unwrap();
    let counters = values
        .iter()
        .flat_map(|value| DROPS.map(|name| &value["value"][name]));
    counters.filter_map(Value::as_u64).sum()
}

/// The numbers of `ethtool -S` whose packets did not go on to the kernel.
fn driver_drops(namespace: &Namespace, interface: &str) -> u64 {
    let text = namespace.run(&format!("ethtool -S {interface}"));
    let numbers = text.lines().filter_map(|line| line.trim().split_once(": "));
    let of_xdp = numbers.filter(|(name, _)| {
        name.starts_with("rx_")
            && ["xdp_drops", "xdp_tx", "xdp_redirect"]
                .iter()
                .any(|end| name.ends_with(end))
    });
    of_xdp
        .map(|(_, number)| number.parse::<u64>().unwrap())
        .sum()
}

/// Puts all objects into the router's folder.
pub fn bring_objects(router: &Router) {
    for program in shipped_programs() {
        router.folder.shipped(&program);
    }
    router.folder.fixture("pass");
}
