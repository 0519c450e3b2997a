//! The content of a Corefile, and its effects.

use std::fs;

use support::net::sample;

/// The variable parts of a Corefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// The file of the object.
    pub(crate) object: &'static str,
    /// The port of the page.
    pub(crate) port: u16,
    /// The value of each key of the map, on each CPU.
    pub(crate) value: u8,
    /// True if there is a second metric.
    pub(crate) second: bool,
    /// True with `exit hold`.
    pub(crate) holds: bool,
    /// True with `debug`.
    pub(crate) debug: bool,
}

impl Version {
    pub(crate) const FIRST: Self = Self {
        object: "faults.o",
        port: 9153,
        value: 3,
        second: false,
        holds: false,
        debug: false,
    };

    pub(crate) fn corefile(&self) -> String {
        let on = |wanted: bool, line: &'static str| if wanted { line } else { "" };
        let entries = (1..4).fold(String::new(), |text, key| {
            text + &format!("map 0{key}000000 {:02X}00000000000000\n", self.value)
        });
        format!(
            ". {{\nprometheus 127.0.0.1:{}\n{}ebpf {{\nif edge0\nelf {}\n{entries}{}{}{}}}\n}}\n",
            self.port,
            on(self.debug, "debug\n"),
            self.object,
            "metric first 03000000 0 8 \"First.\"\n",
            on(self.second, "metric second 02000000 0 8 \"Second.\"\n"),
            on(self.holds, "exit hold\n"),
        )
    }

    /// The samples of `/metrics` and their values.
    fn lines(&self) -> [(String, u64); 3] {
        let sum = u64::from(self.value) * cpus();
        let entries = "corexdp_map_entries{interface=\"edge0\",map=\"xdp_map\"}";
        [
            ("coredns_ebpf_first".into(), sum),
            ("coredns_ebpf_second".into(), sum),
            (entries.into(), 3),
        ]
    }

    /// Succeeds if `/metrics` has exactly the expected samples.
    pub(crate) fn is_shown_by(&self, page: &str) -> Result<(), String> {
        for (name, value) in self.lines() {
            let expected = self.second || name != "coredns_ebpf_second";
            let shown = sample(page, &name);
            if shown != expected.then(|| value.to_string()).as_deref() {
                return Err(format!("{name} is {shown:?}, not {value}: {page}"));
            }
        }
        Ok(())
    }

    /// Succeeds if `/metrics` has no wrong value. Values that could not be read may be missing.
    pub(crate) fn is_not_contradicted_by(&self, page: &str) -> Result<(), String> {
        for (name, value) in self.lines() {
            let shown = sample(page, &name);
            if shown.is_some_and(|shown| shown != value.to_string()) {
                return Err(format!("{name} is {shown:?}, not {value}: {page}"));
            }
        }
        Ok(())
    }
}

/// The number of possible CPUs, which is the number of values of a key.
fn cpus() -> u64 {
    let text = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let last = text.trim().rsplit(['-', ',']).next().unwrap();
    last.parse::<u64>().unwrap() + 1
}
