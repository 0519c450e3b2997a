//! A *sample*: a packet's verdict and first bytes, which the frame writes to a ring buffer while a client asks for samples.
//!
//! ```text
//!  0  u64 time        CLOCK_MONOTONIC, in nanoseconds
//!  8  u64 weight      packets that the sample represents: those of its CPU since the previous sample
//! 16  u32 stage       number of the stage whose verdict ended the packet
//! 20  u32 interface   index of the interface
//! 24  u32 length      bytes of the packet, as the program left it
//! 28  u16 verdict     XDP_ABORTED (0) to XDP_REDIRECT (4); 5 for greater numbers
//! 30  u16 captured    bytes of the packet that follow
//! 32  u8  head[192]
//! ```
//!
//! All numbers are in native byte order.

use std::time::Duration;

/// Bytes before the packet's first bytes.
pub(super) const HEADER: usize = 32;
/// Greatest number of a packet's bytes in a sample.
pub const HEAD: usize = 192;
/// Bytes of a sample in the ring buffer.
pub const SAMPLE_SIZE: usize = HEADER + HEAD;

/// A sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample<'a> {
    /// Time of the verdict, by `CLOCK_MONOTONIC`.
    pub time: Duration,
    /// Number of packets that the sample represents.
    pub weight: u64,
    /// Number of the stage, which the daemon assigned.
    pub stage: u32,
    /// Index of the interface.
    pub interface: u32,
    /// Bytes of the packet.
    pub length: u32,
    /// Number in `enum xdp_action`; a greater number counts as `XDP_ABORTED`.
    pub verdict: u16,
    /// First bytes of the packet.
    pub head: &'a [u8],
}

impl<'a> Sample<'a> {
    /// Reads a sample; `None` if `bytes` are no sample.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, head) = bytes.split_at_checked(HEADER)?;
        let u64_at = |at: usize| Some(u64::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        let u32_at = |at: usize| Some(u32::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        let u16_at = |at: usize| Some(u16::from_ne_bytes(*header.get(at..)?.first_chunk()?));
        Some(Self {
            time: Duration::from_nanos(u64_at(0)?),
            weight: u64_at(8)?,
            stage: u32_at(16)?,
            interface: u32_at(20)?,
            length: u32_at(24)?,
            verdict: u16_at(28)?,
            head: head.get(..usize::from(u16_at(30)?))?,
        })
    }
}

/// Names of the verdicts, by number in `enum xdp_action`.
const VERDICTS: [&str; 5] = ["aborted", "drop", "pass", "tx", "redirect"];

/// The name of a verdict. Greater numbers are `aborted`: the kernel treats them so.
pub fn verdict_name(verdict: u16) -> &'static str {
    let [aborted, ..] = VERDICTS;
    VERDICTS.get(usize::from(verdict)).unwrap_or(&aborted)
}

/// The bits of a verdict in a request for samples; `None` for an unknown name.
pub fn verdict_bits(name: &str) -> Option<u32> {
    let number = VERDICTS.iter().position(|known| *known == name)?;
    Some(match number {
        // Bit 5 is for all greater numbers.
        0 => 1 | 1 << VERDICTS.len(),
        number => 1 << number,
    })
}

/// The bits of all verdicts in a request for samples.
pub const ALL_VERDICTS: u32 = (1 << (VERDICTS.len() + 1)) - 1;
