//! The Prometheus exposition of a metric.

use corexdp::base::escape::is_control;
use corexdp::config::MetricKind;
use corexdp::config::{Filter, Metric, page_size};
use corexdp::views::prometheus;

/// Writes a metric and parses it again: help, name and label are those of the Corefile, with control characters as
/// their codes.
pub(super) fn reads_back(metric: &Metric, filter: &Filter) {
    let mut text = String::new();
    let (name, interface) = (metric.name.as_str(), filter.interface.as_str());
    prometheus::head(&mut text, name, MetricKind::Gauge, &metric.help).expect("a string has room");
    let head = text.len();
    prometheus::sample(&mut text, name, &[], u64::MAX).expect("a string has room");
    assert!(text.len() <= page_size::of_metric(name, &metric.help));
    text.truncate(head);
    let labels = [("interface", interface)];
    prometheus::sample(&mut text, name, &labels, u64::MAX).expect("a string has room");
    let lines: Vec<&str> = text.split('\n').collect();
    let [help, kind, sample, ""] = lines[..] else {
        panic!("not three lines: {text:?}");
    };
    let help = help.strip_prefix(&format!("# HELP {name} "));
    assert_eq!(help.map(unescaped), Some(visible(&metric.help)));
    assert_eq!(kind, format!("# TYPE {name} gauge"));
    let label = sample.strip_prefix(&format!("{name}{{interface=\""));
    let label = label.and_then(|rest| rest.strip_suffix("\"} 18446744073709551615"));
    assert_eq!(label.map(unescaped), Some(visible(interface)));
}

/// The text with control characters as their codes: the exposition format has no escapes for them. Tabs stay, and line
/// feeds have an escape.
fn visible(text: &str) -> String {
    let letters = text.chars().map(|letter| match letter {
        '\t' | '\n' => letter.to_string(),
        letter if is_control(letter) => letter.escape_default().to_string(),
        letter => letter.to_string(),
    });
    letters.collect()
}

/// Removes the escapes of the exposition format.
fn unescaped(text: &str) -> String {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some(same @ ('\\' | '"')) => same,
                other => panic!("a backslash before {other:?} in {text:?}"),
            },
            letter => letter,
        });
    }
    plain
}
