//! Whether functions call each other in a circle.

/// Where a depth-first walk is with a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    Not,
    Open,
    Done,
}

/// The first call found that leads back to a function being called, as (from, to). `calls` has them in order of `from`;
/// functions are numbered below `count`, and 0 is the entry.
pub(super) fn find(count: usize, calls: &[(usize, usize)]) -> Option<(usize, usize)> {
    let first_call = |from| calls.partition_point(|&(other, _)| other < from);
    let mut visits = vec![Visit::Not; count];
    // Functions being called, each with its next call to look at. No recursion here either: chains may be long.
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
        *visits.get_mut(from)? = Visit::Open;
        match visits.get(to)? {
            Visit::Open => return Some((from, to)),
            Visit::Not => path.push((to, first_call(to))),
            Visit::Done => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn a_circle_is_found_and_a_diamond_is_none() {
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
            assert_eq!(find(count, calls), expected, "{calls:?}");
        }
    }

    #[test]
    fn a_long_chain_takes_no_stack() {
        let calls: Vec<_> = (0..200_000).map(|from| (from, from + 1)).collect();
        assert_eq!(find(200_001, &calls), None);
    }
}
