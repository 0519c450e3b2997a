//! Keys of the terminal, and signals.

use std::io::{IsTerminal as _, Stdin, stdin};
use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{Signal, raise};
use nix::sys::signalfd::SignalFd;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::read;

use crate::kernel::signals;

/// Signals that the command handles.
const SIGNALS: [Signal; 7] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGTSTP,
    Signal::SIGCONT,
    Signal::SIGWINCH,
];

/// Standard input in a mode that passes each key at once and without echo. Dropping the keyboard restores the mode.
#[derive(Debug)]
pub(super) struct Keyboard {
    stdin: Stdin,
    before: Termios,
}

impl Keyboard {
    /// Changes the mode of standard input; `None` if it is not a terminal.
    pub(super) fn open() -> Option<Self> {
        let stdin = stdin();
        if !stdin.is_terminal() {
            return None;
        }
        let keyboard = Self {
            before: tcgetattr(&stdin).ok()?,
            stdin,
        };
        keyboard.begin();
        Some(keyboard)
    }

    /// Changes the mode. Ctrl-C and Ctrl-Z still send signals.
    fn begin(&self) {
        let mut mode = self.before.clone();
        mode.local_flags
            .remove(LocalFlags::ICANON | LocalFlags::ECHO);
        // A failure leaves the keys without effect until the end of the line.
        let _ = tcsetattr(&self.stdin, SetArg::TCSADRAIN, &mode);
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.stdin.as_fd()
    }

    fn end(&self) {
        let _ = tcsetattr(&self.stdin, SetArg::TCSADRAIN, &self.before);
    }

    /// Reads the keys pressed so far into `keys`; `None` at the end of the input.
    pub(super) fn read<'k>(&self, keys: &'k mut [u8; 16]) -> Option<&'k [u8]> {
        let length = read(&self.stdin, keys).unwrap_or(0);
        keys.get(..length).filter(|keys| !keys.is_empty())
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.end();
    }
}

/// Effect of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    End,
    /// The screen must be drawn again.
    Draw,
}

/// The signals that the command handles. They are blocked, so that a signal stays pending until it is taken.
#[derive(Debug)]
pub(super) struct Signals(SignalFd);

impl Signals {
    /// Blocks the signals, and opens their descriptor.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub(super) fn catch() -> Result<Self, Errno> {
        signals::catch(&SIGNALS).map(Self)
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Takes a pending signal. Ctrl-Z stops the process here, with the terminal's former mode until it continues.
    pub(super) fn take(&self, keyboard: Option<&Keyboard>) -> Option<Event> {
        match signals::take(&self.0)? {
            Signal::SIGTSTP => {
                keyboard.inspect(|keyboard| keyboard.end());
                // SIGTSTP is blocked.
                let _ = raise(Signal::SIGSTOP);
            }
            Signal::SIGCONT => {
                // The shell may have changed the mode.
                keyboard.inspect(|keyboard| keyboard.begin());
            }
            Signal::SIGWINCH => {}
            _ => return Some(Event::End),
        }
        Some(Event::Draw)
    }
}
