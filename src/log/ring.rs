//! Ring buffer of queued messages.

use super::message::Message;

/// Size of the buffer in bytes: room for more than a hundred messages of usual length.
const RING_SIZE: usize = 16 * 1024;

/// A queue of messages. Each message is stored after its length in two bytes.
#[derive(Default)]
pub(super) struct Ring(heapless::Deque<u8, RING_SIZE>);

impl Ring {
    /// Adds a message. Returns the number of old messages dropped for it.
    pub(super) fn push(&mut self, message: &[u8]) -> u32 {
        let Ok(length) = u16::try_from(message.len()) else {
            return 0;
        };
        let mut dropped = 0;
        while self.0.capacity() - self.0.len() < message.len() + 2 {
            if !self.pop() {
                break;
            }
            dropped += 1;
        }
        for byte in length.to_ne_bytes().iter().chain(message) {
            // Cannot fail: a message is shorter than the ring.
            let _ = self.0.push_back(*byte);
        }
        dropped
    }

    pub(super) fn first(&self) -> Option<Message> {
        let length = self.length()?;
        Some(self.0.iter().skip(2).take(length).copied().collect())
    }

    /// Removes the first message. Returns false for an empty queue.
    pub(super) fn pop(&mut self) -> bool {
        let Some(length) = self.length() else {
            return false;
        };
        for _ in 0..length + 2 {
            self.0.pop_front();
        }
        true
    }

    fn length(&self) -> Option<usize> {
        let mut bytes = self.0.iter();
        let length = [*bytes.next()?, *bytes.next()?];
        Some(usize::from(u16::from_ne_bytes(length)))
    }
}
