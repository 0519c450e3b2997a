//! Choice of the connection to close when no slot is free.
//!
//! 1. The connection belongs to the peer with the most connections, the newest connection included. A peer is an IPv4
//!    address or an IPv6 /64. So a peer with few connections, even idle ones, loses none to a peer with many.
//! 2. Among the connections of that peer, a lingering connection ([`Rank::Lingering`]) is closed first: its last response
//!    is sent, and the gate waits for the client to close it.
//! 3. Next is the connection that is unfinished longest ([`Rank::Unfinished`]), after at least [`FAIR_TIME`]: the client
//!    has not sent a whole head, does not read its response, or requests without pause. So a client that sends its
//!    request a moment after connecting is served, and slow clients make room.
//! 4. Next is the connection that is idle longest after a response ([`Rank::Answered`]), if at least half of the peer's
//!    connections are. Its client repeats a request on another connection. If fewer are idle, all of them stay: new
//!    clients wait for [`FAIR_TIME`] at most, and idle clients keep their connections beside slow clients.
//! 5. Peers with the same number of connections count as one peer.
//! 6. If no connection may be closed yet, clients wait in the accept queue.

use std::time::{Duration, Instant};

use super::peer::Peer;

/// Time for which an unfinished connection may not be closed: far longer than a round trip, and short enough that 64 slow
/// connections make room for 256 others in a second.
const FAIR_TIME: Duration = Duration::from_millis(250);

/// Reason why a connection may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// The last response is sent; the gate waits for the client to close the connection.
    Lingering,
    /// The client has not sent a whole head, has not read its response, or requests without pause.
    Unfinished,
    /// The connection is idle after a response.
    Answered,
}

/// Rank of a connection that may be closed, and the time since which the connection has that rank.
pub(super) type Claim = (Rank, Instant);

/// The properties of a connection that determine the choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    /// Index of its slot.
    pub(super) index: usize,
    pub(super) peer: Peer,
    /// `None` while the connection may not be closed.
    pub(super) claim: Option<Claim>,
}

/// Result of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Close the connection of this slot.
    Close(usize),
    /// No connection may be closed before this time; without a time, before the next event.
    Wait(Option<Instant>),
}

/// Chooses the connection to close.
pub(super) fn choose(connections: &[Connection], now: Instant) -> Choice {
    let count = |peer: Peer| {
        let of_peer = connections.iter().filter(|other| other.peer == peer);
        of_peer.count()
    };
    let most = connections.iter().map(|each| count(each.peer)).max();
    let most = most.unwrap_or(0);
    let largest = || connections.iter().filter(|each| count(each.peer) == most);
    let is_answered = |each: &&Connection| matches!(each.claim, Some((Rank::Answered, _)));
    let mostly_answered = 2 * largest().filter(is_answered).count() >= largest().count();
    let mut first: Option<((u8, Instant), usize)> = None;
    let mut earliest: Option<Instant> = None;
    for each in largest() {
        let Some((rank, since)) = each.claim else {
            continue;
        };
        let (order, from) = match rank {
            Rank::Lingering => (0, since),
            Rank::Unfinished => (1, since.checked_add(FAIR_TIME).unwrap_or(since)),
            Rank::Answered if mostly_answered => (2, since),
            Rank::Answered => continue,
        };
        if from > now {
            earliest = Some(earliest.map_or(from, |earliest| earliest.min(from)));
        } else if first.is_none_or(|(other, _)| (order, since) < other) {
            first = Some(((order, since), each.index));
        }
    }
    first.map_or(Choice::Wait(earliest), |(_, index)| Choice::Close(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The choice at 1,000 ms among connections, each with its peer, its rank and the start of its rank in milliseconds.
    fn choice(connections: &[(u32, Option<(Rank, u64)>)]) -> (Choice, Instant) {
        let start = Instant::now();
        let after = |time| start.checked_add(Duration::from_millis(time)).unwrap();
        let connections = connections.iter().enumerate().map(|(index, each)| {
            let claim = each.1.map(|(rank, since)| (rank, after(since)));
            let peer = Peer::V4(each.0);
            Connection { index, peer, claim }
        });
        let connections: Vec<_> = connections.collect();
        (choose(&connections, after(1000)), start)
    }

    use Rank::{Answered, Lingering, Unfinished};

    #[test]
    fn peer_with_most_connections_loses_one() {
        for rank in [Lingering, Unfinished, Answered] {
            let hog = [(7, Some((rank, 0))), (7, None)];
            let few = [(8, Some((Lingering, 0)))];
            let (chosen, _) = choice(&[&few[..], &hog].concat());
            assert_eq!(chosen, Choice::Close(1), "{rank:?}");
        }
        // The hog's connections may not be closed yet, and no other peer's connection is closed instead.
        let (chosen, _) = choice(&[(8, Some((Lingering, 0))), (7, None), (7, None)]);
        assert_eq!(chosen, Choice::Wait(None));
        // The ranks decide between peers with the same number.
        let (chosen, _) = choice(&[(8, Some((Unfinished, 0))), (7, Some((Lingering, 0)))]);
        assert_eq!(chosen, Choice::Close(1));
    }

    #[test]
    fn ranks_are_closed_in_order() {
        let all = [(1, Some((Answered, 0))), (1, Some((Unfinished, 0)))];
        assert_eq!(choice(&all).0, Choice::Close(1));
        let lingering = (1, Some((Lingering, 999)));
        assert_eq!(choice(&[all[0], all[1], lingering]).0, Choice::Close(2));
    }

    #[test]
    fn longest_in_its_rank_is_closed_first() {
        for rank in [Lingering, Unfinished, Answered] {
            let at = |time| (1, Some((rank, time)));
            let (chosen, _) = choice(&[at(2), at(0), at(1), at(900)]);
            assert_eq!(chosen, Choice::Close(1), "{rank:?}");
        }
    }

    #[test]
    fn unfinished_connections_stay_for_the_fair_time() {
        let young = vec![(1, Some((Unfinished, 751))); 8];
        let (chosen, start) = choice(&young);
        let due = start.checked_add(Duration::from_millis(1001));
        assert_eq!(chosen, Choice::Wait(due));
        let mut one_old = young;
        one_old[3] = (1, Some((Unfinished, 750)));
        assert_eq!(choice(&one_old).0, Choice::Close(3));
    }

    #[test]
    fn answered_connections_are_closed_if_at_least_half_are() {
        let answered = |peer| (peer, Some((Answered, 0)));
        let young = |peer| (peer, Some((Unfinished, 999)));
        // One peer with three connections, then three peers with one connection each.
        for peers in [[1, 1, 1], [1, 2, 3]] {
            let [a, b, c] = peers;
            let (chosen, start) = choice(&[young(a), young(b), answered(c)]);
            let due = start.checked_add(Duration::from_millis(1249));
            assert_eq!(chosen, Choice::Wait(due));
            let (chosen, _) = choice(&[young(a), answered(b), answered(c)]);
            assert_eq!(chosen, Choice::Close(1));
        }
    }
}
