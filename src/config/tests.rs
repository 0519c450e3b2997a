//! Tests of Corefiles: the resulting configuration, or the errors.

use std::io;
use std::path::Path;

use super::{Config, Exit, Filter, MapId, Mode, Value};
use crate::base::capacity::MAX_FILTERS;
use crate::config::MetricKind;
use crate::corefile::{Corefile, Host};

struct NoFiles;

impl Host for NoFiles {
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
        Corefile::parse("Corefile", "/etc", text.as_bytes(), 1 << 20, &mut NoFiles).unwrap();
    let (config, errors) = Config::read(&corefile, Path::new("/etc"));
    (config, errors.iter().map(ToString::to_string).collect())
}

#[test]
fn entries_keep_their_order_between_other_lines() {
    let text = "a {\n debug\n ebpf {\n  map 01\n  elf a.o\n  map 02 0A.0B\n  if a\n }\n ebpf {\n  elf b.o\n  map 03\n  map 04\n  map 05 0C\n  map 06 0D\n  map 07\n  metric x 01 0 1 \"two\nlines\"\n  map 08 0E\n  map 09 0F\n  if b\n }\n}\nb {\n ebpf {\n  elf c.o\n  if c\n }\n ebpf { map 10\n  map 11 12\n  elf d.o\n  if d\n }\n}\n";
    let corefile = Corefile::parse("Corefile", "/etc", text, 1 << 20, &mut NoFiles).unwrap();
    let (config, errors) = Config::read(&corefile, Path::new("/etc"));
    assert!(errors.is_empty(), "{errors:?}");
    let words = |filter: &Filter| {
        let entries = filter.entries.of_map(MapId(0), &corefile);
        let entries = entries.enumerate().map(|(index, entry)| {
            let key = entry.key.map(|key| corefile.text(key));
            let Value::Bytes { word, size } = entry.value else {
                panic!("words")
            };
            assert_eq!((entry.index, entry.directive()), (index, "map"));
            (key, corefile.text(word), size)
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

/// Map, index and words of each line of a filter.
fn lines(filter: &Filter, corefile: &Corefile) -> Vec<(String, usize, String)> {
    let lines = filter.maps.iter().flat_map(|map| {
        filter.entries.of_map(map.id, corefile).map(move |entry| {
            let words = match entry.value {
                Value::Bytes { word, .. } => corefile.text(word).to_owned(),
                Value::Words(words) => {
                    let words = words.iter().map(|word| corefile.text(*word));
                    words.collect::<Vec<_>>().join(" ")
                }
            };
            let key = entry.key.map_or("", |key| corefile.text(key));
            (map.name.clone(), entry.index, format!("{key}: {words}"))
        })
    });
    lines.collect()
}

/// A block with lines of several maps in turn.
const MIXED_LINES: &str = "a {
    ebpf {
        elf a.o
        prog filter
        if a
        map 01
        map @b 02
        map @b 03
        entry 7 x=1 y=2
        entry @b 8 x=3
        map 04
        map @xdp_map 05 06
        map 07
        gauge g @c 1 x \"G\"
        counter h 2 y \"H\"
        metric i @b 01 0 1 \"I\"
        map @b 08
    }
}";

#[test]
fn line_index_counts_per_map() {
    let corefile = Corefile::parse("Corefile", "/etc", MIXED_LINES, 1 << 20, &mut NoFiles).unwrap();
    let (config, errors) = Config::read(&corefile, Path::new("/etc"));
    assert!(errors.is_empty(), "{errors:?}");
    let [filter] = config.filters.as_slice() else {
        panic!("{config:?}")
    };
    let expected = [
        ("xdp_map", 0, ": 01"),
        ("xdp_map", 1, "7: x=1 y=2"),
        ("xdp_map", 1, ": 04"),
        ("xdp_map", 2, "05: 06"),
        ("xdp_map", 3, ": 07"),
        ("b", 0, ": 02"),
        ("b", 1, ": 03"),
        ("b", 2, "8: x=3"),
        ("b", 2, ": 08"),
    ];
    let expected = expected.map(|(map, index, words)| (map.to_owned(), index, words.to_owned()));
    assert_eq!(lines(filter, &corefile), expected);
    let maps: Vec<_> = filter.maps.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(maps, ["xdp_map", "b", "c"]);
    let metrics = filter.metrics.iter();
    let metrics: Vec<_> = metrics
        .map(|metric| (metric.name.as_str(), metric.map, metric.kind))
        .collect();
    let expected = [
        ("coredns_ebpf_g", MapId(2), MetricKind::Gauge),
        ("coredns_ebpf_h", MapId(0), MetricKind::Counter),
        ("coredns_ebpf_i", MapId(1), MetricKind::Gauge),
    ];
    assert_eq!(metrics, expected);
    let program = filter.program.as_ref().map(|(name, _)| name.as_str());
    assert_eq!(program, Some("filter"));
}

#[test]
fn block_with_many_options_is_read() {
    let (config, errors) = read(
        ".:53 {\n debug\n prometheus :9153 {\n  runtime_metrics\n }\n ebpf {\n  elf a.o\n  if eth0\n  mode generic\n  wait 1m\n  map 0A.0B\n  map 01 0C\n  metric x 01 0 1 \"help me\"\n }\n forward . 1.1.1.1\n}\n",
    );
    assert_eq!(errors, Vec::<String>::new());
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
    assert_eq!(config.listen.len(), 1);
}

#[test]
fn read_reports_every_error() {
    let (config, errors) = read(
        "a {\n ebpf {\n  if eth0\n  elf\n  map 0\n  modes red\n }\n}\nb {\n ebpf {\n  elf b.o\n  if eth0\n  mode slow\n }\n}\n",
    );
    assert!(config.filters.is_empty());
    assert_eq!(
        errors,
        [
            "Corefile:4: elf: 0 arguments; write `elf PROGRAM`",
            "Corefile:5: map: VALUE has an odd number of digits; each byte has two",
            "Corefile:6: ebpf: unknown option \"modes\"; did you mean mode?",
            "Corefile:13: mode: unknown mode \"slow\"; use auto, native, generic or offload",
        ]
    );
}

#[test]
fn blocks_are_limited() {
    let block = |number: usize| format!(" ebpf {{\n  elf a.o\n  if eth{number}\n }}\n");
    let blocks = |count: usize| (0..count).map(block).collect::<String>();
    let (config, errors) = read(&format!(". {{\n{}}}\n", blocks(MAX_FILTERS)));
    assert_eq!((config.filters.len(), errors), (MAX_FILTERS, Vec::new()));
    let (_, errors) = read(&format!(". {{\n{}}}\n", blocks(MAX_FILTERS + 1)));
    let line = 2 + 4 * MAX_FILTERS;
    let expected = format!(
        "Corefile:{line}: ebpf: more than {MAX_FILTERS} filters; build with a larger COREXDP_MAX_FILTERS"
    );
    assert_eq!(errors, [expected]);
}

/// The options of an interface may stand in any of its blocks, and hold for all.
#[test]
fn blocks_of_an_interface_share_its_options() {
    let (config, errors) = read(
        ". {\n ebpf {\n  elf a.o\n  if eth0\n  exit hold\n }\n ebpf {\n  elf b.o\n  if eth1\n }\n ebpf {\n  elf c.o\n  if eth0\n  mode generic\n  wait 5s\n }\n}\n",
    );
    assert!(errors.is_empty(), "{errors:?}");
    let options = config.filters.iter().map(|filter| {
        let hold = filter.exit == Exit::Hold;
        (filter.mode, hold, filter.wait.as_secs())
    });
    let shared = (Mode::Generic, true, 5);
    let expected = [shared, (Mode::Auto, false, 0), shared];
    assert_eq!(options.collect::<Vec<_>>(), expected);
}

#[test]
fn jitter_may_be_zero_but_interval_may_not() {
    for jitter in ["0s", "0", "0ms", "1s"] {
        let (config, errors) = read(&format!(". {{\n reload 10s {jitter}\n}}\n"));
        assert!(
            errors.is_empty() && config.reload.is_some(),
            "{jitter}: {errors:?}"
        );
    }
    let (_, errors) = read(". {\n reload 0s 0s\n}\n");
    assert_eq!(
        errors,
        ["Corefile:2: reload: INTERVAL \"0s\" is too short; the least is 2s"]
    );
}

#[test]
fn corefile_without_ebpf_is_accepted() {
    let (config, errors) =
        read(". {\n forward . /etc/resolv.conf {\n  policy random\n }\n cache 30\n}\n");
    assert!(errors.is_empty() && config.filters.is_empty() && config.listen.is_empty());
}
