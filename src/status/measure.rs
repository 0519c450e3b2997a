//! How often the programs run, and how long that takes, over a time in which the kernel counts it.

use std::io::{self, Write as _};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Error;
use crate::json::Value;
use crate::kernel::statistics;
use crate::report::json;

/// What was counted in a time.
#[derive(Debug)]
pub(super) struct Measured {
    milliseconds: u64,
    filters: Vec<Filter>,
}

/// What was counted of a filter.
#[derive(Debug)]
struct Filter {
    interface: String,
    runs: u64,
    run_time_ns: u64,
    runs_per_second: u64,
    /// Null when it did not run.
    ns_per_run: Option<u64>,
}

impl Filter {
    fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        out.extend_from_slice(b"{\"interface\":");
        json(out, &self.interface.as_str())?;
        let (runs, time, each_second) = (self.runs, self.run_time_ns, self.runs_per_second);
        let each = self.ns_per_run;
        let each = each.map_or_else(|| "null".into(), |each| each.to_string());
        write!(
            out,
            ",\"runs\":{runs},\"run_time_ns\":{time},\"runs_per_second\":{each_second},\"ns_per_run\":{each}}}"
        )
    }
}

impl Measured {
    /// Lets the kernel count for a time; the last answer, as it is and read, and what was counted.
    pub(super) fn over(
        time: Duration,
        fetch: &mut dyn FnMut() -> Result<(String, Value), Error>,
    ) -> Result<(String, Value, Self), Error> {
        let counting = statistics::count().map_err(Error::Counting)?;
        let (_, before) = fetch()?;
        let begin = Instant::now();
        sleep(time);
        let elapsed = begin.elapsed();
        let (text, after) = fetch()?;
        drop(counting);
        let measured = Self::between(&before, &after, elapsed);
        Ok((text, after, measured))
    }

    fn between(before: &Value, after: &Value, time: Duration) -> Self {
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        let of = |filter: &Value| {
            let (name, program) = (filter.get("interface"), filter.get("program"));
            let mut earlier = before.get("filters").list().iter();
            // One that was replaced meanwhile counts from anew.
            let earlier = earlier
                .find(|other| other.get("interface") == name)?
                .get("program");
            if earlier.get("id") != program.get("id") {
                return None;
            }
            let more = |what| {
                let [from, to] = [earlier, program].map(|one| one.get(what).number());
                to.unwrap_or(0).saturating_sub(from.unwrap_or(0))
            };
            let (runs, run_time_ns) = (more("runs"), more("run_time_ns"));
            Some(Filter {
                interface: name.word()?.into(),
                runs,
                run_time_ns,
                runs_per_second: runs.saturating_mul(1000) / milliseconds,
                ns_per_run: run_time_ns.checked_div(runs),
            })
        };
        Self {
            milliseconds,
            filters: after.get("filters").list().iter().filter_map(of).collect(),
        }
    }

    /// How often a filter ran each second, and how many nanoseconds a run took.
    pub(super) fn of(&self, interface: &str) -> Option<(u64, Option<u64>)> {
        let mut filters = self.filters.iter();
        let filter = filters.find(|filter| filter.interface == interface)?;
        Some((filter.runs_per_second, filter.ns_per_run))
    }

    /// The answer with this as another member.
    pub(super) fn added_to(&self, text: &str) -> String {
        let open = text.trim_end().strip_suffix('}').unwrap_or(text);
        let time = self.milliseconds;
        let mut out =
            format!("{open},\"measured\":{{\"milliseconds\":{time},\"filters\":[").into_bytes();
        for (index, filter) in self.filters.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"" } else { b"," });
            // Writing to memory does not fail.
            let _ = filter.write(&mut out);
        }
        out.extend_from_slice(b"]}}\n");
        String::from_utf8_lossy(&out).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(interface: &str, id: u32, runs: &str, time: &str) -> Value {
        Value::read(&format!(
            r#"{{"filters":[{{"interface":"{interface}","program":{{"id":{id},"runs":{runs},"run_time_ns":{time}}}}}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn what_was_counted_is_the_difference() {
        let after = status("eth0", 7, "1500", "90000");
        for (before, expected) in [
            (status("eth0", 7, "500", "40000"), Some((500, Some(50)))),
            (status("eth0", 7, "null", "null"), Some((750, Some(60)))),
            (status("eth0", 7, "1500", "90000"), Some((0, None))),
            (status("eth0", 8, "500", "40000"), None),
            (status("eth1", 7, "500", "40000"), None),
        ] {
            let measured = Measured::between(&before, &after, Duration::from_secs(2));
            assert_eq!(measured.of("eth0"), expected, "{before:?}");
        }
    }

    #[test]
    fn it_is_a_member_of_the_answer() {
        let (before, after) = (status("e\\\"0", 7, "0", "0"), status("e\\\"0", 7, "4", "9"));
        let measured = Measured::between(&before, &after, Duration::from_secs(1));
        assert_eq!(
            measured.added_to("{\"a\":1}\n"),
            r#"{"a":1,"measured":{"milliseconds":1000,"filters":[{"interface":"e\"0","runs":4,"run_time_ns":9,"runs_per_second":4,"ns_per_run":2}]}}
"#
            .replace("e\"0", "e\\\"0")
        );
    }
}
