//! The client's end of a session of samples.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::{Answered, Connection, Error};
use crate::base::exit;
use crate::base::wait::wait;
use crate::control::{Answer, LOST, PACKET, Payload, Request, SampleRequest};
use crate::kernel::ring_buffer::RingBuffer;
use crate::object::LinkHeader;
use crate::object::frame::sample::Sample;

/// Longest wait for samples: the frames wake the reader only when the ring buffer is a quarter full.
const PERIOD: Duration = Duration::from_millis(100);

/// A stage whose packets are sampled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Number in the samples.
    pub number: u32,
    /// Index of the interface; 0 while the interface is missing.
    pub index: u32,
    /// First header of the packets.
    pub link: LinkHeader,
    /// Name of the interface.
    pub interface: String,
    /// Name of the program, as in the metrics.
    pub program: String,
}

/// A session of samples. Dropping the session switches sampling off.
#[derive(Debug)]
pub struct Samples {
    request: SampleRequest,
    session: Session,
    /// Lost samples of earlier sessions.
    lost: u64,
}

/// One connection, and what the daemon answered. A reload ends the connection.
#[derive(Debug)]
struct Session {
    connection: Connection,
    ring: RingBuffer,
    stages: Vec<Stage>,
    /// Lost samples when the daemon was last asked.
    lost: u64,
}

impl Samples {
    /// Asks the daemon at `path` for samples.
    ///
    /// # Errors
    /// The errors of [`ask`](super::ask); [`Error::Refused`] after the daemon's message, for example while another client
    /// samples.
    pub fn open(path: &Path, request: SampleRequest) -> Result<Self, Error> {
        Ok(Self {
            session: Session::open(path, &request)?,
            request,
            lost: 0,
        })
    }

    /// The stages, in the order of their numbers. A reload may change them: see [`Samples::read`].
    pub fn stages(&self) -> &[Stage] {
        &self.session.stages
    }

    /// Sleeps until samples or the end of the session arrive, `other` is readable, or `until`; at most 100 ms. Returns
    /// whether `other` is readable.
    ///
    /// # Errors
    /// Errors of `poll(2)`.
    pub fn wait(&self, until: Instant, other: Option<BorrowedFd<'_>>) -> Result<bool, Errno> {
        let session = &self.session;
        let until = until.min(Instant::now() + PERIOD);
        let (ring, daemon) = (session.ring.as_fd(), session.connection.socket.as_fd());
        let [_, _, is_ready] = wait([Some(ring), Some(daemon), other], Some(until))?;
        Ok(is_ready)
    }

    /// Passes the samples that have arrived to `visit`, each with its stage; does not wait for more. If the daemon has ended
    /// the session, for a reload, asks for another, and thereafter [`Samples::stages`] are those of the new session.
    ///
    /// # Errors
    /// The errors of [`Samples::open`], for example when the daemon has stopped.
    pub fn read(&mut self, visit: &mut dyn FnMut(&Stage, &Sample<'_>)) -> Result<(), Error> {
        // Asked first, so that the last samples of an ended session are read.
        let has_ended = self.session.has_ended()?;
        self.session.read(visit)?;
        if has_ended {
            self.session.read_last_lost();
            self.lost += self.session.lost;
            self.session = self.reopen()?;
        }
        Ok(())
    }

    /// Asks for another session. A daemon that stops may reset the connection; no daemon listens then.
    fn reopen(&self) -> Result<Session, Error> {
        let path = &self.session.connection.path;
        match Session::open(path, &self.request) {
            Err(Error::Broken(..)) => Session::open(path, &self.request),
            opened => opened,
        }
    }

    /// Number of samples that were lost because the ring buffer was full.
    ///
    /// # Errors
    /// The errors of [`ask`](super::ask). If the daemon was killed, the number is that of the last call.
    pub fn lost(&mut self) -> Result<u64, Error> {
        if self.session.has_ended()? {
            self.session.read_last_lost();
        } else {
            match self.session.ask_for_lost() {
                // The daemon ended the session meanwhile.
                Ok(()) | Err(Error::Broken(..)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.lost + self.session.lost)
    }
}

impl Session {
    fn open(path: &Path, request: &SampleRequest) -> Result<Self, Error> {
        let mut connection = Connection::open(path, &Request::Sample(request.clone()))?;
        let (mut stages, mut ring) = (Vec::new(), None);
        let code = connection.answers(&mut |answer| {
            match answer {
                Answered::Stage(text) => stages.push(Stage::parse(text).ok_or(Errno::EBADMSG)?),
                Answered::Payload(Payload::Ring(size), fd) => {
                    ring = Some(RingBuffer::open(fd, u32::from_ne_bytes(size) as usize)?);
                }
                Answered::Payload(..) | Answered::Decided(_) | Answered::Trial(_) => {
                    return Err(Errno::EBADMSG);
                }
            }
            Ok(())
        })?;
        match (code, ring) {
            (exit::DONE, Some(ring)) => Ok(Self {
                connection,
                ring,
                stages,
                lost: 0,
            }),
            (exit::DONE, None) => Err(Error::UnknownAnswer),
            (code, _) => Err(Error::Refused(code)),
        }
    }

    /// True if the daemon has ended the session. Before, the daemon sends nothing but answers.
    fn has_ended(&self) -> Result<bool, Error> {
        let socket = self.connection.socket.as_fd();
        let [is_ready] = wait([Some(socket)], Some(Instant::now()))
            .map_err(|errno| self.connection.failed(errno))?;
        Ok(is_ready)
    }

    fn read(&mut self, visit: &mut dyn FnMut(&Stage, &Sample<'_>)) -> Result<(), Error> {
        let stages = &self.stages;
        let read = self.ring.read(&mut |record| {
            let sample = Sample::parse(record);
            let stage = sample.and_then(|sample| {
                let mut stages = stages.iter();
                stages.find(|stage| stage.number == sample.stage)
            });
            if let Some((stage, sample)) = stage.zip(sample) {
                visit(stage, &sample);
            }
        });
        read.map_err(|errno| self.connection.failed(errno))
    }

    fn ask_for_lost(&mut self) -> Result<(), Error> {
        self.connection.send(LOST)?;
        self.receive_lost()
    }

    /// Reads the number that the daemon sent when it ended the session. A daemon that was killed sent none.
    fn read_last_lost(&mut self) {
        let _ = self.receive_lost();
    }

    fn receive_lost(&mut self) -> Result<(), Error> {
        let mut buffer = [0; PACKET];
        let (length, _) = self.connection.receive(&mut buffer)?;
        match Answer::parse(buffer.get(..length).unwrap_or_default()) {
            Some(Answer::Lost(lost)) => self.lost = u64::from_ne_bytes(lost),
            _ => return Err(Error::UnknownAnswer),
        }
        Ok(())
    }
}

impl Stage {
    /// Parses `NUMBER INDEX LINK INTERFACE PROGRAM`.
    fn parse(text: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(text).ok()?.splitn(5, ' ');
        Some(Self {
            number: words.next()?.parse().ok()?,
            index: words.next()?.parse().ok()?,
            link: LinkHeader::of(words.next()?.parse().ok()?)?,
            interface: words.next()?.into(),
            program: words.next()?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_is_parsed() {
        let stage = Stage::parse(b"3 2 1 eth0 my filter");
        let expected = Stage {
            number: 3,
            index: 2,
            link: LinkHeader::Ip,
            interface: "eth0".into(),
            program: "my filter".into(),
        };
        assert_eq!(stage, Some(expected));
        for wrong in [
            &b""[..],
            b"3 2 0 eth0",
            b"x 2 0 eth0 acl",
            b"3 2 9 eth0 acl",
            b"3 2 0 \xff acl",
        ] {
            assert_eq!(Stage::parse(wrong), None);
        }
    }
}
