//! The file that keeps decisions over a restart of the daemon.
//!
//! The client writes its changes to the file before the daemon gets them, marked as pending, and their outcome after it. A
//! client that is killed between leaves pending lines. The daemon restores a pending decision only if it is in a map that an
//! earlier daemon left: so file and maps agree.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use super::Item;
use crate::base::files;
use crate::base::utc::Utc;
use crate::base::wait::sleep;
use crate::config::decision::{STATE_FILE, Saved};

/// Name of the file on which clients lock the folder.
const LOCK: &str = "lock";
/// Name of the file before it replaces the other.
const NEW: &str = "decisions.new";
/// Longest wait for another client.
const PATIENCE: Duration = Duration::from_secs(10);
/// Delay between two attempts to lock.
const PAUSE: Duration = Duration::from_millis(5);
/// Maximum size of the file in bytes.
const MAX_SIZE: usize = 64 << 20;

/// Result of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// The decision is in the map.
    Added,
    /// The decision is not in the map.
    Deleted,
    /// The map is unchanged.
    Refused,
    /// The daemon did not answer.
    Unknown,
}

/// The locked file.
pub(super) struct State {
    folder: PathBuf,
    /// The lines before the changes, without those whose time is up.
    lines: Vec<Saved>,
    /// The lock; `None` after an error.
    lock: Option<Flock<File>>,
    error: Option<io::Error>,
}

impl State {
    /// Locks the folder and reads the file. An error is returned by [`State::settle`], since the decisions do not depend
    /// on the file.
    pub(super) fn open(folder: &Path) -> Self {
        let mut state = Self {
            folder: folder.into(),
            lines: Vec::new(),
            lock: None,
            error: None,
        };
        match lock(folder) {
            Ok(lock) => state.lock = Some(lock),
            Err(error) => state.error = Some(error),
        }
        if let Err(error) = state.read() {
            state.error = Some(error);
        }
        state
    }

    fn read(&mut self) -> io::Result<()> {
        if self.lock.is_none() {
            return Ok(());
        }
        let bytes = match files::read(&self.folder.join(STATE_FILE), MAX_SIZE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            bytes => bytes?,
        };
        let now = Utc::now().0;
        let lines = bytes.split(|byte| *byte == b'\n');
        // The daemon has warned of lines that are no decisions.
        let lines = lines.filter_map(|line| Saved::parse(&String::from_utf8_lossy(line)).ok());
        self.lines
            .extend(lines.filter(|line| line.until.is_none_or(|until| until > now)));
        Ok(())
    }

    /// Writes the changes to the file as pending.
    pub(super) fn announce(&mut self, items: &[Item]) {
        let mut lines = self.lines.clone();
        for item in items {
            if item.value.is_some() {
                lines.push(Saved {
                    is_pending: true,
                    ..item.saved.clone()
                });
            }
        }
        let mut deleted: Vec<_> = items
            .iter()
            .filter(|item| item.value.is_none())
            .map(|item| item.saved.subject())
            .collect();
        deleted.sort_unstable();
        for line in &mut lines {
            line.is_pending |= deleted.binary_search(&line.subject()).is_ok();
        }
        self.write(&lines);
    }

    /// Writes the outcome of the changes to the file.
    ///
    /// # Errors
    /// The first error since the folder was opened.
    pub(super) fn settle(mut self, items: &[Item], fate: &dyn Fn(&Item) -> Fate) -> io::Result<()> {
        // The last line of a key wins; the number is the line's place.
        let mut lines: Vec<(Saved, bool)> = std::mem::take(&mut self.lines)
            .into_iter()
            .map(|line| (line, true))
            .collect();
        for item in items {
            match fate(item) {
                Fate::Refused => {}
                Fate::Unknown if item.value.is_none() => {}
                fate => {
                    let saved = Saved {
                        is_pending: fate == Fate::Unknown,
                        ..item.saved.clone()
                    };
                    lines.push((saved, fate != Fate::Deleted));
                }
            }
        }
        lines.sort_by(|(one, _), (other, _)| one.subject().cmp(&other.subject()));
        let mut kept: Vec<Saved> = Vec::with_capacity(lines.len());
        let mut lines = lines.into_iter().peekable();
        while let Some((line, is_kept)) = lines.next() {
            let next = lines.peek().filter(|(next, _)| next.is_about(&line));
            // A pending line replaces no line but another pending one.
            let is_replaced = next.is_some_and(|(next, _)| line.is_pending || !next.is_pending);
            if is_kept && !is_replaced {
                kept.push(line);
            }
        }
        self.write(&kept);
        self.error.map_or(Ok(()), Err)
    }

    /// Replaces the file, unless an earlier step failed.
    fn write(&mut self, lines: &[Saved]) {
        if self.error.is_none()
            && let Err(error) = write(&self.folder, lines)
        {
            self.error = Some(error);
        }
    }
}

/// Locks the folder, which is created if it is missing. Links are not followed.
fn lock(folder: &Path) -> io::Result<Flock<File>> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    files::check_folder(folder)?;
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(folder.join(LOCK))?;
    let until = Instant::now() + PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((_, errno)) if errno != Errno::EWOULDBLOCK || Instant::now() > until => {
                return Err(errno.into());
            }
            Err((same, _)) => file = same,
        }
        sleep(PAUSE);
    }
}

/// Writes the lines to a new file, which then replaces the file in one step.
fn write(folder: &Path, lines: &[Saved]) -> io::Result<()> {
    let new = folder.join(NEW);
    let mut out = BufWriter::new(files::create(&new)?);
    for line in lines {
        writeln!(out, "{line}")?;
    }
    out.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    fs::rename(new, folder.join(STATE_FILE))
}
