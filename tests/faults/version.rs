//! The content of the Corefile, and its effects.

use std::fs;

use support::net::sample;

/// A Corefile in the cases' terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// The object's file.
    pub(crate) object: &'static str,
    /// Where the page is.
    pub(crate) port: u16,
    /// The value under each key of the map, for each CPU.
    pub(crate) value: u8,
    /// True if there is a second metric.
    pub(crate) second: bool,
    /// True if `exit` is `hold`.
    pub(crate) holds: bool,
    /// True if changes of the map are logged.
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

    /// The lines of `/metrics`, and 1 for each line that must be there.
    fn lines(&self) -> [(String, u64); 3] {
        let sum = u64::from(self.value) * cpus();
        let entries = "corexdp_map_entries{interface=\"edge0\",map=\"xdp_map\"}";
        [
            ("coredns_ebpf_first".into(), sum),
            ("coredns_ebpf_second".into(), sum),
            (entries.into(), 3),
        ]
    }

    /// Succeeds if `/metrics` has every line that it must have.
    pub(crate) fn is_told_by(&self, page: &str) -> Result<(), String> {
        for (name, value) in self.lines() {
            let expected = self.second || name != "coredns_ebpf_second";
            let said = sample(page, &name);
            if said != expected.then(|| value.to_string()).as_deref() {
                return Err(format!("{name} is {said:?}, not {value}: {page}"));
            }
        }
        Ok(())
    }

    /// Succeeds if `/metrics` has no wrong line; unreadable values may be missing.
    pub(crate) fn is_not_denied_by(&self, page: &str) -> Result<(), String> {
        for (name, value) in self.lines() {
            let said = sample(page, &name);
            if said.is_some_and(|said| said != value.to_string()) {
                return Err(format!("{name} is {said:?}, not {value}: {page}"));
            }
        }
        Ok(())
    }
}

/// The number of possible CPUs, and so of values of a key.
fn cpus() -> u64 {
    let text = fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let last = text.trim().rsplit(['-', ',']).next().unwrap();
    last.parse::<u64>().unwrap() + 1
}
