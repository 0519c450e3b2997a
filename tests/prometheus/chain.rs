//! The dashboards count each packet of a chain of programs once.

use std::fmt::Write as _;
use std::process::Command;

use crate::dashboard::{DASHBOARDS, dashboard, queries};
use crate::queries::filled_in;
use support::net::Folder;

/// Packets per second of a chain: acl drops 10 of 100, and dns answers 20 of the 90 that acl passes.
const SERIES: [(&str, &str, u32); 4] = [
    ("acl", "drop", 10),
    ("acl", "pass", 90),
    ("dns", "tx", 20),
    ("dns", "pass", 70),
];

/// Queries by their place, with the labels and values of their results.
const EXPECTED: [(&str, &[(&str, u32)]); 5] = [
    (
        "corexdp box: Packets by verdict: A",
        &[("{verdict=\"drop\"}", 10), ("{verdict=\"tx\"}", 20)],
    ),
    ("corexdp box: Packets by verdict: B", &[("{}", 70)]),
    (
        "corexdp box: Packets by interface: A",
        &[("{interface=\"edge0\"}", 100)],
    ),
    (
        "corexdp fleet: Packets by verdict: A",
        &[("{verdict=\"drop\"}", 10), ("{verdict=\"tx\"}", 20)],
    ),
    ("corexdp fleet: Packets by verdict: B", &[("{}", 70)]),
];

#[test]
fn packets_of_a_chain_are_counted_once() {
    let all = DASHBOARDS.iter().flat_map(|name| queries(&dashboard(name)));
    let all: Vec<_> = all.collect();
    let mut text = "tests:\n- interval: 15s\n  input_series:\n".to_owned();
    for (program, verdict, rate) in SERIES {
        let labels = format!(
            "job=\"corexdp\", instance=\"127.0.0.1:9200\", interface=\"edge0\", program=\"{program}\", verdict=\"{verdict}\""
        );
        let step = 15 * rate;
        writeln!(
            text,
            "  - series: corexdp_packets_total{{{labels}}}\n    values: 0+{step}x40"
        )
        .unwrap();
    }
    text += "  promql_expr_test:\n";
    for (place, results) in EXPECTED {
        let query = all.iter().find(|query| query.place == place);
        let expression = filled_in(&query.unwrap_or_else(|| panic!("no {place}")).expression);
        writeln!(
            text,
            "  - expr: '{expression}'\n    eval_time: 5m\n    exp_samples:"
        )
        .unwrap();
        for (labels, value) in results {
            writeln!(text, "    - {{labels: '{labels}', value: {value}}}").unwrap();
        }
    }
    let folder = Folder::new();
    folder.write("chain.yml", &text);
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules", "chain.yml"]);
    let output = promtool.current_dir(folder.path()).output();
    let output = output.expect("promtool runs; install prometheus");
    assert!(output.status.success(), "{output:?}\n{text}");
}
