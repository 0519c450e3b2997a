//! Repeated measurements of one quantity.

use std::time::Duration;

/// Measurements in ascending order.
pub(crate) struct Sample(Vec<f64>);

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }
}

impl FromIterator<Duration> for Sample {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        times.into_iter().map(|time| time.as_secs_f64()).collect()
    }
}

impl Sample {
    /// The percentile by nearest rank.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0[rank - 1]
    }

    pub(crate) fn median(&self) -> f64 {
        self.percentile(50)
    }

    /// The first and the third quartile.
    pub(crate) fn quartiles(&self) -> (f64, f64) {
        (self.percentile(25), self.percentile(75))
    }

    pub(crate) fn range(&self) -> (f64, f64) {
        (self.percentile(0), self.percentile(100))
    }
}
