//! Room for another connection of a client, and for another connection to the responder.

use std::time::Instant;

use super::fairness::{self, Choice, Connection};
use super::peer::Peer;
use super::slot::Slot;
use super::{Gate, REQUESTS, SLOTS};

impl Gate<'_> {
    /// Time at which a slot among these may make room; `None` if an event comes first.
    pub(super) fn make_room_at(
        &self,
        now: Instant,
        among: impl Fn(&Slot<'_>) -> bool,
    ) -> Option<Instant> {
        match self.choose(now, among) {
            Choice::Close(_) => Some(now),
            Choice::Wait(until) => until,
        }
    }

    /// The connection to close among these.
    pub(super) fn choose(&self, now: Instant, among: impl Fn(&Slot<'_>) -> bool) -> Choice {
        // A closing slot becomes free soon, with an event on its connection to tiny_http.
        if self
            .slots
            .iter()
            .any(|slot| among(slot) && slot.is_closing())
        {
            return Choice::Wait(None);
        }
        let slots = self.slots.iter().enumerate();
        let slots = slots.filter(|(_, slot)| !slot.is_free() && among(slot));
        let connections = slots.map(|(index, slot)| Connection {
            index,
            peer: slot.peer(),
            claim: slot.claim(),
        });
        let connections: heapless::Vec<_, SLOTS> = connections.collect();
        fairness::choose(&connections, now)
    }

    /// Closes a connection if no slot is free.
    pub(super) fn make_room(&mut self, now: Instant) {
        if !self.slots.iter().any(Slot::is_free)
            && let Choice::Close(index) = self.choose(now, |_| true)
        {
            self.drop_client(index, now);
        }
    }

    pub(super) fn drop_client(&mut self, index: usize, now: Instant) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.drop_client(now);
        }
    }

    /// Requests of this peer at the responder.
    pub(super) fn requests_of(&self, peer: Peer) -> usize {
        let slots = self.slots.iter();
        let used = slots.filter(|slot| slot.has_inner() && slot.unused_since().is_none());
        used.filter(|slot| slot.peer() == peer).count()
    }

    /// Frees a connection to the responder: the one that is unused longest, else that of the client that [`fairness`]
    /// chooses. The responder closes it soon.
    pub(super) fn release_inner(&mut self, now: Instant) {
        if self.slots.iter().any(Slot::is_released) {
            return;
        }
        let unused = self.slots.iter_mut();
        let unused = unused.filter_map(|slot| Some((slot.unused_since()?, slot)));
        if let Some((_, slot)) = unused.min_by_key(|(since, _)| *since) {
            return slot.release(now);
        }
        if let Choice::Close(index) = self.choose(now, holds_inner) {
            self.drop_client(index, now);
        }
    }

    /// Time at which a head that waits for a connection to the responder may take one from a slow client; `None` if an
    /// event comes first.
    pub(super) fn forward_at(&self, now: Instant) -> Option<Instant> {
        let waits = |slot: &Slot<'_>| slot.queued().is_some() && !slot.has_inner();
        let inner = self.slots.iter().filter(|slot| slot.has_inner()).count();
        let event = |slot: &Slot<'_>| slot.is_fresh() || slot.is_released();
        if inner < REQUESTS || !self.slots.iter().any(waits) || self.slots.iter().any(event) {
            return None;
        }
        self.make_room_at(now, holds_inner)
    }
}

/// True if the slot has a connection to the responder.
const fn holds_inner(slot: &Slot<'_>) -> bool {
    slot.has_inner()
}
