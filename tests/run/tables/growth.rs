//! A reload whose list has no room in the running tables: the program is loaded anew, with larger tables.

use std::fmt::Write as _;

use crate::packet;
use support::net::Site;

const METRICS: &str = "    counter light_total 10.11.0.0/16 packets \"Light.\"
    counter full_total 10.12.0.0/16 packets \"Full.\"
    counter full_bytes_total 10.12.0.0/16 bytes \"Full.\"
    counter listed_total 10.13.0.0/24 packets \"Listed.\"
    counter dropped_total @totals 0 dropped \"Dropped.\"
";

fn corefile() -> String {
    format!(
        ". {{\n  prometheus\n  ebpf {{\n    if edge0\n    elf acl.o
    entry 10.11.0.0/16 action=ACL_DROP
    entry 10.12.0.0/16 action=ACL_DROP protocol=ACL_UDP
    list feed action=ACL_DROP at-least 1\n{METRICS}  }}\n}}\n"
    )
}

fn list(networks: u32) -> String {
    let mut list = String::new();
    for n in 0..networks {
        writeln!(list, "10.{}.{}.0/24", 13 + n / 256, n % 256).unwrap();
    }
    list
}

fn counters(site: &Site) -> [u64; 5] {
    let page = site.get("/metrics");
    ["light", "full", "full_bytes", "listed", "dropped"].map(|name| {
        let name = format!("coredns_ebpf_{name}_total");
        page.metric(&name).unwrap().parse().unwrap()
    })
}

#[test]
fn entries_of_tables_keep_their_counters_and_other_maps_start_at_0() {
    let site = Site::new();
    site.folder.shipped("acl");
    site.folder.write("feed", &list(1));
    let daemon = site.run(&corefile()).attached(1);
    let first = site.filter().id;
    for source in ["10.11.0.1", "10.12.0.1", "10.13.0.1"] {
        site.sender().send(&packet(source), 3);
    }
    let length = packet("10.12.0.1").len() as u64;
    let counted = [3, 3, 3 * length, 3, 9];
    support::wait::wait_for("counters", &counted, || counters(&site));
    site.folder.write("feed", &list(5000));
    site.ask(&["reload"]).expect(0, &[]);
    assert_ne!(site.filter().id, first);
    daemon.line("edge0: acl is loaded anew, with new maps; entries of tables and verdicts keep their counters, other counters start at 0");
    assert_eq!(counters(&site), [3, 3, 3 * length, 3, 0]);
    let dropped = "corexdp_packets_total{interface=\"edge0\",program=\"acl\",verdict=\"drop\"}";
    site.metric_becomes(dropped, 9);
    // As long as the list fits, the program and all counters stay.
    let grown = site.filter().id;
    site.sender().send(&packet("10.11.0.1"), 1);
    let counted = [4, 3, 3 * length, 3, 1];
    support::wait::wait_for("counters", &counted, || counters(&site));
    site.folder.write("feed", &list(5001));
    site.ask(&["reload"]).expect(0, &[]);
    assert_eq!((site.filter().id, counters(&site)), (grown, counted));
    daemon.stop();
}
