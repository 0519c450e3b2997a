//! The filters: each shipped Corefile unchanged, and with the changes that an operator makes.

use std::fs;

use serde_json::Value;
use support::net::Namespace;
use support::{repository, shipped_programs};

use super::router::Router;
use super::traffic::Kind;

/// Counters in `@totals` of packets that a program drops or answers. With `monitor`, the program only counts them.
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

/// A program with one of its Corefiles.
pub struct Filter {
    pub program: String,
    /// Name of the settings: `as shipped`, `filtering` (without `monitor=true`), or a name of [`more`].
    pub variant: &'static str,
    /// True for the default settings without `monitor`. The trials measure the throughput of such a filter.
    pub is_measured: bool,
    /// The Corefile for the interface eth0.
    corefile: String,
}

impl Filter {
    /// All variants of all shipped programs.
    pub fn all() -> Vec<Self> {
        let mut filters = Vec::new();
        for program in shipped_programs() {
            let file = repository().join(format!("bpf/{program}.Corefile"));
            let text = fs::read_to_string(file).unwrap();
            let mut add = |variant, is_measured, corefile: &str| {
                filters.push(Self {
                    program: program.clone(),
                    variant,
                    is_measured,
                    corefile: corefile.to_owned(),
                });
            };
            let filtering = text.replace("monitor=true", "monitor=false");
            add("as shipped", filtering == text, &text);
            if filtering != text {
                add("filtering", true, &filtering);
            }
            for (name, settings) in more(&program) {
                add(name, false, &text.replace("monitor=true", settings));
            }
        }
        filters
    }

    /// The baseline: a program that only passes packets.
    pub fn pass() -> Self {
        Self {
            program: "pass".to_owned(),
            variant: "",
            is_measured: false,
            corefile: ". {\n  ebpf {\n    elf pass.o\n    if eth0\n  }\n}\n".to_owned(),
        }
    }

    /// True if corexdp-programs(7) promises that the filter passes this kind of traffic.
    pub fn passes(&self, kind: Kind) -> bool {
        match self.variant {
            "SCOPE_ALL" => kind == Kind::Management || kind == Kind::Reply,
            "closed" => kind != Kind::Query,
            _ => true,
        }
    }

    /// True for [`Filter::pass`].
    pub fn passes_everything(&self) -> bool {
        self.variant.is_empty()
    }

    /// Packets that the filter dropped or answered at `interface`: the greater number of the program's counters and the
    /// driver's counters. With `monitor`, the program counts packets that it would drop.
    pub fn drops(&self, router: &Router, interface: &str) -> u64 {
        let program = router.attached(interface);
        let entries = |map| program.map(map).dump();
        let counted = match self.program.as_str() {
            "pass" | "count" => 0,
            "ordered" => entries("xdp_map").iter().map(dropped_by_rule).sum(),
            _ => entries("totals").iter().map(dropped_in_totals).sum(),
        };
        counted.max(driver_drops(&router.router, interface))
    }

    /// Name of the filter in the table.
    pub fn name(&self) -> String {
        format!("{} {}", self.program, self.variant)
    }

    /// The Corefile for `interface`.
    pub fn corefile(&self, interface: &str) -> String {
        let text = self.corefile.replace("if eth0", &format!("if {interface}"));
        assert_ne!(text, self.corefile);
        text
    }
}

/// Names and texts of more settings, which the comments of the Corefile of a program describe.
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

/// Packets that did not reach the network stack, by `ethtool -S`.
fn driver_drops(namespace: &Namespace, interface: &str) -> u64 {
    let text = namespace.run(&format!("ethtool -S {interface}"));
    let numbers = text.lines().filter_map(|line| line.trim().split_once(": "));
    let taken = numbers.filter(|(name, _)| {
        name.starts_with("rx_")
            && ["xdp_drops", "xdp_tx", "xdp_redirect"]
                .iter()
                .any(|end| name.ends_with(end))
    });
    taken
        .map(|(_, number)| number.parse::<u64>().unwrap())
        .sum()
}

/// Copies all objects to the router's folder.
pub fn copy_objects(router: &Router) {
    for program in shipped_programs() {
        router.folder.shipped(&program);
    }
    router.folder.fixture("pass");
}
