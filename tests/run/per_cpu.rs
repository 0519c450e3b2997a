//! Maps with a value for each CPU: the page shows their sum, `corexdp dump` each of them.

use corexdp::kernel::limits::possible_cpus;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::dump::{as_json, dump};
use crate::packet;
use support::net::Site;

#[test]
fn dump_shows_the_value_of_each_cpu() {
    let site = Site::new();
    site.folder.fixture("percpu");
    let entry = "entry 0 ip4net=10.11.0.0 ip4mask=255.255.0.0";
    let daemon = site
        .run(&format!(". {{\nprometheus\nebpf {{\nelf percpu.o\nif edge0\n{entry}\ngauge a 0 count \"A.\"\n}}\n}}\n"))
        .attached(1);
    let text = dump(&site, &[]).stdout;
    assert!(
        text.contains(&format!("\n{entry}\n")),
        "equal values are printed once: {text}"
    );
    // A packet is counted on the CPU that sends it. Each CPU sends one packet more than the CPU before it.
    let cpus = possible_cpus().unwrap();
    let (sender, mut all) = (site.sender(), 0);
    for (cpu, count) in (0..cpus).zip(5..) {
        let mut set = CpuSet::new();
        set.set(cpu).unwrap();
        // Setting the affinity fails for an offline CPU; its packets are then sent from the present CPU.
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
        sender.send(&packet("10.11.0.1"), count);
        all += u64::from(count);
    }
    site.metric_becomes("coredns_ebpf_a", all);
    let text = dump(&site, &[]).stdout;
    let map = &as_json(&site)[0]["entries"][0];
    let per_cpu = |name: &str| map[name].as_array().unwrap().clone();
    let (fields, values) = (per_cpu("fields"), per_cpu("value"));
    assert_eq!((fields.len(), values.len()), (cpus, cpus), "{map}");
    for (cpu, (fields, value)) in fields.iter().zip(&values).enumerate() {
        let count = fields["count"].as_u64().unwrap();
        all -= count;
        assert_eq!(
            *value,
            format!("0A0B0000FFFF0000{count:02X}000000"),
            "{map}"
        );
        let line = format!("\n# cpu={cpu} {entry} count={count}\n");
        assert!(
            text.contains(&line.replace(" count=0\n", "\n")),
            "{line} in {text}"
        );
    }
    assert_eq!(all, 0, "{map}");
    daemon.stop();
}

#[test]
fn per_cpu_values_are_summed() {
    let site = Site::new();
    site.folder.fixture("percpu");
    let entries = "map 0A0B0000.FFFF0000.00000000\nmap 0A0C0000.FFFF0000.00000000";
    let metrics = "metric udp_packets 00000000 8 4 \"Packets.\"\nmetric other_packets 01000000 8 4 \"Packets.\"";
    let daemon = site
        .run(&format!(
            ". {{\nprometheus\nebpf {{\nelf percpu.o\nif edge0\n{entries}\n{metrics}\n}}\n}}\n"
        ))
        .attached(1);
    let sender = site.sender();
    let cpus = possible_cpus().unwrap();
    // Packets from each CPU spread the counts over all values.
    for cpu in 0..cpus.min(CpuSet::count()) {
        let mut set = CpuSet::new();
        set.set(cpu).unwrap();
        // Setting the affinity fails for an offline CPU; its packets are then sent from the present CPU.
        let _ = sched_setaffinity(Pid::from_raw(0), &set);
        sender.send(&packet("10.11.0.1"), 21);
    }
    site.metric_becomes("coredns_ebpf_udp_packets", 21 * cpus as u64);
    // bpftool writes the same value for every CPU.
    site.filter()
        .map("xdp_map")
        .update("01 00 00 00", "0a 0c 00 00 ff ff 00 00 05 00 00 00");
    site.metric_becomes("coredns_ebpf_other_packets", 5 * cpus as u64);
    daemon.stop();
}
