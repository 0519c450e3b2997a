//! Points in time, in UTC with a resolution of one second.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use time::{Date, OffsetDateTime};

/// Text instead of a time whose year has more than four digits.
const OUT_OF_RANGE: &str = "after the year 9999";

/// Seconds since 1970, displayed as `2026-01-31T23:59:59Z` (RFC 3339).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Utc(pub u64);

impl Utc {
    /// Current time of the system clock.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Timestamp of RFC 3164, without the year: `Jan 31 23:59:59`.
    pub fn rfc3164(self) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            let Some(time) = self.date_time() else {
                return f.write_str(OUT_OF_RANGE);
            };
            let (_, month, day) = time.to_calendar_date();
            let (hour, minute, second) = time.to_hms();
            write!(f, "{month:.3} {day:2} {hour:02}:{minute:02}:{second:02}")
        })
    }

    /// Time of the day: `23:59:59`.
    pub fn time_of_day(self) -> impl fmt::Display {
        let seconds = self.0 % 86_400;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        fmt::from_fn(move |f| write!(f, "{hour:02}:{minute:02}:{second:02}"))
    }

    /// Parses `2026-01-31T23:59:59Z`; `None` for any other form, and for a time before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let number = |word: &str| {
            let digits = word.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| word.parse::<u16>().ok()).flatten()
        };
        let mut date = date.splitn(3, '-').map(number);
        let mut time = time.splitn(3, ':').map(number);
        let mut next = || Some((date.next()??, time.next()??));
        let ((year, hour), (month, minute), (day, second)) = (next()?, next()?, next()?);
        let small = |number| u8::try_from(number).ok();
        let month = time::Month::try_from(small(month)?).ok()?;
        let day = Date::from_calendar_date(i32::from(year), month, small(day)?).ok()?;
        let time = day.with_hms(small(hour)?, small(minute)?, small(second)?);
        let seconds = time.ok()?.assume_utc().unix_timestamp();
        Some(Self(u64::try_from(seconds).ok()?))
    }

    fn date_time(self) -> Option<OffsetDateTime> {
        let seconds = i64::try_from(self.0).ok()?;
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    }
}

impl From<SystemTime> for Utc {
    /// A time before 1970 becomes 1970.
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
        let Some(time) = self.date_time() else {
            return f.write_str(OUT_OF_RANGE);
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
    fn display_is_rfc_3339() {
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

    #[test]
    fn displayed_time_is_parsed() {
        for seconds in [0, 951_782_399, 951_782_400, 4_102_444_800, 253_402_300_799] {
            let time = Utc(seconds);
            assert_eq!(Utc::parse(&time.to_string()), Some(time));
        }
        for wrong in [
            "",
            "Z",
            "2026-01-31T23:59:59",
            "2026-01-31 23:59:59Z",
            "2026-13-31T23:59:59Z",
            "2026-02-30T23:59:59Z",
            "2026-01-31T24:59:59Z",
            "2026-01-31T23:59Z",
            "2026-01-31T23:59:59.5Z",
            "2026-01-31T23:59:+9Z",
            "1969-12-31T23:59:59Z",
            "99999-12-31T23:59:59Z",
        ] {
            assert_eq!(Utc::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn time_of_day_has_no_date() {
        for (seconds, expected) in [
            (0, "00:00:00"),
            (951_782_399, "23:59:59"),
            (1_795_995_074, "23:31:14"),
            (u64::MAX, "07:00:15"),
        ] {
            assert_eq!(Utc(seconds).time_of_day().to_string(), expected);
        }
    }

    #[test]
    fn log_time_has_short_month_and_padded_day() {
        for (seconds, expected) in [
            (0, "Jan  1 00:00:00"),
            (951_782_399, "Feb 28 23:59:59"),
            (951_868_800, "Mar  1 00:00:00"),
            (253_402_300_800, "after the year 9999"),
        ] {
            assert_eq!(Utc(seconds).rfc3164().to_string(), expected);
        }
    }
}
