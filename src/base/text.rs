//! A text buffer of fixed capacity.

use std::fmt::{self, Write};

use crate::base::json::Sink;

/// A text of fixed capacity. A write that does not fit returns an error and writes nothing.
#[derive(Debug)]
pub struct Text<'a> {
    bytes: &'a mut [u8],
    length: usize,
}

impl<'a> Text<'a> {
    /// An empty text in `bytes`.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, length: 0 }
    }

    /// Length of the text in bytes.
    pub const fn len(&self) -> usize {
        self.length
    }

    /// True if nothing was written.
    pub const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.checked_add(text.len()).ok_or(fmt::Error)?;
        let target = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        target.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

impl Sink for Text<'_> {
    fn room(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.length..).unwrap_or_default()
    }

    fn grow(&mut self) -> fmt::Result {
        Err(fmt::Error)
    }

    fn take(&mut self, length: usize) -> fmt::Result {
        self.length += length;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_does_not_fit_is_not_written() {
        let mut bytes = [0; 4];
        let mut text = Text::new(&mut bytes);
        assert!(text.write_str("abc").is_ok());
        assert!(text.write_str("de").is_err());
        assert_eq!(text.len(), 3);
    }
}
