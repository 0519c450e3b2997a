//! Lines in the format of RFC 3164. Replaces the formatter of the syslog crate, which parses a date format at run time
//! and so adds 40 KB to the binary.

use std::io::Write;

use syslog::{Error, Facility, LogFormat, Severity};

use crate::base::utc::Utc;

/// Format of a line to a local log, without host name: `<30>Jan  2 15:04:05 corexdp[1]: text`.
#[derive(Debug)]
pub(super) struct Rfc3164 {
    pub(super) facility: Facility,
    pub(super) process: &'static str,
    pub(super) pid: u32,
}

impl LogFormat<&str> for Rfc3164 {
    fn format<W: Write>(&self, out: &mut W, severity: Severity, text: &str) -> Result<(), Error> {
        let priority = self.facility as u8 | severity as u8;
        let (now, name, pid) = (Utc::now().rfc3164(), self.process, self.pid);
        write!(out, "<{priority}>{now} {name}[{pid}]: {text}").map_err(Error::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_starts_with_priority_time_name_and_pid() {
        let form = Rfc3164 {
            facility: Facility::LOG_DAEMON,
            process: "corexdp",
            pid: 17,
        };
        for (severity, priority) in [
            (Severity::LOG_ERR, "<27>"),
            (Severity::LOG_WARNING, "<28>"),
            (Severity::LOG_INFO, "<30>"),
        ] {
            let mut line = Vec::new();
            form.format(&mut line, severity, "eth0: attached").unwrap();
            let line = String::from_utf8(line).unwrap();
            let rest = line.strip_prefix(priority).unwrap();
            let (time, rest) = rest.split_at("Jan  2 15:04:05".len());
            assert_eq!(rest, " corexdp[17]: eth0: attached");
            assert!(
                time.as_bytes().first().unwrap().is_ascii_uppercase(),
                "{time}"
            );
        }
    }
}
