//! Blocks of a pcapng file (draft-ietf-opsawg-pcapng), in native byte order.

use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::base::quantity::Quantity;
use crate::control::client::samples::Stage;
use crate::object::LinkHeader;
use crate::object::frame::sample::{HEAD, Sample};

/// Block types.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
/// Tells the byte order.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// Length of a section that ends with the file.
const UNKNOWN_LENGTH: u64 = u64::MAX;
/// `LINKTYPE_ETHERNET` and `LINKTYPE_RAW`.
const ETHERNET: u16 = 1;
const RAW: u16 = 101;

/// Options of any block, then those of section header, interface description, packet and interface statistics.
const OPT_ENDOFOPT: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const EPB_VERDICT: u16 = 7;
const ISB_IFRECV: u16 = 4;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;

/// Times are in nanoseconds: ten to the power of minus nine.
const NANOSECONDS: u8 = 9;
/// Kind of a verdict: the result of an XDP program.
const LINUX_EBPF_XDP: u8 = 2;
/// `XDP_REDIRECT`; the kernel treats greater numbers as `XDP_ABORTED` (0).
const MAX_VERDICT: u16 = 4;

/// An interface of the file.
struct Interface {
    name: String,
    link: LinkHeader,
    /// Packets in the file, and packets that they represent.
    captured: u64,
    represented: u64,
}

/// The blocks written so far.
#[derive(Default)]
pub(super) struct Pcapng {
    interfaces: Vec<Interface>,
}

impl Pcapng {
    /// Appends the section header.
    pub(super) fn begin(out: &mut Vec<u8>) {
        let mut block = Block::begin(out, SECTION_HEADER);
        block.u32(BYTE_ORDER_MAGIC);
        // Version 1.0.
        block.u16(1);
        block.u16(0);
        block.u64(UNKNOWN_LENGTH);
        let name = concat!("corexdp ", env!("CARGO_PKG_VERSION"));
        block.option(SHB_USERAPPL, name.as_bytes());
        block.end();
    }

    /// Appends a packet, and before it its interface, if the packet is the first of the interface. `time` is the time since
    /// 1970.
    pub(super) fn packet(
        &mut self,
        sample: &Sample<'_>,
        stage: &Stage,
        time: Duration,
        out: &mut Vec<u8>,
    ) {
        let id = self.interface(stage, out);
        if let Some(interface) = self.interfaces.get_mut(id) {
            interface.captured += 1;
            interface.represented = interface.represented.saturating_add(sample.weight);
        }
        let mut block = Block::begin(out, ENHANCED_PACKET);
        block.u32(number(id));
        block.time(time);
        block.u32(number(sample.head.len()));
        block.u32(sample.length);
        block.bytes(sample.head);
        block.text(OPT_COMMENT, &Comment { sample, stage });
        block.option(EPB_VERDICT, &verdict(sample));
        block.end();
    }

    /// Number of the interface, which is described first if it is new.
    fn interface(&mut self, stage: &Stage, out: &mut Vec<u8>) -> usize {
        let mut known = self.interfaces.iter();
        let is_known =
            |known: &Interface| known.name == stage.interface && known.link == stage.link;
        if let Some(id) = known.position(is_known) {
            return id;
        }
        let mut block = Block::begin(out, INTERFACE_DESCRIPTION);
        block.u16(match stage.link {
            LinkHeader::Ethernet => ETHERNET,
            LinkHeader::Ip => RAW,
        });
        block.u16(0);
        block.u32(number(HEAD));
        block.option(IF_NAME, stage.interface.as_bytes());
        block.option(IF_TSRESOL, &[NANOSECONDS]);
        block.end();
        self.interfaces.push(Interface {
            name: stage.interface.clone(),
            link: stage.link,
            captured: 0,
            represented: 0,
        });
        self.interfaces.len() - 1
    }

    /// Appends the statistics of each interface at `time`. The number of lost samples is that of all interfaces together.
    pub(super) fn end(&self, lost: u64, time: Duration, out: &mut Vec<u8>) {
        for (id, interface) in self.interfaces.iter().enumerate() {
            let mut block = Block::begin(out, INTERFACE_STATISTICS);
            block.u32(number(id));
            block.time(time);
            for (code, count) in [
                (ISB_IFRECV, interface.represented),
                (ISB_OSDROP, lost),
                (ISB_USRDELIV, interface.captured),
            ] {
                block.option(code, &count.to_ne_bytes());
            }
            block.end();
        }
    }
}

/// The verdict as the value of an option: kind, then the number in `enum xdp_action`.
fn verdict(sample: &Sample<'_>) -> heapless::Vec<u8, 9> {
    let number = if sample.verdict > MAX_VERDICT {
        0
    } else {
        sample.verdict
    };
    let mut value = heapless::Vec::new();
    // Cannot fail: the list has room for both.
    let _ = value.push(LINUX_EBPF_XDP);
    let _ = value.extend_from_slice(&u64::from(number).to_ne_bytes());
    value
}

/// Comment of a packet.
struct Comment<'a> {
    sample: &'a Sample<'a>,
    stage: &'a Stage,
}

impl fmt::Display for Comment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stage {
            interface, program, ..
        } = self.stage;
        write!(
            f,
            "{interface}/{program}, 1 of {}",
            Quantity(self.sample.weight, "packet")
        )
    }
}

/// A block being written. Its fields and options are multiples of four bytes.
struct Block<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
}

impl<'a> Block<'a> {
    fn begin(out: &'a mut Vec<u8>, kind: u32) -> Self {
        let begin = out.len();
        let mut block = Self { out, begin };
        block.u32(kind);
        // The total length, which `end` sets.
        block.u32(0);
        block
    }

    fn u16(&mut self, number: u16) {
        self.out.extend(number.to_ne_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.out.extend(number.to_ne_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.out.extend(number.to_ne_bytes());
    }

    /// Writes a time in nanoseconds, its high half first.
    fn time(&mut self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.u32((nanoseconds >> 32) as u32);
        self.u32((nanoseconds & 0xffff_ffff) as u32);
    }

    /// Writes bytes and their padding.
    fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.pad();
    }

    fn pad(&mut self) {
        let length = (self.out.len() - self.begin).next_multiple_of(4);
        self.out.resize(self.begin + length, 0);
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        // Names and comments are far shorter.
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.u16(code);
        self.u16(length);
        self.bytes(value.get(..length.into()).unwrap_or(value));
    }

    fn text(&mut self, code: u16, value: &dyn fmt::Display) {
        let mut text = String::new();
        // Writing to memory cannot fail.
        let _ = write!(text, "{value}");
        self.option(code, text.as_bytes());
    }

    /// Writes the end of the options, and both lengths.
    fn end(mut self) {
        self.option(OPT_ENDOFOPT, &[]);
        let length = number(self.out.len() - self.begin + 4);
        self.u32(length);
        let place = self.begin + 4..self.begin + 8;
        if let Some(place) = self.out.get_mut(place) {
            place.copy_from_slice(&length.to_ne_bytes());
        }
    }
}

/// A number of the file. Counts and lengths are far below the maximum.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
