//! The words of the command line, or the lines of standard input.

use std::io;

use super::{Fault, Input};
use crate::base::{exit, files};
use crate::config::decision::{Order, Saved};
use crate::corefile;

/// Maximum size of standard input in bytes.
const MAX_INPUT: usize = 64 << 20;

/// A line of standard input, or the words of the command line.
pub(super) struct Line {
    /// Number of the line; 0 for words of the command line.
    pub(super) number: u32,
    /// The decision; without FIELDs it is deleted.
    pub(super) order: Order,
    /// Changes for which an earlier attempt got an answer.
    pub(super) answered: Vec<Saved>,
}

/// The lines, and the faults of others.
pub(super) fn read(input: &Input) -> (Vec<Line>, Vec<Fault>) {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    let mut take = |number, order: Result<Order, String>| match order {
        Ok(order) => lines.push(Line {
            number,
            order,
            answered: Vec::new(),
        }),
        Err(message) => faults.push(Fault {
            line: number,
            code: exit::USAGE,
            message,
        }),
    };
    match input {
        Input::Add(words) => take(0, Order::parse(words)),
        Input::Delete(words) => take(0, Order::parse_key(words)),
        Input::Batch => match files::read_all(io::stdin().lock(), MAX_INPUT) {
            Ok(bytes) => {
                for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
                    let words = corefile::words(&String::from_utf8_lossy(line));
                    match words.as_slice() {
                        [] => {}
                        [verb, words @ ..] if verb == "delete" => {
                            take(number, Order::parse_key(words));
                        }
                        words => take(number, Order::parse(words)),
                    }
                }
            }
            Err(error) => take(0, Err(format!("cannot read standard input: {error}"))),
        },
    }
    (lines, faults)
}
