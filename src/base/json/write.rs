//! Writer of JSON: serde-json-core serializes structs, and this module adds the brackets and commas of lists.
//!
//! A list is written element by element, so a document needs no more memory than its longest element.

use std::fmt;
use std::io;

use serde::Serialize;

use super::controls;
use crate::base::capacity::MAX_COREFILE;

/// Initial size of the buffer in bytes.
const ROOM: usize = 1024;
/// Maximum size of the buffer in bytes. A value may quote a whole Corefile, and an escaped byte takes six bytes.
const MAX_ROOM: usize = 8 * MAX_COREFILE + (64 << 10);

/// A destination of text, with a buffer for serialized values.
pub trait Sink: fmt::Write {
    /// The free part of the buffer, for the next value.
    fn room(&mut self) -> &mut [u8];

    /// Enlarges the buffer after a value did not fit.
    ///
    /// # Errors
    /// When the buffer cannot grow.
    fn grow(&mut self) -> fmt::Result;

    /// Appends the first `length` bytes of the buffer to the text.
    ///
    /// # Errors
    /// When the destination is full or broken.
    fn take(&mut self, length: usize) -> fmt::Result;
}

/// A [`Sink`] that writes to a stream.
pub struct Output<'a> {
    stream: &'a mut dyn io::Write,
    room: Vec<u8>,
    /// The I/O error that [`fmt::Error`] cannot hold.
    result: io::Result<()>,
}

impl<'a> Output<'a> {
    /// An output to `stream`.
    pub fn new(stream: &'a mut dyn io::Write) -> Self {
        Self {
            stream,
            room: vec![0; ROOM],
            result: Ok(()),
        }
    }

    /// Converts `written` to a result with the I/O error of the stream.
    ///
    /// # Errors
    /// The I/O error of the stream; `OutOfMemory` for a value larger than the buffer may grow.
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

/// Writer of one document, value after value. After an error the writer ignores all calls, and [`Writer::end`] returns
/// the error.
pub struct Writer<'a> {
    sink: &'a mut dyn Sink,
    /// True if a comma precedes the next value or member.
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

    /// A writer that continues an open object, after at least one member.
    pub fn in_object(sink: &'a mut dyn Sink) -> Self {
        Self {
            comma: true,
            ..Self::new(sink)
        }
    }

    /// Writes a value: the document, an element of a list, or the value of a member.
    pub fn value(&mut self, value: &impl Serialize) {
        let length = self.serialize(value);
        self.comma = true;
        self.take(length);
    }

    /// Begins an object with the members of `head`, and leaves the object open for more members.
    pub fn begin_object(&mut self, head: &impl Serialize) {
        let length = self.serialize(head);
        self.comma = length > "{}".len();
        self.take(length.saturating_sub("}".len()));
    }

    /// Begins an object without members.
    pub fn begin_empty_object(&mut self) {
        self.write("{");
    }

    /// Ends an object.
    pub fn end_object(&mut self) {
        self.close("}");
    }

    /// Begins a member of an open object; its value comes next.
    pub fn member(&mut self, name: &str) {
        self.value(&name);
        self.comma = false;
        self.write(":");
    }

    /// Begins a list.
    pub fn begin_list(&mut self) {
        self.write("[");
    }

    /// Ends a list.
    pub fn end_list(&mut self) {
        self.close("]");
    }

    /// Writes a member that is a list of values.
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
    /// When there is no room for a value, or the sink takes no more text.
    pub const fn result(&self) -> fmt::Result {
        self.result
    }

    /// Ends the document with a newline.
    ///
    /// # Errors
    /// The errors of [`Writer::result`].
    pub fn end(&mut self) -> fmt::Result {
        self.comma = false;
        self.write("\n");
        self.result
    }

    /// Writes text, preceded by a comma if one is due.
    fn write(&mut self, text: &str) {
        for text in [if self.comma { "," } else { "" }, text] {
            if self.result.is_ok() {
                self.result = self.sink.write_str(text);
            }
        }
        self.comma = false;
    }

    /// Writes the bracket that ends an object or a list.
    fn close(&mut self, bracket: &str) {
        self.comma = false;
        self.write(bracket);
        self.comma = true;
    }

    /// Serializes a value into the sink's buffer. Returns its length in bytes, 0 after an error.
    fn serialize(&mut self, value: &impl Serialize) -> usize {
        self.write("");
        while self.result.is_ok() {
            let room = self.sink.room();
            let length = serde_json_core::to_slice(value, room).ok();
            match length.and_then(|length| controls::escape(room, length)) {
                Some(length) => return length,
                None => self.result = self.sink.grow(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::json::{Shown, Value};

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
        for name in [
            "\"\\\n\u{1b}é/",
            "\u{7f}\u{9b}31m\u{202e}é",
            &"\u{1}".repeat(100_000),
        ] {
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
