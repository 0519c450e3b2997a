//! A Corefile in, every complaint out.

use std::io;
use std::path::Path;

use super::{Config, Mode};
use crate::corefile::{Corefile, Host};

struct Nothing;

impl Host for Nothing {
    fn read(&mut self, _: &str, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn list(&mut self, _: &str) -> io::Result<Vec<String>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn exists(&mut self, _: &str) -> bool {
        false
    }
    fn var(&mut self, _: &str) -> Option<String> {
        None
    }
}

fn read(text: &str) -> (Config, Vec<String>) {
    let corefile =
        Corefile::parse("Corefile", "/etc", text.as_bytes(), 1 << 20, &mut Nothing).unwrap();
    let (config, wrong) = Config::read(&corefile, Path::new("/etc"));
    (config, wrong.iter().map(ToString::to_string).collect())
}

#[test]
fn entries_are_in_order_whatever_stands_between_them() {
    let text = "a {\n debug\n ebpf {\n  map 01\n  elf a.o\n  map 02 0A.0B\n  if a\n }\n ebpf {\n  elf b.o\n  map 03\n  map 04\n  map 05 0C\n  map 06 0D\n  map 07\n  metric x 01 0 1 \"two\nlines\"\n  map 08 0E\n  map 09 0F\n  if b\n }\n}\nb {\n ebpf {\n  elf c.o\n  if c\n }\n ebpf { map 10\n  map 11 12\n  elf d.o\n  if d\n }\n}\n";
    let corefile = Corefile::parse("Corefile", "/etc", text, 1 << 20, &mut Nothing).unwrap();
    let (config, wrong) = Config::read(&corefile, Path::new("/etc"));
    assert!(wrong.is_empty(), "{wrong:?}");
    let words = |filter: &super::Filter| {
        let entries = filter.entries.iter(&corefile);
        let entries = entries.map(|entry| {
            let key = entry.key.map(|key| corefile.text(key));
            (key, corefile.text(entry.value), entry.value_size)
        });
        let entries: Vec<_> = entries.collect();
        assert_eq!(entries.len(), filter.entries.len());
        assert_eq!(entries.is_empty(), filter.entries.is_empty());
        entries
    };
    let filters: Vec<_> = config.filters.iter().map(words).collect();
    let expected = [
        vec![(None, "01", 1), (Some("02"), "0A.0B", 2)],
        vec![
            (None, "03", 1),
            (None, "04", 1),
            (Some("05"), "0C", 1),
            (Some("06"), "0D", 1),
            (None, "07", 1),
            (Some("08"), "0E", 1),
            (Some("09"), "0F", 1),
        ],
        vec![],
        vec![(None, "10", 1), (Some("11"), "12", 1)],
    ];
    assert_eq!(filters, expected);
}

#[test]
fn a_whole_block() {
    let (config, wrong) = read(
        ".:53 {\n debug\n prometheus :9153 {\n  runtime_metrics\n }\n ebpf {\n  elf a.o\n  if eth0\n  mode generic\n  wait 1m\n  map 0A.0B\n  map 01 0C\n  metric x 01 0 1 \"help me\"\n }\n forward . 1.1.1.1\n}\n",
    );
    assert_eq!(wrong, Vec::<String>::new());
    let [filter] = config.filters.as_slice() else {
        panic!("{config:?}")
    };
    assert_eq!(
        (filter.elf.as_path(), filter.interface.as_str()),
        (Path::new("/etc/a.o"), "eth0")
    );
    assert_eq!(
        (filter.mode, filter.wait.as_secs(), filter.debug),
        (Mode::Generic, 60, true)
    );
    assert_eq!((filter.entries.len(), filter.metrics.len()), (2, 1));
    let metric = &filter.metrics[0];
    assert_eq!(
        (
            metric.name.as_str(),
            metric.help.as_str(),
            metric.key.as_slice()
        ),
        ("coredns_ebpf_x", "help me", &[1][..])
    );
    assert_eq!(config.pages.len(), 1);
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let (config, wrong) = read(
        "a {\n ebpf {\n  if eth0\n  elf\n  map 0\n  colour red\n }\n}\nb {\n ebpf {\n  elf b.o\n  if eth0\n  mode slow\n }\n}\n",
    );
    assert!(config.filters.is_empty());
    assert_eq!(
        wrong,
        [
            "Corefile:4: elf: 0 arguments; write `elf PROGRAM`",
            "Corefile:5: map: VALUE has an odd number of digits; each byte has two",
            "Corefile:6: ebpf: unknown option \"colour\"; there are elf, if, map, metric, mode, wait and exit",
            "Corefile:12: if: interface eth0 has a filter already; give each interface one `ebpf` block",
            "Corefile:13: mode: unknown mode \"slow\"; there are auto, native, generic and offload",
        ]
    );
}

#[test]
fn a_corefile_without_us_is_fine() {
    let (config, wrong) =
        read(". {\n forward . /etc/resolv.conf {\n  policy random\n }\n cache 30\n}\n");
    assert!(wrong.is_empty() && config.filters.is_empty() && config.pages.is_empty());
}
