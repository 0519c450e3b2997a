//! `corexdp confirm`: keeps the last start or reload. The client puts a file on trial in the Corefile's place, since the
//! daemon writes no file.
//!
//! The file is in place before the daemon confirms: a power cut between leaves a Corefile that the operator wanted to keep. A
//! file that cannot be put in place is not confirmed, so the filters of the old Corefile return.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::base::capacity::MAX_COREFILE;
use crate::base::exit;
use crate::base::files;
use crate::control::client::{self, Error};
use crate::plan::sources::Sources;

/// A file on trial.
struct Trial {
    digest: u64,
    corefile: PathBuf,
    file: PathBuf,
}

/// Confirms the last start or reload of the daemon at `control`. Passes errors to `report`, and returns the exit code.
pub fn run(control: &Path, report: &mut dyn FnMut(&dyn Display)) -> u8 {
    let mut trial = None;
    let asked = client::confirm(control, None, &mut |found| {
        trial = Some(Trial {
            digest: found.digest,
            corefile: found.corefile.into(),
            file: found.file.into(),
        });
    });
    let Some(trial) = trial else {
        return code(asked, report);
    };
    if let Err((code, message)) = trial.place() {
        report(&format_args!(
            "{message}; nothing is confirmed, so the old filters return"
        ));
        return code;
    }
    let code = code(
        client::confirm(control, Some(trial.digest), &mut |_| {}),
        report,
    );
    if code != exit::DONE {
        let (corefile, file) = (trial.corefile.display(), trial.file.display());
        report(&format_args!(
            "{corefile} has the content of {file} already; the next reload or start applies it"
        ));
    }
    code
}

fn code(asked: Result<(), Error>, report: &mut dyn FnMut(&dyn Display)) -> u8 {
    let Err(error) = asked else {
        return exit::DONE;
    };
    if !error.is_reported() {
        report(&error);
    }
    error.code()
}

impl Trial {
    /// Puts the file in the Corefile's place, if its content is the one that the daemon runs.
    ///
    /// # Errors
    /// The exit code, and a message.
    fn place(&self) -> Result<(), (u8, String)> {
        let file = self.file.display();
        let mut sources = Sources::default();
        let content = sources.content(&self.file, MAX_COREFILE);
        let content = content
            .map_err(|error| (exit::NO_INPUT, format!("{file}: cannot be read: {error}")))?;
        if sources.first_digest() != Some(self.digest) {
            let message = format!("{file} has changed since the daemon read it");
            return Err((exit::CONFIG, message));
        }
        let modified = fs::metadata(&self.file).and_then(|found| found.modified());
        let placed = modified.and_then(|time| files::replace(&self.corefile, &content, time));
        placed.map_err(|error| {
            let code = match error.kind() {
                io::ErrorKind::PermissionDenied => exit::NO_PERMISSION,
                _ => exit::SYSTEM,
            };
            let corefile = self.corefile.display();
            (
                code,
                format!("cannot put {file} in the place of {corefile}: {error}"),
            )
        })
    }
}
