//! Points in time for a person.

use std::fmt;

const DAY: u64 = 24 * 60 * 60;

/// Seconds since 1970, as `2026-11-25T09:55:57Z`.
pub(super) struct Utc(pub u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date(self.0 / DAY);
        let second = self.0 % DAY;
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Year, month and day that are so many days after the first of 1970. A year is counted from March, so that the leap
/// day is its last.
const fn date(days: u64) -> (u64, u64, u64) {
    // The first of March of the year 0 was 719468 days before.
    let days = days + 719_468;
    // 400 years have 146097 days, a century but for its last day 36524, four years 1461.
    let mut year = days / 146_097 * 400;
    let mut rest = days % 146_097;
    let century = if rest == 146_096 { 3 } else { rest / 36_524 };
    rest -= century * 36_524;
    year += century * 100 + rest / 1461 * 4;
    rest %= 1461;
    let within = if rest == 1460 { 3 } else { rest / 365 };
    rest -= within * 365;
    year += within;
    // Five months in a row have 153 days: 31, 30, 31, 30 and 31.
    let month = (5 * rest + 2) / 153;
    let day = rest - (153 * month + 2) / 5 + 1;
    if month < 10 {
        (year, month + 3, day)
    } else {
        (year + 1, month - 9, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_dates() {
        // As `date -u -d @SECONDS` has them.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (68_169_599, "1972-02-28T23:59:59Z"),
            (68_169_600, "1972-02-29T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_764_064_557, "2025-11-25T09:55:57Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(Utc(seconds).to_string(), expected, "{seconds}");
        }
    }

    #[test]
    fn days_follow_each_other() {
        let mut before = date(0);
        for days in 1..200_000 {
            let (year, month, day) = date(days);
            let next_day = (before.0, before.1, before.2 + 1);
            let next_month = (before.0, before.1 + 1, 1);
            let next_year = (before.0 + 1, 1, 1);
            assert!([next_day, next_month, next_year].contains(&(year, month, day)));
            assert!((1..=12).contains(&month) && (1..=31).contains(&day));
            before = (year, month, day);
        }
    }
}
