//! Table of the options of the `ebpf` block, used by the parser, the messages and the test of the manual.
//!
//! A new option needs a row of [`OPTIONS`] and a reader. If it sets a value, `Parts` in `reader.rs` and
//! [`Filter`](super::Filter) get a field.

use super::reader::Read::{Each, Once};
use super::reader::{EbpfOption, Reader};
use super::{Exit, Link, MAX_INTERFACE, Mode, duration, folder_of, lines, list_line, metric};
use crate::base::escape::Quoted;
use crate::corefile::Token;

/// Every option, in the order in which messages name them.
#[rustfmt::skip]
pub static OPTIONS: &[EbpfOption] = &[
    EbpfOption::new("elf", "PROGRAM", "the object file to attach", Once(elf)).required(),
    EbpfOption::new("prog", "FUNCTION", "the entry function, unless it is xdp_prog", Once(program)),
    EbpfOption::new("if", "INTERFACE", "the interface to attach to", Once(interface)).required(),
    EbpfOption::new("map", "[@MAP] [KEY] VALUE", "a map entry in hexadecimal", Each(lines::map)),
    EbpfOption::new("entry", "[@MAP] KEY FIELD=VALUE…", "a map entry in words", Each(lines::entry)),
    EbpfOption::new("list", "[@MAP] FILE [as FORMAT] [FIELD=VALUE…] [at-least N]", "map entries from a published file", Each(list_line::list)),
    EbpfOption::new("metric", "NAME [@MAP] KEY POS LEN \"HELP\"", "a gauge at a byte offset", Each(metric::metric)),
    EbpfOption::new("gauge", "NAME [@MAP] KEY FIELD \"HELP\"", "a gauge by the member's name", Each(metric::gauge)),
    EbpfOption::new("counter", "NAME [@MAP] KEY FIELD \"HELP\"", "a counter by the member's name", Each(metric::counter)),
    EbpfOption::new("mode", "auto|native|generic|offload", "where the program runs", Once(mode)),
    EbpfOption::new("link", "ip|any", "the header with which the program expects packets to begin", Once(link)),
    EbpfOption::new("wait", "DURATION", "the time to wait for the interface at start", Once(wait)),
    EbpfOption::new("exit", "detach|hold", "whether the filter outlives the daemon", Once(exit)),
];

fn elf(reader: &mut Reader<'_, '_>, _: Token, path: Token) {
    let folder = folder_of(path, reader.faults.corefile, reader.folder);
    reader.parts.elf = Some((folder.join(reader.text(path)), path));
}

fn program(reader: &mut Reader<'_, '_>, name: Token, function: Token) {
    reader.parts.program = Some((reader.text(function).to_owned(), name));
}

fn interface(reader: &mut Reader<'_, '_>, _: Token, word: Token) {
    let text = reader.text(word);
    let Ok(interface) = heapless::String::try_from(text) else {
        let message = format!(
            "{} is not an interface name; a name has 1 to {MAX_INTERFACE} bytes",
            Quoted(text)
        );
        reader.faults.add(word, "if", message);
        return;
    };
    if !is_interface_name(text) {
        let message = format!(
            "{} is not an interface name; a name is not `.` or `..` and has no white space, control character, `/` or `:`",
            Quoted(text)
        );
        reader.faults.add(word, "if", message);
        return;
    }
    reader.parts.interface = Some((interface, word));
}

fn mode(reader: &mut Reader<'_, '_>, name: Token, word: Token) {
    let text = reader.text(word);
    let mode = Mode::ALL.into_iter().find(|mode| mode.name() == text);
    if mode.is_none() {
        let message = format!(
            "unknown mode {}; use auto, native, generic or offload",
            Quoted(text)
        );
        reader.faults.add(word, "mode", message);
    }
    reader.parts.mode = Some((mode.unwrap_or_default(), name));
}

fn link(reader: &mut Reader<'_, '_>, name: Token, word: Token) {
    let link = match reader.text(word) {
        "ip" => Link::Ip,
        "any" => Link::Any,
        other => {
            let message = format!("unknown link {}; use ip or any", Quoted(other));
            reader.faults.add(word, "link", message);
            return;
        }
    };
    reader.parts.link = Some((link, name));
}

fn exit(reader: &mut Reader<'_, '_>, name: Token, word: Token) {
    let exit = match reader.text(word) {
        "detach" => Exit::Detach,
        "hold" => Exit::Hold,
        other => {
            let message = format!("unknown exit {}; use detach or hold", Quoted(other));
            reader.faults.add(word, "exit", message);
            return;
        }
    };
    reader.parts.exit = Some((exit, name));
}

fn wait(reader: &mut Reader<'_, '_>, name: Token, word: Token) {
    let wait = duration::parse(reader.text(word));
    if wait.is_none() {
        let message = format!(
            "{} is not a duration; write one such as 30s or 1m30s",
            reader.quote(word)
        );
        reader.faults.add(word, "wait", message);
    }
    reader.parts.wait = Some((wait.unwrap_or_default(), name));
}

/// True if the kernel accepts `name` for an interface (`dev_valid_name`): no white space, `/` or `:`, and neither `.` nor
/// `..`. The kernel allows these in alternative names, but a pin is a file with the interface's name. Control characters,
/// which the kernel accepts, are refused because names are logged.
fn is_interface_name(name: &str) -> bool {
    (1..=MAX_INTERFACE).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_follow_the_kernel() {
        for good in [
            "eth0",
            "a",
            "abcdefghijklmno",
            "enp99s0f0np0-uplink-lan",
            &"a".repeat(127),
            "wlan0.5",
            "…",
        ] {
            assert!(is_interface_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            &"a".repeat(128),
            "a/b",
            "a:1",
            "a b",
            "a\tb",
            "a\0",
            "a\u{1b}",
        ] {
            assert!(!is_interface_name(bad), "{bad}");
        }
    }
}
