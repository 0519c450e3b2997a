//! Reads the `list` lines of the `ebpf` block.

use super::folder_of;
use super::lists::{List, MAX_LISTS};
use super::reader::{Line, Reader};
use crate::base::escape::Quoted;
use crate::base::suggest::suggestion;
use crate::corefile::Token;
use crate::encode::field_of;
use crate::list::Format;

/// Reads `list [@MAP] FILE [as FORMAT] [FIELD=VALUE…] [at-least N]`.
pub(super) fn list(reader: &mut Reader<'_, '_>, line: &Line<'_>) {
    let (map_name, words) = reader.split_map(line.args);
    let Some((&at, words)) = words.split_first() else {
        reader.wrong_count(line);
        return;
    };
    let path = reader.text(at);
    if path.is_empty() {
        reader
            .faults
            .add(at, "list", "FILE is empty; was a variable not set?");
        return;
    }
    if path.contains('=') && !path.contains('/') {
        let message = format!(
            "{} is where FILE is expected; write `list {}`",
            Quoted(field_of(path)),
            line.option.form
        );
        reader.faults.add(at, "list", message);
        return;
    }
    let mut list = List {
        at,
        path: folder_of(at, reader.faults.corefile, reader.folder).join(path),
        map: reader.resolve_map(line.name, map_name),
        format: None,
        fields: Vec::new(),
        at_least: None,
    };
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if let Err(message) = reader.read_word(&mut list, word, &mut words) {
            reader.faults.add(word, "list", message);
            return;
        }
    }
    let of_map = |other: &&List| other.map == list.map;
    let others = reader.parts.lists.iter().filter(of_map);
    if others.clone().any(|other| other.path == list.path) {
        // The second would add nothing, and two metrics would have the same labels.
        let message = "given twice for this map; keep the first line";
        reader.faults.add(at, "list", message);
        return;
    }
    if others.count() == MAX_LISTS {
        let message = format!("more than {MAX_LISTS} lists for one map; join some of the files");
        reader.faults.add(at, "list", message);
        return;
    }
    reader.parts.lists.push(list);
}

impl Reader<'_, '_> {
    /// Reads a word after FILE, with its argument.
    fn read_word(
        &self,
        list: &mut List,
        word: Token,
        rest: &mut dyn Iterator<Item = Token>,
    ) -> Result<(), String> {
        let twice = |word: &str| Err(format!("{word} is given twice; keep one"));
        match self.text(word) {
            "as" => {
                let name = rest.next().map_or("", |name| self.text(name));
                let format = Format::named(name).ok_or_else(|| {
                    let remedy = suggestion(name, &Format::ALL.map(Format::name));
                    format!("unknown format {}; {remedy}", Quoted(name))
                })?;
                match list.format.replace((format, word)) {
                    Some(_) => twice("as"),
                    None => Ok(()),
                }
            }
            "at-least" => {
                let number = rest.next().map_or("", |number| self.text(number));
                let is_number = number.bytes().all(|digit| digit.is_ascii_digit());
                let count = number.parse().ok().filter(|_| is_number);
                let count = count.ok_or_else(|| {
                    let number = Quoted(number);
                    format!("{number} is not a number of entries; write one as in `at-least 100`")
                })?;
                match list.at_least.replace((count, word)) {
                    Some(_) => twice("at-least"),
                    None => Ok(()),
                }
            }
            text if text.contains('=') => {
                list.fields.push(word);
                Ok(())
            }
            text => Err(format!(
                "{} is neither `as FORMAT`, FIELD=VALUE nor `at-least N`",
                Quoted(text)
            )),
        }
    }
}
