//! Keys and values of the `ebpf` block: are they bytes?

use super::ebpf::Reader;
use crate::capacity::MAX_KEY;
use crate::corefile::Token;
use crate::hex;

impl Reader<'_, '_> {
    /// Whether a word of a `map` line is at most `most` bytes; says so if it is not.
    pub(super) fn are_bytes(
        &mut self,
        token: Token,
        what: &str,
        skip: Option<u8>,
        most: usize,
    ) -> bool {
        let measured = hex::measure(self.text(token), skip, most);
        if let Err(error) = measured {
            let message = wrong_hex(what, error, most);
            self.faults.add(token, "map", message);
        }
        measured.is_ok()
    }

    /// The bytes of a key.
    pub(super) fn hex(
        &mut self,
        token: Token,
        option: &str,
        what: &str,
    ) -> Option<heapless::Vec<u8, MAX_KEY>> {
        let mut bytes = heapless::Vec::from([0; MAX_KEY]);
        match hex::decode(self.text(token), None, &mut bytes) {
            Ok(length) => {
                bytes.truncate(length);
                Some(bytes)
            }
            Err(error) => {
                self.faults
                    .add(token, option, wrong_hex(what, error, MAX_KEY));
                None
            }
        }
    }
}

fn wrong_hex(what: &str, error: hex::Error, most: usize) -> String {
    match error {
        hex::Error::Digit(c) => {
            format!("{what} has {c:?}; it is hexadecimal digits, two for each byte")
        }
        hex::Error::Odd => format!("{what} has an odd number of digits; each byte has two"),
        hex::Error::Empty => {
            format!("{what} is empty; it is hexadecimal digits, two for each byte")
        }
        hex::Error::Long => {
            format!(
                "{what} is longer than {most} bytes; COREXDP_MAX_{what} sets how long at build time"
            )
        }
    }
}
