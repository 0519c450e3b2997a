//! Closes a connection to make room: for another client, or for another connection to the responder.

use std::time::Instant;

use super::fairness::{self, Choice, Connection};
use super::peer::Peer;
use super::slot::Slot;
use super::{Gate, REQUESTS, SLOTS};

impl Gate<'_> {
    /// Time at which a connection of the slots in `among` may be closed; `None` if only an event can change that.
    pub(super) fn make_room_at(
        &self,
        now: Instant,
        among: &dyn Fn(&Slot<'_>) -> bool,
    ) -> Option<Instant> {
        match self.choose(now, among) {
            Choice::Close(_) => Some(now),
            Choice::Wait(until) => until,
        }
    }

    /// The connection to close among the slots in `among`.
    pub(super) fn choose(&self, now: Instant, among: &dyn Fn(&Slot<'_>) -> bool) -> Choice {
        // A closing slot becomes free with the next event on its connection to the responder.
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
            && let Choice::Close(index) = self.choose(now, &|_| true)
        {
            self.drop_client(index, now);
        }
    }

    pub(super) fn drop_client(&mut self, index: usize, now: Instant) {
        if let Some(slot) = self.slots.get_mut(index) {
            slot.drop_client(now);
        }
    }

    /// Number of requests of this peer at the responder.
    pub(super) fn requests_of(&self, peer: Peer) -> usize {
        let slots = self.slots.iter();
        let used = slots.filter(|slot| slot.has_inner() && slot.unused_since().is_none());
        used.filter(|slot| slot.peer() == peer).count()
    }

    /// Releases a connection to the responder: the connection that is unused longest, else the connection of the client
    /// that [`fairness`] chooses. The responder then closes its end.
    pub(super) fn release_inner(&mut self, now: Instant) {
        if self.slots.iter().any(Slot::is_released) {
            return;
        }
        let unused = self.slots.iter_mut();
        let unused = unused.filter_map(|slot| Some((slot.unused_since()?, slot)));
        if let Some((_, slot)) = unused.min_by_key(|(since, _)| *since) {
            return slot.release(now);
        }
        if let Choice::Close(index) = self.choose(now, &has_inner) {
            self.drop_client(index, now);
        }
    }

    /// Time at which a slow client may lose its connection to the responder to a waiting head; `None` if no head waits, or
    /// only an event can change that.
    pub(super) fn forward_at(&self, now: Instant) -> Option<Instant> {
        let waits = |slot: &Slot<'_>| slot.queued().is_some() && !slot.has_inner();
        let inner = self.slots.iter().filter(|slot| slot.has_inner()).count();
        let awaits_event = |slot: &Slot<'_>| slot.is_fresh() || slot.is_released();
        if inner < REQUESTS || !self.slots.iter().any(waits) || self.slots.iter().any(awaits_event)
        {
            return None;
        }
        self.make_room_at(now, &has_inner)
    }
}

/// [`Slot::has_inner`] as a function of any lifetime, which the method is not.
const fn has_inner(slot: &Slot<'_>) -> bool {
    slot.has_inner()
}
