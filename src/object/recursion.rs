//! Search for recursion: cycles in the call graph.

/// State of a function in a depth-first search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Unvisited,
    OnPath,
    Done,
}

/// Finds a call that closes a cycle, and returns its caller and callee. Functions have the indices from 0, the entry, to
/// `count - 1`; `calls` is in order of the callers.
pub(super) fn find_cycle(count: usize, calls: &[(usize, usize)]) -> Option<(usize, usize)> {
    let first_call = |from| calls.partition_point(|&(other, _)| other < from);
    let mut visits = vec![Visit::Unvisited; count];
    // The functions on the path, each with the index of its next call. A list, because call chains may be long enough to
    // overflow the stack.
    let mut path = vec![(0, first_call(0))];
    while let Some((from, next)) = path.last_mut() {
        let from = *from;
        let call = calls.get(*next).filter(|&&(other, _)| other == from);
        *next += 1;
        let Some(&(_, to)) = call else {
            *visits.get_mut(from)? = Visit::Done;
            path.pop();
            continue;
        };
        *visits.get_mut(from)? = Visit::OnPath;
        match visits.get(to)? {
            Visit::OnPath => return Some((from, to)),
            Visit::Unvisited => path.push((to, first_call(to))),
            Visit::Done => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find_cycle;

    #[test]
    fn cycles_are_found_and_diamonds_are_not_cycles() {
        for (count, calls, expected) in [
            (1, &[][..], None),
            (1, &[(0, 0)][..], Some((0, 0))),
            (2, &[(0, 1), (1, 0)][..], Some((1, 0))),
            (4, &[(0, 1), (0, 2), (1, 3), (2, 3)][..], None),
            (
                4,
                &[(0, 1), (0, 2), (1, 3), (2, 3), (3, 2)][..],
                Some((2, 3)),
            ),
            (3, &[(0, 1), (0, 1), (1, 2), (1, 2)][..], None),
        ] {
            assert_eq!(find_cycle(count, calls), expected, "{calls:?}");
        }
    }

    #[test]
    fn long_call_chains_do_not_overflow_the_stack() {
        let calls: Vec<_> = (0..200_000).map(|from| (from, from + 1)).collect();
        assert_eq!(find_cycle(200_001, &calls), None);
    }
}
