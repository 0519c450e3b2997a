//! `status --measure`: runs, run time and verdicts of the programs during a time for which the kernel counts runs.

use std::mem::take;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Error, read};
use crate::base::json::{Output, Value, Writer};
use crate::kernel::statistics;

/// Lets the kernel count for `time`. Returns the status after that time, with the counts as member `measured`.
pub(super) fn measure(
    time: Duration,
    fetch: &mut dyn FnMut() -> Result<String, Error>,
) -> Result<String, Error> {
    let counting = statistics::enable().map_err(Error::Counting)?;
    let before = read(&fetch()?)?;
    let begin = Instant::now();
    sleep(time);
    let elapsed = begin.elapsed();
    let mut text = fetch()?;
    drop(counting);
    let after = read(&text)?;
    text.truncate(text.trim_end().len().saturating_sub("}".len()));
    write(&mut text, &before, &after, elapsed);
    Ok(text)
}

#[derive(Serialize)]
struct MeasuredJson {
    milliseconds: u64,
}

#[derive(Serialize)]
struct FilterJson<'a> {
    interface: &'a str,
    stage: u64,
    runs: u64,
    run_time_ns: u64,
    runs_per_second: u64,
    ns_per_run: Option<u64>,
}

#[derive(Serialize)]
struct RateJson<'a> {
    verdict: &'a str,
    packets_per_second: u64,
    bytes_per_second: u64,
}

/// Appends the counts between the two statuses to `text`, a JSON object without its closing brace, and closes it.
fn write(text: &mut String, before: &Value, after: &Value, time: Duration) {
    let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    let mut bytes = take(text).into_bytes();
    let mut out = Output::new(&mut bytes);
    let mut json = Writer::in_object(&mut out);
    json.member("measured");
    json.begin_object(&MeasuredJson { milliseconds });
    json.member("filters");
    json.begin_list();
    for filter in after.get("filters").list() {
        if let Some((interface, earlier)) = with_earlier(before, filter) {
            json.begin_object(&counted(interface, earlier, filter, milliseconds));
            json.list("verdicts", rates(earlier, filter, milliseconds));
            json.end_object();
        }
    }
    json.end_list();
    json.end_object();
    json.end_object();
    // Writing to memory cannot fail.
    let _ = json.end();
    *text = String::from_utf8(bytes).unwrap_or_default();
}

/// Growth of the number at `path`.
fn growth(earlier: &Value, now: &Value, path: &str) -> u64 {
    let number = |value: &Value| value.at(path).number().unwrap_or(0);
    number(now).saturating_sub(number(earlier))
}

const fn per_second(count: u64, milliseconds: u64) -> u64 {
    count.saturating_mul(1000) / milliseconds
}

/// The counts of one stage. The kernel counts only programs that it calls itself, so the runs of a later stage are the
/// packets that its frame counted, and their time is part of the first stage's.
fn counted<'a>(
    interface: &'a str,
    earlier: &Value,
    filter: &Value,
    milliseconds: u64,
) -> FilterJson<'a> {
    let stage = filter.get("stage").number().unwrap_or(1);
    let runs = if stage > 1 {
        packets(filter).saturating_sub(packets(earlier))
    } else {
        growth(earlier, filter, "program.runs")
    };
    let run_time_ns = growth(earlier, filter, "program.run_time_ns");
    FilterJson {
        interface,
        stage,
        runs,
        run_time_ns,
        runs_per_second: per_second(runs, milliseconds),
        ns_per_run: run_time_ns.checked_div(runs).filter(|_| stage == 1),
    }
}

/// Number of packets that the frame of a stage has counted.
fn packets(filter: &Value) -> u64 {
    let verdicts = filter.get("verdicts").list().iter();
    let packets = verdicts.filter_map(|verdict| verdict.get("packets").number());
    packets.fold(0, u64::saturating_add)
}

/// The rates of the verdicts of one filter.
fn rates<'f>(
    earlier: &Value,
    filter: &'f Value,
    milliseconds: u64,
) -> impl Iterator<Item = RateJson<'f>> {
    let earlier = earlier.get("verdicts").list().iter();
    let pairs = earlier.zip(filter.get("verdicts").list());
    pairs.filter_map(move |(earlier, total)| {
        let rate = |path| per_second(growth(earlier, total, path), milliseconds);
        Some(RateJson {
            verdict: total.get("verdict").word()?,
            packets_per_second: rate("packets"),
            bytes_per_second: rate("bytes"),
        })
    })
}

/// Interface of a filter, and its earlier status; `None` if the program was loaded in between.
fn with_earlier<'b, 'f>(before: &'b Value, filter: &'f Value) -> Option<(&'f str, &'b Value)> {
    let (interface, id) = (
        filter.get("interface").word()?,
        filter.at("program.id").word(),
    );
    let mut earlier = before.get("filters").list().iter();
    let earlier = earlier.find(|other| {
        other.get("interface").word() == Some(interface) && other.at("program.id").word() == id
    });
    Some((interface, earlier?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that passed as many packets as it ran, each of 60 bytes.
    fn status(interface: &str, id: u32, runs: &str, time: &str) -> Value {
        let packets: u64 = runs.parse().unwrap_or(0);
        let bytes = 60 * packets;
        Value::read(&format!(
            r#"{{"filters":[{{"interface":"{interface}","stage":1,"program":{{"id":{id},"runs":{runs},"run_time_ns":{time}}},
"verdicts":[{{"verdict":"pass","packets":{packets},"bytes":{bytes}}}]}}]}}"#
        ))
        .unwrap()
    }

    #[test]
    fn runs_of_later_stages_are_their_packets() {
        let [before, after] = ["500", "1500"].map(|packets| {
            let status = format!(
                r#"{{"filters":[{{"interface":"eth0","stage":2,"program":{{"id":7,"runs":0,"run_time_ns":0}},
"verdicts":[{{"verdict":"pass","packets":{packets},"bytes":0}},{{"verdict":"drop","packets":10,"bytes":0}}]}}]}}"#
            );
            Value::read(&status).unwrap()
        });
        let mut text = "{\"a\":1".to_owned();
        write(&mut text, &before, &after, Duration::from_secs(2));
        let expected =
            r#""stage":2,"runs":1000,"run_time_ns":0,"runs_per_second":500,"ns_per_run":null,"#;
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn counts_are_differences_of_the_same_program() {
        let after = status("eth0", 7, "1500", "90000");
        let counted = |runs, time, per_second, per_run| {
            let bytes = 60 * per_second;
            format!(
                r#"{{"interface":"eth0","stage":1,"runs":{runs},"run_time_ns":{time},"runs_per_second":{per_second},"ns_per_run":{per_run},"verdicts":[{{"verdict":"pass","packets_per_second":{per_second},"bytes_per_second":{bytes}}}]}}"#
            )
        };
        for (before, expected) in [
            (
                status("eth0", 7, "500", "40000"),
                counted(1000, 50000, 500, "50"),
            ),
            (
                status("eth0", 7, "null", "null"),
                counted(1500, 90000, 750, "60"),
            ),
            (status("eth0", 7, "1500", "90000"), counted(0, 0, 0, "null")),
            (status("eth0", 8, "500", "40000"), String::new()),
            (status("eth1", 7, "500", "40000"), String::new()),
        ] {
            let mut text = "{\"a\":1".to_owned();
            write(&mut text, &before, &after, Duration::from_secs(2));
            let expected = format!(
                "{{\"a\":1,\"measured\":{{\"milliseconds\":2000,\"filters\":[{expected}]}}}}\n"
            );
            assert_eq!(text, expected, "{before:?}");
        }
    }
}
