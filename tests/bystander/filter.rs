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
    /// True if the settings are those of every day, without `monitor`: its throughput is measured.
    pub is_measured: bool,
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

    /// A program that passes all packets and does nothing else.
    pub fn pass() -> Self {
        Self {
            program: "pass".to_owned(),
            variant: "",
            is_measured: false,
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

    /// True for [`Filter::pass`].
    pub fn passes_everything(&self) -> bool {
        self.variant.is_empty()
    }

    /// Packets that it has dropped or answered at an interface, by its own account or by that of the driver. With
    /// `monitor` its own has the packets that it would drop.
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

    /// The name in the table.
    pub fn name(&self) -> String {
        format!("{} {}", self.program, self.variant)
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
