//! A terminal of 24 rows and 80 columns with a program, and the screen as a serial console would show it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;

use support::wait::{wait_for, wait_until};

pub(super) const ROWS: usize = 24;
pub(super) const COLUMNS: usize = 80;

/// A program on a terminal. Dropping it kills the program.
pub(super) struct Terminal {
    child: Child,
    /// The end of the person at the terminal.
    person: File,
    /// The end of the program, open also after its end.
    device: OwnedFd,
    screen: Arc<Mutex<Screen>>,
}

/// The characters that a VT100 shows. Only the control sequences that a serial console needs are known.
struct Screen {
    rows: Vec<Vec<char>>,
    row: usize,
    /// Characters of a control sequence so far; empty outside of one.
    sequence: String,
    column: usize,
}

impl Screen {
    fn new() -> Self {
        Self {
            rows: vec![vec![' '; COLUMNS]; ROWS],
            row: 0,
            sequence: String::new(),
            column: 0,
        }
    }

    /// Shows a character. Fails for an unknown control sequence, and for a line that is too long.
    fn show(&mut self, letter: char) -> Result<(), String> {
        if !self.sequence.is_empty() || letter == '\x1b' {
            return self.control(letter);
        }
        match letter {
            '\r' => self.column = 0,
            '\n' if self.row + 1 == ROWS => {
                self.rows.remove(0);
                self.rows.push(vec![' '; COLUMNS]);
            }
            '\n' => self.row += 1,
            ' '..='~' => {
                let cell = self.rows[self.row].get_mut(self.column);
                *cell.ok_or_else(|| format!("row {} is too long", self.row))? = letter;
                self.column += 1;
            }
            _ => return Err(format!("character {letter:?}")),
        }
        Ok(())
    }

    fn control(&mut self, letter: char) -> Result<(), String> {
        self.sequence.push(letter);
        match self.sequence.as_str() {
            "\x1b" | "\x1b[" => return Ok(()),
            "\x1b[H" => (self.row, self.column) = (0, 0),
            "\x1b[K" => self.rows[self.row][self.column..].fill(' '),
            "\x1b[J" => {
                self.rows[self.row][self.column..].fill(' ');
                self.rows[self.row + 1..].fill(vec![' '; COLUMNS]);
            }
            other => return Err(format!("control sequence {other:?}")),
        }
        self.sequence.clear();
        Ok(())
    }

    fn text(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let row: String = row.iter().collect();
            row.trim_end().to_owned() + "\n"
        });
        rows.collect()
    }
}

impl Terminal {
    /// Starts the command with a new session and this terminal, in the network namespace of the calling thread.
    pub(super) fn start(command: &Command) -> Self {
        let size = Winsize {
            ws_row: u16::try_from(ROWS).unwrap(),
            ws_col: u16::try_from(COLUMNS).unwrap(),
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let ends = openpty(Some(&size), None).unwrap();
        let stream = || ends.slave.try_clone().unwrap();
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program());
        session.args(command.get_args());
        if let Some(folder) = command.get_current_dir() {
            session.current_dir(folder);
        }
        session.stdin(stream()).stdout(stream());
        session.stderr(Stdio::piped());
        let child = session.spawn().unwrap();
        let person = File::from(ends.master);
        let screen = Arc::new(Mutex::new(Screen::new()));
        let (mut output, shown) = (person.try_clone().unwrap(), Arc::clone(&screen));
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The read fails after the last end of the program is closed.
            while let Ok(length) = output.read(&mut bytes) {
                let mut screen = shown.lock().unwrap();
                for byte in &bytes[..length] {
                    if let Err(wrong) = screen.show(char::from(*byte)) {
                        panic!("{wrong} on this screen:\n{}", screen.text());
                    }
                }
            }
        });
        Self {
            child,
            person,
            device: ends.slave,
            screen,
        }
    }

    /// The screen, each row without spaces at its end.
    pub(super) fn screen(&self) -> String {
        let screen = self.screen.lock();
        screen.expect("the screen shows all characters").text()
    }

    /// Waits until the screen contains a text, and returns the screen.
    pub(super) fn shows(&self, text: &str) -> String {
        wait_until(&format!("the screen shows {text:?}"), || {
            let screen = self.screen();
            if screen.contains(text) {
                Ok(screen)
            } else {
                Err(screen)
            }
        })
    }

    /// Types keys.
    pub(super) fn types(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).unwrap();
    }

    /// All that the program has written to standard error; the program must have ended.
    pub(super) fn errors(&mut self) -> String {
        let mut text = String::new();
        let pipe = self.child.stderr.as_mut().unwrap();
        pipe.read_to_string(&mut text).unwrap();
        text
    }

    pub(super) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits until the terminal passes each key at once and without echo, or no longer does so.
    pub(super) fn passes_each_key(&self, expected: bool) {
        wait_for("whether the terminal passes each key", &expected, || {
            let mode = tcgetattr(self.device.as_fd()).unwrap().local_flags;
            let line = mode & (LocalFlags::ICANON | LocalFlags::ECHO);
            line.is_empty()
        });
    }

    /// Waits for the end of the program, and returns its exit code. The terminal must be as before.
    pub(super) fn ended(&mut self) -> Option<i32> {
        let status = wait_until("the program ends", || self.child.try_wait().unwrap());
        self.passes_each_key(false);
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Killing a process that was waited for has no effect.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
