//! Decisions in words: the lines that `corexdp add` reads, and the lines of the file that keeps decisions.

mod saved;

use std::fmt;
use std::time::Duration;

use super::duration;
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Quoted;
use crate::base::utc::Utc;
use crate::encode::Encoder;
pub use saved::Saved;

/// Folder of the file that keeps decisions, without `--state`.
pub const STATE_FOLDER: &str = "/run/corexdp";
/// Name of the file that keeps decisions.
pub const STATE_FILE: &str = "decisions";

/// Form of the line that [`Order::parse`] reads.
const FORM: &str = "write [@MAP] KEY FIELD=VALUE… [for DURATION]";
/// Form of the words that [`Order::parse_key`] reads.
const KEY_FORM: &str = "write [@MAP] KEY";

/// A decision that a user adds or deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Name of the map; `None` without `@MAP`.
    pub map: Option<String>,
    /// KEY.
    pub key: String,
    /// Words FIELD=VALUE; none deletes the decision.
    pub fields: Vec<String>,
    /// Time until the decision ends; `None` for no end.
    pub time: Option<Duration>,
}

impl Order {
    /// Parses `[@MAP] KEY FIELD=VALUE… [for DURATION]`.
    ///
    /// # Errors
    /// The fault and its remedy.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let (words, time) = match words {
            [start @ .., word, time] if word == "for" => match duration(time) {
                Some(time) if time >= Duration::from_millis(1) => (start, Some(time)),
                _ => {
                    let time = Quoted(time);
                    return Err(format!("{time} is not a duration such as 60s or 24h"));
                }
            },
            words => (words, None),
        };
        let order = Self::subject(words, FORM)?;
        if order.fields.iter().any(|word| word == "for") {
            return Err("for needs one DURATION at the end, for example 10m".into());
        }
        if order.fields.is_empty() {
            return Err(format!("no FIELD=VALUE after KEY; {FORM}"));
        }
        Ok(Self { time, ..order })
    }

    /// Parses `[@MAP] KEY`.
    ///
    /// # Errors
    /// The fault and its remedy.
    pub fn parse_key(words: &[String]) -> Result<Self, String> {
        let order = Self::subject(words, KEY_FORM)?;
        match order.fields.first() {
            Some(word) => Err(format!("unexpected {}; {KEY_FORM}", Quoted(word))),
            None => Ok(order),
        }
    }

    /// Parses `[@MAP] KEY` and the words after it; `form` is the right form.
    fn subject(words: &[String], form: &str) -> Result<Self, String> {
        let (map, words) = match words {
            [map, rest @ ..] if map.starts_with('@') => (map.strip_prefix('@'), rest),
            words => (None, words),
        };
        if map == Some("") {
            return Err("@ without the name of a map; write @MAP".into());
        }
        let [key, fields @ ..] = words else {
            return Err(format!("no KEY; {form}"));
        };
        Ok(Self {
            map: map.map(Into::into),
            key: key.clone(),
            fields: fields.to_vec(),
            time: None,
        })
    }
}

/// Writes the key and the value of an entry to `key` and `value`, and returns their sizes in bytes.
///
/// # Errors
/// The fault of a word and its remedy.
pub fn encode<'w>(
    encoder: &mut Encoder<'_>,
    word: &str,
    fields: impl Iterator<Item = &'w str>,
    key: &mut [u8; MAX_KEY],
    value: &mut [u8; MAX_VALUE],
) -> Result<(usize, usize), String> {
    let size = encoder.key(word, key)?;
    let value_size = encoder.value(fields, value);
    Ok((size, value_size.map_err(|error| error.message)?))
}

/// The end of a decision: `decision, until TIME` or `decision, no end`.
pub struct End(pub Option<Utc>);

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(until) => write!(f, "decision, until {until}"),
            None => f.write_str("decision, no end"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corefile;

    fn order(line: &str) -> Result<Order, String> {
        Order::parse(&corefile::words(line))
    }

    #[test]
    fn order_has_map_key_fields_and_time() {
        let full = order("@nets 192.0.2.7 action=ACL_DROP \"label=two one\" for 1h30m");
        let expected = Order {
            map: Some("nets".into()),
            key: "192.0.2.7".into(),
            fields: vec!["action=ACL_DROP".into(), "label=two one".into()],
            time: Some(Duration::from_mins(90)),
        };
        assert_eq!(full, Ok(expected));
        let short = order("192.0.2.7 action=ACL_DROP").unwrap();
        assert_eq!((short.map, short.time), (None, None));
        for (line, error) in [
            ("", "no KEY; write [@MAP] KEY FIELD=VALUE… [for DURATION]"),
            ("@ 1 a=1", "@ without the name of a map; write @MAP"),
            (
                "@nets",
                "no KEY; write [@MAP] KEY FIELD=VALUE… [for DURATION]",
            ),
            (
                "192.0.2.7 for 10m",
                "no FIELD=VALUE after KEY; write [@MAP] KEY FIELD=VALUE… [for DURATION]",
            ),
            (
                "192.0.2.7 a=1 for",
                "for needs one DURATION at the end, for example 10m",
            ),
            (
                "192.0.2.7 a=1 for 1 hour",
                "for needs one DURATION at the end, for example 10m",
            ),
            (
                "192.0.2.7 a=1 for 10",
                "\"10\" is not a duration such as 60s or 24h",
            ),
            (
                "192.0.2.7 a=1 for 0s",
                "\"0s\" is not a duration such as 60s or 24h",
            ),
        ] {
            assert_eq!(order(line), Err(error.into()), "{line}");
        }
        let words = corefile::words("@nets 192.0.2.7 action=ACL_DROP");
        assert_eq!(
            Order::parse_key(&words),
            Err("unexpected \"action=ACL_DROP\"; write [@MAP] KEY".into())
        );
    }
}
