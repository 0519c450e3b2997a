//! Reloads of each kind that keeps the map, and one that must be refused.

use std::fmt;

use nix::sys::signal::Signal;

use crate::Soak;

/// The variable part of a Corefile.
#[derive(Clone, Copy)]
pub(crate) struct Corefile {
    metric: &'static str,
    page: &'static str,
    wrong: bool,
}

/// The Corefiles, used in turn. The daemon starts with the first.
pub(crate) const COREFILES: [Corefile; 5] = [
    Corefile::new("dropped", ""),
    Corefile::new("dropped", ""),
    Corefile::new("dropped_packets", ""),
    Corefile::new("dropped", "localhost:9154"),
    Corefile {
        wrong: true,
        ..Corefile::new("dropped", "")
    },
];

impl Corefile {
    const fn new(metric: &'static str, page: &'static str) -> Self {
        Self {
            metric,
            page,
            wrong: false,
        }
    }

    pub(crate) fn text(&self) -> String {
        let zero = "0".repeat(64);
        let second = match self.page {
            "" => String::new(),
            page => format!("two {{\n  prometheus {page}\n}}\n"),
        };
        format!(
            ". {{\n  prometheus\n  debug\n  ebpf {{\n    elf ordered.o\n    if edge0\n    \
             map 04000001.C0000242.FFFFFFFF.{zero}.00000000\n    \
             metric {} 00000000 {} 4 \"Dropped.\"\n  }}\n}}\n{second}",
            self.metric,
            if self.wrong { 45 } else { 44 },
        )
    }
}

/// The numbers of reloads.
#[derive(Default)]
pub(crate) struct Reloads {
    done: usize,
    refused: usize,
}

impl Reloads {
    /// Reloads the next Corefile, by the control socket and by signal in turn, and waits for the result.
    pub(crate) fn next(&mut self, soak: &Soak) {
        let number = self.done + self.refused;
        let corefile = COREFILES[number % COREFILES.len()];
        soak.site.folder.write("Corefile", &corefile.text());
        if number.is_multiple_of(2) {
            let outcome = soak.site.ask(&["reload"]);
            let code = if corefile.wrong { 78 } else { 0 };
            assert_eq!(outcome.code, Some(code), "{outcome:#?}");
        } else {
            soak.daemon.signal(Signal::SIGHUP);
        }
        let (count, line) = if corefile.wrong {
            (&mut self.refused, "reload: nothing was changed")
        } else {
            (&mut self.done, "reload: done")
        };
        soak.daemon.nth_line(*count, line);
        *count += 1;
    }
}

impl fmt::Display for Reloads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reloads done and {} refused", self.done, self.refused)
    }
}
