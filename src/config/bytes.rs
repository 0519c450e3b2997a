//! Keys and values of the `ebpf` block: are they bytes?

use super::ebpf::Reader;
use crate::base::capacity::MAX_KEY;
use crate::base::hex;
use crate::corefile::Token;

impl Reader<'_, '_> {
    /// How many bytes a word of a `map` line is, at most `most`; says what is wrong if it is not.
    pub(super) fn size(
        &mut self,
        token: Token,
        what: &str,
        skip: Option<u8>,
        most: usize,
    ) -> Option<u32> {
        let measured = hex::measure(self.text(token), skip, most);
        measured
            .and_then(|size| u32::try_from(size).map_err(|_| hex::Error::Long))
            .inspect_err(|&error| {
                self.faults.add(token, "map", wrong_hex(what, error, most));
            })
            .ok()
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
