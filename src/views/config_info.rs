//! The Corefile that runs: its hash, and whether it is the fallback.

use std::fmt::{self, Write as _};

use super::{Overview, prometheus};
use crate::base::text::Text;
use crate::config::MetricKind;

impl Overview<'_> {
    /// Path of the fallback, if it runs; `None` for a path that is not UTF-8.
    pub(super) fn fallback_name(&self) -> Option<&str> {
        self.fallback?.name()
    }

    /// Name of the Corefile that runs: the one of `-conf`, or the one of `--fallback`.
    const fn config_source(&self) -> &'static str {
        match self.fallback {
            None => "main",
            Some(_) => "fallback",
        }
    }

    /// SHA-256 of the Corefile that runs, in hexadecimal.
    pub(super) fn sha256(&self) -> heapless::String<64> {
        let mut text = heapless::String::new();
        for word in self.sha256 {
            // Cannot fail: the text has room for all digits.
            let _ = write!(text, "{word:08x}");
        }
        text
    }

    /// Writes the metric about the Corefile that runs.
    pub(super) fn config_info(&self, text: &mut Text<'_>) -> fmt::Result {
        let name = "corexdp_config_info";
        let help =
            "Always 1; the labels are the hash of the Corefile that runs, and main or fallback.";
        prometheus::head(text, name, MetricKind::Gauge, help)?;
        let sha256 = self.sha256();
        let labels = [
            ("sha256", sha256.as_str()),
            ("source", self.config_source()),
        ];
        prometheus::sample(text, name, &labels, 1)
    }
}
