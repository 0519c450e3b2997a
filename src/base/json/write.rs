//! Writes JSON: serde-json-core serializes structs, and [`Writer`] adds brackets and commas.
//!
//! Lists are written element by element, so a document needs no more memory than its longest element.

use std::fmt::{self, Display};
use std::io;

use serde::{Serialize, Serializer};

use crate::base::capacity::MAX_COREFILE;

/// Initial bytes of the buffer.
const MIN_ROOM: usize = 1024;
/// Size at which the buffer no longer grows: an escaped byte of a Corefile takes six, and names and messages are short.
const MAX_ROOM: usize = 8 * MAX_COREFILE + (64 << 10);

/// A destination of text, with a buffer into which values are serialized.
pub trait Sink: fmt::Write {
    /// The buffer for the next value.
    fn room(&mut self) -> &mut [u8];

    /// Enlarges the buffer, after a value did not fit.
    ///
    /// # Errors
    /// When the buffer has its maximum size.
    fn grow(&mut self) -> fmt::Result;

    /// Writes the value in the first `length` bytes of the buffer.
    ///
    /// # Errors
    /// When writing fails.
    fn take(&mut self, length: usize) -> fmt::Result;
}

/// A [`Sink`] that writes to a stream.
pub struct Output<'a> {
    stream: &'a mut dyn io::Write,
    room: Vec<u8>,
    /// The cause of a [`fmt::Error`].
    result: io::Result<()>,
}

impl<'a> Output<'a> {
    /// An output to `stream`.
    pub fn new(stream: &'a mut dyn io::Write) -> Self {
        Self {
            stream,
            room: vec![0; MIN_ROOM],
            result: Ok(()),
        }
    }

    /// Converts the result of writing to the stream's error.
    ///
    /// # Errors
    /// The stream's error; `OutOfMemory` for an element above the buffer's maximum size.
    pub fn finish(self, written: fmt::Result) -> io::Result<()> {
        self.result?;
        written.map_err(|_| io::ErrorKind::OutOfMemory.into())
    }
}

impl fmt::Write for Output<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.result = self.stream.write_all(text.as_bytes());
        self.result.as_ref().map_err(|_| fmt::Error).copied()
    }
}

impl Sink for Output<'_> {
    fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    fn grow(&mut self) -> fmt::Result {
        if self.room.len() > MAX_ROOM {
            return Err(fmt::Error);
        }
        self.room.resize(2 * self.room.len(), 0);
        Ok(())
    }

    fn take(&mut self, length: usize) -> fmt::Result {
        let bytes = self.room.get(..length).unwrap_or_default();
        self.result = self.stream.write_all(bytes);
        self.result.as_ref().map_err(|_| fmt::Error).copied()
    }
}

/// Writes one document, value by value. After an error it writes nothing more, and [`Writer::end`] returns the error.
pub struct Writer<'a> {
    sink: &'a mut dyn Sink,
    /// True if a comma comes before the next value or member.
    comma: bool,
    result: fmt::Result,
}

impl<'a> Writer<'a> {
    /// A writer of a new document.
    pub fn new(sink: &'a mut dyn Sink) -> Self {
        Self {
            sink,
            comma: false,
            result: Ok(()),
        }
    }

    /// A writer of more members of an open object that already has members.
    pub fn in_object(sink: &'a mut dyn Sink) -> Self {
        Self {
            comma: true,
            ..Self::new(sink)
        }
    }

    /// Writes a value: the document, an element, or the value of a member.
    pub fn value(&mut self, value: &impl Serialize) {
        let length = self.serialize(value);
        self.comma = true;
        self.take(length);
    }

    /// Begins an object with the members of a struct. More members may follow.
    pub fn begin_object(&mut self, head: &impl Serialize) {
        let length = self.serialize(head);
        self.comma = length > "{}".len();
        self.take(length.saturating_sub("}".len()));
    }

    /// Begins an object without members.
    pub fn begin_empty_object(&mut self) {
        self.mark("{", false);
    }

    /// Ends an object.
    pub fn end_object(&mut self) {
        self.comma = false;
        self.mark("}", true);
    }

    /// Begins a member of an open object. Its value must follow.
    pub fn member(&mut self, name: &str) {
        self.value(&name);
        self.comma = false;
        self.mark(":", false);
    }

    /// Begins a list.
    pub fn begin_list(&mut self) {
        self.mark("[", false);
    }

    /// Ends a list.
    pub fn end_list(&mut self) {
        self.comma = false;
        self.mark("]", true);
    }

    /// Writes a member with a list of values.
    pub fn list(&mut self, name: &str, values: impl IntoIterator<Item: Serialize>) {
        self.member(name);
        self.begin_list();
        for value in values {
            self.value(&value);
        }
        self.end_list();
    }

    /// The result so far.
    ///
    /// # Errors
    /// When a value does not fit, or the sink fails.
    pub const fn result(&self) -> fmt::Result {
        self.result
    }

    /// Ends the document with a newline.
    ///
    /// # Errors
    /// As [`Writer::result`].
    pub fn end(&mut self) -> fmt::Result {
        self.comma = false;
        self.mark("\n", false);
        self.result
    }

    /// Writes a mark, after a comma if one is due.
    fn mark(&mut self, mark: &str, comma: bool) {
        for text in [if self.comma { "," } else { "" }, mark] {
            if self.result.is_ok() {
                self.result = self.sink.write_str(text);
            }
        }
        self.comma = comma;
    }

    /// Serializes a value into the sink's buffer and returns its length.
    fn serialize(&mut self, value: &impl Serialize) -> usize {
        self.mark("", false);
        while self.result.is_ok() {
            match serde_json_core::to_slice(value, self.sink.room()) {
                Ok(length) => return length,
                Err(_) => self.result = self.sink.grow(),
            }
        }
        0
    }

    fn take(&mut self, length: usize) {
        if self.result.is_ok() {
            self.result = self.sink.take(length);
        }
    }
}

/// Serializes a value as a string: its `Display` text.
pub struct Shown<T>(pub T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // `fmt::Arguments` for every `T`, so that serialization is compiled once.
        to.collect_str(&format_args!("{}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::Value;

    #[derive(Serialize)]
    struct Head<'a> {
        name: &'a str,
        none: Option<u32>,
    }

    fn written(write: impl Fn(&mut Writer<'_>)) -> String {
        let mut bytes = Vec::new();
        let mut output = Output::new(&mut bytes);
        let mut writer = Writer::new(&mut output);
        write(&mut writer);
        let result = writer.end();
        output.finish(result).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn commas_separate_members_and_elements() {
        let text = written(|json| {
            json.begin_object(&Head {
                name: "a",
                none: None,
            });
            json.list("first", [1, 2]);
            json.list("second", [0; 0]);
            json.member("third");
            json.begin_empty_object();
            json.member("only");
            json.value(&Shown(format_args!("{:02}", 7)));
            json.end_object();
            json.end_object();
        });
        let expected =
            r#"{"name":"a","none":null,"first":[1,2],"second":[],"third":{"only":"07"}}"#;
        assert_eq!(text, format!("{expected}\n"));
    }

    #[test]
    fn written_text_reads_back() {
        for name in ["\"\\\n\u{1b}é/", &"\u{1}".repeat(100_000)] {
            let text = written(|json| json.value(&Head { name, none: None }));
            let value = Value::read(&text).unwrap();
            assert_eq!(value.get("name").word(), Some(name));
        }
    }

    #[test]
    fn errors_of_the_stream_are_returned() {
        let mut room = [0; 8];
        let mut stream = room.as_mut_slice();
        let mut output = Output::new(&mut stream);
        let mut writer = Writer::new(&mut output);
        writer.value(&"more than eight bytes");
        let written = writer.end();
        let error = output.finish(written).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
