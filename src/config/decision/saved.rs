//! The lines of the file that keeps decisions.

use std::fmt;

use super::{FORM, Order, encode};
use crate::base::capacity::{MAX_KEY, MAX_VALUE};
use crate::base::escape::Quoted;
use crate::base::hex;
use crate::base::utc::Utc;
use crate::config::MAP;
use crate::corefile::{self, Word};
use crate::encode::Encoder;

/// A line of the file that keeps decisions: `INTERFACE STAGE entry [@MAP] KEY FIELD=VALUE… [until TIME] [pending]`. In place
/// of `entry` stands `map` for bytes that no words encode.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Saved {
    /// Name of the interface.
    pub interface: String,
    /// Name of the stage.
    pub stage: String,
    /// Name of the map.
    pub map: String,
    /// KEY.
    pub key: String,
    /// True for a `map` line, whose KEY and VALUE are hexadecimal.
    pub in_bytes: bool,
    /// VALUE of a `map` line, or the words FIELD=VALUE of an `entry` line.
    pub value: Vec<String>,
    /// Seconds since 1970 at which the decision ends; `None` for no end.
    pub until: Option<u64>,
    /// True while a client waits for the daemon: the decision may or may not be in the map.
    pub is_pending: bool,
}

impl Saved {
    /// A decision of `stage` on `interface`, whose entry is `line`, as [`Encoder::line`] writes it.
    pub fn new(interface: &str, stage: &str, line: &str, until: Option<u64>) -> Option<Self> {
        let mut words = vec![interface.to_owned(), stage.to_owned()];
        words.extend(corefile::words(line));
        let saved = Self::of(&words).ok()?;
        Some(Self { until, ..saved })
    }

    /// A line without value, for a comparison with others.
    pub fn about(interface: &str, stage: &str, map: &str, key: &str) -> Self {
        Self {
            interface: interface.into(),
            stage: stage.into(),
            map: map.into(),
            key: key.into(),
            in_bytes: false,
            value: Vec::new(),
            until: None,
            is_pending: false,
        }
    }

    /// Parses a line.
    ///
    /// # Errors
    /// The fault and its remedy.
    pub fn parse(line: &str) -> Result<Self, String> {
        Self::of(&corefile::words(line))
    }

    fn of(words: &[String]) -> Result<Self, String> {
        let form = || {
            "not a decision; write INTERFACE OBJECT entry [@MAP] KEY FIELD=VALUE… [until TIME]"
                .to_owned()
        };
        let (words, is_pending) = match words {
            [start @ .., last] if last == "pending" => (start, true),
            words => (words, false),
        };
        let (words, until) = match words {
            [start @ .., word, time] if word == "until" => {
                let until = Utc::parse(time).ok_or_else(|| {
                    let time = Quoted(time);
                    format!("{time} is not a time such as 2026-01-31T23:59:59Z")
                })?;
                (start, Some(until.0))
            }
            words => (words, None),
        };
        let [interface, stage, directive, words @ ..] = words else {
            return Err(form());
        };
        let in_bytes = match directive.as_str() {
            "entry" => false,
            "map" => true,
            _ => return Err(form()),
        };
        let subject = Order::subject(words, FORM).map_err(|_| form())?;
        if subject.fields.is_empty() || in_bytes && subject.fields.len() > 1 {
            return Err(form());
        }
        Ok(Self {
            interface: interface.clone(),
            stage: stage.clone(),
            map: subject.map.unwrap_or_else(|| MAP.into()),
            key: subject.key,
            in_bytes,
            value: subject.fields,
            until,
            is_pending,
        })
    }

    /// True if both lines are about the same key of the same map.
    pub fn is_about(&self, other: &Self) -> bool {
        self.subject() == other.subject()
    }

    /// Interface, stage, map and key.
    pub fn subject(&self) -> [&str; 4] {
        [&self.interface, &self.stage, &self.map, &self.key]
    }

    /// Writes key and value to `key` and `value`, and returns their sizes in bytes.
    ///
    /// # Errors
    /// The fault of a word and its remedy.
    pub fn encode(
        &self,
        encoder: &mut Encoder<'_>,
        key: &mut [u8; MAX_KEY],
        value: &mut [u8; MAX_VALUE],
    ) -> Result<(usize, usize), String> {
        if !self.in_bytes {
            let words = self.value.iter().map(String::as_str);
            return encode(encoder, &self.key, words, key, value);
        }
        let decode = |word: &str, out: &mut [u8]| {
            let size = hex::decode(word, None, out);
            size.map_err(|_| "KEY or VALUE is not hexadecimal")
        };
        let word = self.value.first().map_or("", String::as_str);
        Ok((decode(&self.key, key)?, decode(word, value)?))
    }
}

impl fmt::Display for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directive = if self.in_bytes { "map" } else { "entry" };
        let (interface, stage) = (Word(&self.interface), Word(&self.stage));
        write!(f, "{interface} {stage} {directive} ")?;
        if self.map != MAP {
            write!(f, "{} ", Word(&format!("@{}", self.map)))?;
        }
        write!(f, "{}", Word(&self.key))?;
        for word in &self.value {
            write!(f, " {}", Word(word))?;
        }
        if let Some(until) = self.until {
            write!(f, " until {}", Utc(until))?;
        }
        f.write_str(if self.is_pending { " pending" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_line_round_trips() {
        for line in [
            "eth0 acl entry 192.0.2.7/32 action=ACL_DROP",
            "eth0 acl entry @nets 192.0.2.7 action=ACL_DROP \"label=two one\" until 2026-01-31T23:59:59Z",
            "\"eth 0\" acl map @typeless 0A0B 01020304 until 2026-01-31T23:59:59Z pending",
            "eth0 acl entry 192.0.2.7/32 action=ACL_DROP pending",
        ] {
            let saved = Saved::parse(line).unwrap();
            assert_eq!(saved.to_string(), line);
        }
        for wrong in [
            "",
            "garbage",
            "eth0 acl entry",
            "eth0 acl entry 192.0.2.7",
            "eth0 acl entry @ 192.0.2.7 a=1",
            "eth0 acl list 192.0.2.7 a=1",
            "eth0 acl map 0A 0B 0C",
            "eth0 acl entry 192.0.2.7 a=1 until tomorrow",
            "until 2026-01-31T23:59:59Z",
            "pending",
        ] {
            assert!(Saved::parse(wrong).is_err(), "{wrong}");
        }
    }
}
