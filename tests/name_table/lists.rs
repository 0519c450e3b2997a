//! Random lists and names, and the naive model.

use corexdp::table::names::{MAX_NAME, Scope, suffixes};

/// An item, by its action. Items of odd sources are full entries.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) wire: Vec<u8>,
    pub(crate) scope: Scope,
    pub(crate) source: u8,
    pub(crate) action: u32,
}

/// Random numbers of a fixed seed (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(crate) fn seed(&mut self) -> [u64; 6] {
        [(); 6].map(|()| self.next())
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next()).unwrap() % length.max(1)
    }

    /// A name of few different labels, so that names lie below each other; some are deep or long, or have any bytes.
    fn name(&mut self) -> Vec<u8> {
        let (labels, kind) = match self.below(20) {
            0 => (1 + self.below(127), 0),
            1 => (1 + self.below(6), 1),
            2 => (1 + self.below(4), 2),
            _ => (1 + self.below(5), 0),
        };
        let mut wire = Vec::new();
        for _ in 0..labels {
            let label = match kind {
                0 => vec![b'a' + u8::try_from(self.below(3)).unwrap()],
                1 => vec![b'x'; 1 + self.index(63)],
                _ => {
                    let any = u8::try_from(self.below(256)).unwrap();
                    vec![any.to_ascii_lowercase(), b'.', 0]
                }
            };
            if wire.len() + label.len() < MAX_NAME {
                wire.push(u8::try_from(label.len()).unwrap());
                wire.extend(label);
            }
        }
        wire
    }

    /// The name, with capitals now and then.
    fn capitals(&mut self, name: &[u8]) -> Vec<u8> {
        let mut query = name.to_vec();
        let mut at = 0;
        while let Some(size) = query.get(at).copied() {
            let end = at + 1 + usize::from(size);
            if self.below(2) == 0 {
                query[at + 1..end].make_ascii_uppercase();
            }
            at = end;
        }
        query
    }
}

pub(crate) fn random_list(random: &mut Random, count: u64) -> Vec<Listed> {
    (0..count)
        .map(|_| Listed {
            wire: random.name(),
            scope: Scope::of(u8::try_from(random.below(6)).unwrap() % 5 % 3),
            source: u8::try_from(random.below(4)).unwrap(),
            action: u32::try_from(random.below(6)).unwrap(),
        })
        .collect()
}

/// The longest names, and some of their suffixes.
pub(crate) fn deep_list() -> Vec<Listed> {
    let deep: Vec<u8> = [1, b'd'].repeat(127);
    let wide = [&[62][..], &[b'w'; 62]].concat().repeat(4);
    let wide = [&wide[..], &[1, b'w']].concat();
    let names = [&deep[..], &wide, &deep[2..], &deep[100..], &deep[250..]];
    let scopes = [
        Scope::Exact,
        Scope::Tree,
        Scope::Below,
        Scope::Exact,
        Scope::Tree,
    ];
    let items = names.into_iter().zip(scopes).zip(1..);
    items
        .map(|((name, scope), action)| Listed {
            wire: name.to_vec(),
            scope,
            source: 0,
            action,
        })
        .collect()
}

/// The item that decides about a query, found by looking at all items.
pub(crate) fn expected<'a>(list: &'a [Listed], query: &[u8]) -> Option<&'a Listed> {
    let query = query.to_ascii_lowercase();
    let above: Vec<&[u8]> = suffixes(&query).skip(1).collect();
    let matches = |item: &Listed| {
        item.scope.has_name() && item.wire == query
            || item.scope.has_below() && above.contains(&&item.wire[..])
    };
    let mut best: Option<&Listed> = None;
    for (index, item) in list.iter().enumerate() {
        let same_key = |other: &Listed| other.source == 0 && other.wire == item.wire;
        if !matches(item) || item.source == 0 && list[index + 1..].iter().any(same_key) {
            continue;
        }
        let rank = |item: &Listed| (item.source, MAX_NAME - item.wire.len());
        if best.is_none_or(|best| rank(item) < rank(best)) {
            best = Some(item);
        }
    }
    best
}

/// True if an entry takes precedence over a decision.
pub(crate) fn is_longer_than(entry: &Listed, decision: &Listed) -> bool {
    entry.source == 0 && entry.wire.len() > decision.wire.len()
}

/// Names of a list, names below and beside them, and others.
pub(crate) fn queries(random: &mut Random, list: &[Listed], count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let listed = list
                .get(random.index(list.len()))
                .map(|item| &item.wire[..]);
            let name = match (random.below(4), listed) {
                (0, Some(name)) => name.to_vec(),
                (1, Some(name)) => [&[1, b'q'][..], name].concat(),
                (2, Some(name)) => [&random.name(), name].concat(),
                _ => random.name(),
            };
            let name = if name.len() > MAX_NAME {
                random.name()
            } else {
                name
            };
            random.capitals(&name)
        })
        .collect()
}
