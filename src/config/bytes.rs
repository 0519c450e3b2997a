//! Keys and values of the `ebpf` block as hexadecimal digits.

use super::reader::Reader;
use crate::base::capacity::MAX_KEY;
use crate::base::escape::Escaped;
use crate::base::hex;
use crate::corefile::Token;

impl Reader<'_, '_> {
    /// Size in bytes of a hexadecimal word of a `map` line. Reports an error for any other word, and for more than
    /// `most` bytes.
    pub(super) fn size(
        &mut self,
        token: Token,
        operand: &str,
        skip: Option<u8>,
        most: usize,
    ) -> Option<u32> {
        let measured = hex::measure(self.text(token), skip, most);
        measured
            .and_then(|size| u32::try_from(size).map_err(|_| hex::Error::Long))
            .inspect_err(|&error| {
                self.faults
                    .add(token, "map", wrong_hex(operand, error, most));
            })
            .ok()
    }

    /// Bytes of a hexadecimal KEY. Reports an error for any other word.
    pub(super) fn hex(
        &mut self,
        token: Token,
        option: &str,
        operand: &str,
    ) -> Option<heapless::Vec<u8, MAX_KEY>> {
        let mut bytes = heapless::Vec::from([0; MAX_KEY]);
        match hex::decode(self.text(token), None, &mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Some(bytes)
            }
            Err(error) => {
                self.faults
                    .add(token, option, wrong_hex(operand, error, MAX_KEY));
                None
            }
        }
    }
}

/// The message for a word that is not hexadecimal. `operand` names it: KEY or VALUE.
fn wrong_hex(operand: &str, error: hex::Error, most: usize) -> String {
    match error {
        hex::Error::Digit(c) => {
            let c = c.to_string();
            let c = Escaped(&c);
            format!("{operand} has '{c}'; write hexadecimal digits, two for each byte")
        }
        hex::Error::Odd => format!("{operand} has an odd number of digits; each byte has two"),
        hex::Error::Empty => {
            format!("{operand} is empty; write hexadecimal digits, two for each byte")
        }
        hex::Error::Long => {
            format!(
                "{operand} is longer than {most} bytes; build with a larger COREXDP_MAX_{operand}"
            )
        }
    }
}
