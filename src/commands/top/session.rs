//! A run of the command: samples, their sums, and the screen.

use std::io::{self, Write as _};
use std::mem;
use std::time::{Duration, Instant};

use super::input::{Event, Keyboard, Signals};
use super::report::Report;
use super::screen::{Pressed, Screen};
use super::table::By;
use super::tally::Tally;
use super::{Error, Options};
use crate::base::files;
use crate::control::SampleRequest;
use crate::control::client::samples::Samples;
use crate::object::frame::sample::ALL_VERDICTS;
use crate::packet::Packet;

/// Samples a second of each stage. Half of the packets have an error of about 1 point on a screen of 10 s.
const RATE: u32 = 3000;
/// Time between two screens.
const PERIOD: Duration = Duration::from_secs(1);

/// The samples and their sums.
#[derive(Debug)]
pub(super) struct Session {
    samples: Samples,
    signals: Signals,
    tally: Tally,
    /// Time up to which `tally` has the time of the samples.
    counted: Instant,
    /// End of the command; `None` for a screen that shows the last seconds.
    until: Option<Instant>,
    interfaces: Vec<String>,
    lost: u64,
    /// Description of the report's time.
    span: String,
}

impl Session {
    /// Asks the daemon for samples. With a time, the sums are those of all samples, else those of the last 10 s.
    pub(super) fn open(options: &Options, time: Option<Duration>) -> Result<Self, Error> {
        let signals = Signals::catch().map_err(Error::Wait)?;
        let request = SampleRequest {
            interface: options.interface.clone(),
            verdicts: ALL_VERDICTS,
            one_in: 1,
            rate: RATE,
        };
        let samples = Samples::open(&options.control, request).map_err(Error::Samples)?;
        let begin = Instant::now();
        Ok(Self {
            samples,
            signals,
            tally: Tally::new(),
            counted: begin,
            until: time.and_then(|time| begin.checked_add(time)),
            interfaces: Vec::new(),
            lost: 0,
            span: String::new(),
        })
    }

    /// Counts samples until the end of the time or a signal.
    pub(super) fn collect(&mut self) -> Result<(), Error> {
        while self.until.is_none_or(|until| Instant::now() < until) {
            let deadline = self.until.unwrap_or_else(|| Instant::now() + PERIOD);
            self.samples
                .wait(deadline, Some(self.signals.as_fd()))
                .map_err(Error::Wait)?;
            self.read(false)?;
            if self.signals.take(None) == Some(Event::End) {
                break;
            }
        }
        self.read(false)
    }

    /// Shows the screen until the end of the time, a signal or the key `q`.
    pub(super) fn show(&mut self, by: Option<By>, count: Option<usize>) -> Result<(), Error> {
        let mut keyboard = Keyboard::open();
        let mut screen = Screen::new(by, count);
        let shown = self.draw_until_end(&mut keyboard, &mut screen);
        // The last screen stays, and the prompt of the shell is below.
        let ended = files::stdout().and_then(|mut out| {
            out.write_all(b"\n")?;
            out.flush()
        });
        shown
            .and(ended.map_err(Error::Output))
            .or_else(|error| match error {
                Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                error => Err(error),
            })
    }

    fn draw_until_end(
        &mut self,
        keyboard: &mut Option<Keyboard>,
        screen: &mut Screen,
    ) -> Result<(), Error> {
        let mut next = Instant::now();
        loop {
            let now = Instant::now();
            let has_ended = self.until.is_some_and(|until| until <= now);
            if has_ended {
                self.read(screen.is_paused)?;
            }
            if has_ended || (next <= now && !screen.is_paused) {
                self.draw(screen)?;
                if self.until.is_none() {
                    self.tally.decay();
                }
            }
            if has_ended {
                return Ok(());
            }
            while next <= now {
                next += PERIOD;
            }
            let deadline = self.until.map_or(next, |until| until.min(next));
            let input = keyboard.as_ref().map(Keyboard::as_fd);
            let is_ready = self.samples.wait(deadline, input).map_err(Error::Wait)?;
            self.read(screen.is_paused)?;
            while let Some(event) = self.signals.take(keyboard.as_ref()) {
                match event {
                    Event::End => return Ok(()),
                    Event::Draw => self.draw(screen)?,
                }
            }
            if is_ready && self.press(keyboard, screen)? == Pressed::Quit {
                return Ok(());
            }
        }
    }

    /// Reads the pressed keys.
    fn press(
        &mut self,
        keyboard: &mut Option<Keyboard>,
        screen: &mut Screen,
    ) -> Result<Pressed, Error> {
        let mut keys = [0; 16];
        let Some(keys) = keyboard
            .as_ref()
            .and_then(|keyboard| keyboard.read(&mut keys))
        else {
            // An input at its end stays readable.
            *keyboard = None;
            return Ok(Pressed::Nothing);
        };
        for key in keys {
            match screen.press(*key) {
                Pressed::Quit => return Ok(Pressed::Quit),
                Pressed::Draw => self.draw(screen)?,
                Pressed::Nothing => {}
            }
        }
        Ok(Pressed::Nothing)
    }

    /// Counts the samples that have arrived, or ignores them while the screen is paused.
    fn read(&mut self, is_paused: bool) -> Result<(), Error> {
        let now = Instant::now();
        let time = now - mem::replace(&mut self.counted, now);
        let tally = &mut self.tally;
        if !is_paused {
            tally.add_time(time);
        }
        let read = self.samples.read(&mut |stage, sample| {
            if !is_paused {
                tally.add(sample, &Packet::parse(sample.head, stage.link));
            }
        });
        read.map_err(Error::Samples)
    }

    fn draw(&mut self, screen: &Screen) -> Result<(), Error> {
        let report = self.report(screen.is_paused);
        screen.draw(&report).map_err(Error::Output)
    }

    /// The report of the samples so far.
    pub(super) fn report(&mut self, is_paused: bool) -> Report<'_> {
        // An error is that of the next read.
        self.lost = self.samples.lost().unwrap_or(self.lost);
        self.interfaces.clear();
        for stage in self.samples.stages() {
            if self.interfaces.last() != Some(&stage.interface) {
                self.interfaces.push(stage.interface.clone());
            }
        }
        self.span = match self.until {
            _ if is_paused => "paused".into(),
            None => "last 10 s".into(),
            Some(_) => format!("{} s", self.tally.total.time / 1_000_000_000),
        };
        Report {
            tally: &self.tally,
            interfaces: &self.interfaces,
            lost: self.lost,
            span: &self.span,
        }
    }
}
