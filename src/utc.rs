//! A point in time as people and HTML read it.

#![forbid(unsafe_code)]

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;

/// Seconds since 1970, written as `2026-01-31T23:59:59Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utc(pub u64);

impl Utc {
    /// What the machine's clock says.
    pub fn now() -> Self {
        SystemTime::now().into()
    }
}

impl From<SystemTime> for Utc {
    /// A time before 1970, which only a wrong clock tells, is 1970.
    fn from(time: SystemTime) -> Self {
        Self(
            time.duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        )
    }
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = i64::try_from(self.0).ok();
        let time = time.and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok());
        let Some(time) = time else {
            return f.write_str("after the year 9999");
        };
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        let month = u8::from(month);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_html_reads_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_102_444_800, "2100-01-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "after the year 9999"),
            (u64::MAX, "after the year 9999"),
        ] {
            assert_eq!(Utc(seconds).to_string(), expected);
        }
    }
}
