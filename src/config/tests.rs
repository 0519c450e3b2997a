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
            "Corefile:6: ebpf: unknown option \"colour\"; there are elf, if, map, metric, mode and wait",
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
