//! Choice of the connection to close when there is no room for another.
//!
//! 1. The connection belongs to the peer that holds the most connections, the newest included. A peer is an IPv4 address
//!    or an IPv6 /64. So a peer with few connections loses none to a peer with many, also if the few are idle.
//! 2. Of that peer, a connection goes first whose last response is sent, and which is only open until the client closes
//!    it ([`Rank::Lingering`]).
//! 3. Then goes the connection whose request or response is unfinished longest ([`Rank::Unfinished`]): the client has
//!    not sent a whole head, does not read, or requests without pause. Each has [`FAIR_TIME`] before. So a client that
//!    sends its request a moment after it connected is served, and slow connections make room.
//! 4. Then goes the connection that is idle longest after a response ([`Rank::Answered`]), if at least half are. Clients
//!    that keep such a connection repeat their request on another one. If fewer are idle, none of them goes: newcomers
//!    wait for [`FAIR_TIME`] at most, and answered clients keep their connections beside slow ones.
//! 5. Peers that hold the same number count as one peer.
//! 6. If nothing may be closed yet, clients wait in the accept queue.

use std::time::{Duration, Instant};

use super::peer::Peer;

/// Time for an unfinished connection before it may be closed: far above the round trip between a connection and its
/// request, and short, so that 64 slow connections make room for 256 others in a second.
const FAIR_TIME: Duration = Duration::from_millis(250);

/// The reason for which a connection may be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rank {
    /// The connection waits for the client to close it.
    Lingering,
    /// A head, or the reading of a response, is unfinished; or the client requests without pause.
    Unfinished,
    /// The connection is idle after a response.
    Answered,
}

/// A connection that may be closed, and the start of its rank.
pub(super) type Claim = (Rank, Instant);

/// A connection as far as its choice goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Connection {
    /// Index of its slot.
    pub(super) index: usize,
    pub(super) peer: Peer,
    /// `None` while it may not be closed.
    pub(super) claim: Option<Claim>,
}

/// Result of a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Close the connection of this slot.
    Close(usize),
    /// No connection may be closed before this time, or before an event if there is no time.
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

    /// The choice among connections of a peer, each with a rank and its start in milliseconds, after 1,000 ms.
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
        // No connection of the hog may be closed yet, and no other is closed for it.
        let (chosen, _) = choice(&[(8, Some((Lingering, 0))), (7, None), (7, None)]);
        assert_eq!(chosen, Choice::Wait(None));
        // The ranks decide between peers with the same number.
        let (chosen, _) = choice(&[(8, Some((Unfinished, 0))), (7, Some((Lingering, 0)))]);
        assert_eq!(chosen, Choice::Close(1));
    }

    #[test]
    fn lingering_goes_before_unfinished_and_unfinished_before_idle() {
        let all = [(1, Some((Answered, 0))), (1, Some((Unfinished, 0)))];
        assert_eq!(choice(&all).0, Choice::Close(1));
        let lingering = (1, Some((Lingering, 999)));
        assert_eq!(choice(&[all[0], all[1], lingering]).0, Choice::Close(2));
    }

    #[test]
    fn longest_in_its_rank_goes_first() {
        for rank in [Lingering, Unfinished, Answered] {
            let at = |time| (1, Some((rank, time)));
            let (chosen, _) = choice(&[at(2), at(0), at(1), at(900)]);
            assert_eq!(chosen, Choice::Close(1), "{rank:?}");
        }
    }

    #[test]
    fn unfinished_connections_have_a_fair_time() {
        let young = vec![(1, Some((Unfinished, 751))); 8];
        let (chosen, start) = choice(&young);
        let due = start.checked_add(Duration::from_millis(1001));
        assert_eq!(chosen, Choice::Wait(due));
        let mut one_old = young;
        one_old[3] = (1, Some((Unfinished, 750)));
        assert_eq!(choice(&one_old).0, Choice::Close(3));
    }

    #[test]
    fn answered_connections_go_only_where_they_are_half() {
        let answered = |peer| (peer, Some((Answered, 0)));
        let young = |peer| (peer, Some((Unfinished, 999)));
        // The connections of one peer, and those of peers that hold the same number.
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
