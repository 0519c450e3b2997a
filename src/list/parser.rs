//! The parser of a list: splits the file into lines and passes each line to its format.

use super::ipset::Netmasks;
use super::sink::Sink;
use super::zone::Zone;
use super::{
    Format, Reason, Report, Visit, adblock, cidr, detect, domains, drop_json, hosts, ipset, rpz,
};

/// Maximum length of a line in bytes. Longer lines are skipped.
pub const MAX_LINE: usize = 4096;
/// Mark at the beginning of a file in UTF-8; joined files have one on later lines too.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Number of bytes from which a line is too long, whatever is taken off its ends.
const TOO_LONG: usize = MAX_LINE + BYTE_ORDER_MARK.len() + 2;
/// Tags with which a web page begins.
const PAGES: [&[u8]; 5] = [b"!doctype", b"html", b"head", b"body", b"?xml"];
/// Characters that begin a comment in some format.
const COMMENT: [char; 3] = ['#', ';', '!'];

/// Reads a list in pieces.
#[derive(Debug)]
pub struct Parser {
    format: Option<Format>,
    /// The beginning of a line whose end has not been read.
    line: Vec<u8>,
    /// Number of complete lines.
    lines: u64,
    zone: Zone,
    netmasks: Netmasks,
    /// True after the start of a web page.
    is_page: bool,
    report: Report,
}

impl Parser {
    /// A parser for a list of this format; without one, lines decide.
    pub fn new(format: Option<Format>) -> Self {
        Self {
            format,
            line: Vec::new(),
            lines: 0,
            zone: Zone::default(),
            netmasks: Netmasks::new(),
            is_page: false,
            report: Report::default(),
        }
    }

    /// Reads the next bytes of the file, and passes the items of all complete lines to `visit`.
    pub fn feed(&mut self, bytes: &[u8], visit: &mut Visit<'_>) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (start, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.read_line(start, visit);
            } else {
                self.keep(start);
                let line = std::mem::take(&mut self.line);
                self.read_line(&line, visit);
                self.line = line;
                self.line.clear();
            }
        }
        self.keep(rest);
    }

    /// Number of complete lines.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// Reads a last line without an end, and returns the report.
    pub fn finish(mut self, visit: &mut Visit<'_>) -> Report {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.read_line(&line, visit);
        }
        self.report.format = self.format;
        self.report
    }

    /// Keeps a part of a line, up to the bytes that make it too long.
    fn keep(&mut self, part: &[u8]) {
        let room = TOO_LONG.saturating_sub(self.line.len());
        self.line
            .extend_from_slice(part.get(..room).unwrap_or(part));
    }

    fn read_line(&mut self, line: &[u8], visit: &mut Visit<'_>) {
        if self.is_page {
            return;
        }
        self.lines += 1;
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.is_page = is_page(line, self.report.kept > 0);
        if self.is_page {
            self.report.skipped.add(self.lines, Reason::Page, line);
            return;
        }
        let mut sink = Sink {
            visit,
            rank: 0,
            kept: 0,
            masked: 0,
            refused: None,
        };
        let known = self.format;
        let read = text(line).and_then(|text| {
            let state = (&mut self.zone, &mut self.netmasks);
            parse(&mut self.format, state, text, &mut sink)
        });
        self.report.kept += sink.kept;
        self.report.masked += sink.masked;
        if let Some(reason) = read.err().or(sink.refused) {
            // A heading such as a domain does not tell the format of a list of addresses, nor an address that of names.
            let is_domains = self.format == Some(Format::Domains);
            if matches!(reason, Reason::NoName | Reason::NoAddress)
                || is_domains && reason == Reason::NotName
            {
                self.format = known;
            }
            self.report.skipped.add(self.lines, reason, line);
        }
    }
}

/// True for the first line of a web page. In a list that `has_items`, another line may begin with `<` by mistake.
fn is_page(line: &[u8], has_items: bool) -> bool {
    let start = line.get(..MAX_LINE).unwrap_or(line).trim_ascii_start();
    let Some(tag) = start.strip_prefix(b"<") else {
        return false;
    };
    let begins_with = |name: &&[u8]| {
        let start = tag.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    !has_items || PAGES.iter().any(begins_with)
}

/// The text of a line.
fn text(line: &[u8]) -> Result<&str, Reason> {
    if line.len() > MAX_LINE {
        return Err(Reason::TooLong);
    }
    // A line of text has no NUL; the other byte begins a file of gzip (RFC 1952).
    if line.contains(&0) || line.first() == Some(&0x1f) {
        return Err(Reason::Nul);
    }
    std::str::from_utf8(line).or_else(|error| {
        // A comment may have any bytes.
        let valid = line.get(..error.valid_up_to()).unwrap_or_default();
        let valid = std::str::from_utf8(valid).unwrap_or_default();
        let has_comment = valid.contains(COMMENT);
        has_comment.then_some(valid).ok_or(Reason::NotUtf8)
    })
}

fn parse(
    format: &mut Option<Format>,
    (zone, netmasks): (&mut Zone, &mut Netmasks),
    text: &str,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Reason> {
    if format.is_none() {
        *format = detect::format(text);
    }
    match format {
        None if detect::is_comment(text.trim()) => Ok(()),
        None => Err(Reason::Unknown),
        Some(Format::Cidr) => cidr::line(text, sink),
        Some(Format::Ipset) => ipset::line(text, netmasks, sink),
        Some(Format::DropJson) => drop_json::line(text, sink),
        Some(Format::Hosts) => hosts::line(text, sink),
        Some(Format::Domains) => domains::line(text, sink),
        Some(Format::Adblock) => adblock::line(text, sink),
        Some(Format::Rpz) => rpz::line(text, zone, sink),
    }
}
