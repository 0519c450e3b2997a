//! Running a process to its end.

use std::io::{Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use crate::wait::PATIENCE;

/// The exit code and the output of a process.
#[derive(Debug)]
pub struct Outcome {
    /// `None` if a signal ended the process.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    /// The lines on standard error.
    pub fn lines(&self) -> Vec<&str> {
        self.stderr.lines().collect()
    }

    /// Fails unless the process exited with `code` and wrote exactly `lines` to standard error.
    pub fn expect(&self, code: i32, lines: &[&str]) {
        assert_eq!(self.lines(), lines);
        assert_eq!(self.code, Some(code), "{}", self.stderr);
    }

    /// Fails unless the process exited with `code` and wrote one line that contains all of `parts`.
    pub fn refuses(&self, code: i32, parts: &[&str]) {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        for part in parts {
            assert!(self.stderr.contains(part), "{part} in {lines:?}");
        }
        assert_eq!(self.code, Some(code), "{lines:?}");
    }
}

/// Runs a command that must end by itself.
pub fn finish(command: &mut Command) -> Outcome {
    finish_with(command, "")
}

/// Runs a command that must end by itself, with this standard input.
pub fn finish_with(command: &mut Command, input: &str) -> Outcome {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_owned());
    // A process that does not read its standard input closes it.
    let writer = thread::spawn(move || stdin.write_all(input.as_bytes()).is_ok());
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let status = end(&mut child);
    writer.join().unwrap();
    let outcome = Outcome {
        code: status.and_then(|status| status.code()),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    };
    assert!(status.is_some(), "{command:?} did not end: {outcome:#?}");
    outcome
}

/// Waits for the end of a process. A process that outlives [`PATIENCE`] is killed, and the result is `None`.
pub fn end(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}
