//! Compares the stages of a running filter with those of a Corefile, to keep what stays.

use super::context::Chain;
use super::fingerprint::Target;
use super::stage::Stage;
use super::update_entries::has_room;
use super::{Context, Filter};
use crate::base::diagnostic::Diagnostic;

/// The origin of a new stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The object.
    Object,
    /// Program and maps of the running stage of this number.
    Stage(usize),
    /// The maps of the running stage of this number. Its program is loaded again.
    Maps(usize),
}

/// The running and the new stages of an interface.
pub(super) struct Comparison<'a, 'c> {
    new: Vec<&'a Context<'c>>,
    /// Names of the new stages.
    names: Vec<String>,
    pub(super) targets: Vec<Target>,
    old: Vec<&'a Stage>,
}

/// Numbers of stages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    new: usize,
    old: usize,
    /// True if the last of the old stages can get a successor.
    last_has_slot: bool,
}

/// The target of each stage.
pub(super) fn targets(chain: &Chain<'_>) -> Result<Vec<Target>, Diagnostic> {
    let mut targets = Vec::new();
    for context in chain.stages() {
        targets.push(Target::new(context)?);
    }
    Ok(targets)
}

impl<'a, 'c> Comparison<'a, 'c> {
    pub(super) fn of(chain: &'a Chain<'c>, old: &'a Filter) -> Result<Self, Diagnostic> {
        Ok(Self {
            new: chain.stages().collect(),
            names: chain.stages().map(Context::stage_name).collect(),
            targets: targets(chain)?,
            old: old.stages().collect(),
        })
    }

    pub(super) fn sizes(&self) -> Sizes {
        Sizes {
            new: self.new.len(),
            old: self.old.len(),
            last_has_slot: self.old.last().is_some_and(|last| last.next().is_some()),
        }
    }

    /// True if the new and the old stage have the same program, maps and entries.
    pub(super) fn is_same(&self, new: usize, old: usize) -> bool {
        let pair = self.targets.get(new).zip(self.old.get(old));
        let same = |(target, old): (&Target, &&Stage)| {
            target.fingerprint.identity == old.fingerprint.identity
        };
        pair.is_some_and(same) && self.has_name(new, old)
    }

    /// True if changes of entries alone turn the maps of the old stage into those of the new one.
    pub(super) fn can_become(&self, new: usize, old: usize) -> bool {
        let parts = self
            .new
            .get(new)
            .zip(self.targets.get(new))
            .zip(self.old.get(old));
        let has_room = parts.is_some_and(|((context, target), old)| {
            target.fingerprint.has_code_of(old.fingerprint) && has_room(context, old, target)
        });
        self.is_same(new, old) || has_room && self.has_name(new, old)
    }

    /// True if both stages have the same name. The lines of decisions name the stage.
    fn has_name(&self, new: usize, old: usize) -> bool {
        let pair = self.names.get(new).zip(self.old.get(old));
        pair.is_some_and(|(new, old)| *new == old.object)
    }

    /// True if all stages stay, and entries change in one stage at most.
    pub(super) fn is_one_change(&self, origins: &[Origin]) -> bool {
        let all = origins.iter().enumerate();
        let changed = all.filter(|(at, _)| !self.is_same(*at, *at));
        let stays = |(at, origin): (usize, &Origin)| *origin == Origin::Stage(at);
        origins.len() == self.old.len()
            && origins.iter().enumerate().all(stays)
            && changed.count() <= 1
    }
}

/// The origin of each new stage; `fits` tells whether a new stage can take over an old one.
///
/// A program can stay where all stages before it stay, or all stages behind it: a single write of a slot then replaces the
/// stages between, so that each packet meets the old chain or the new one. A program between two changed stages is loaded
/// again, so that it can have another successor while the old one still runs.
pub(super) fn origins(sizes: &Sizes, fits: &dyn Fn(usize, usize) -> bool) -> Vec<Origin> {
    let Sizes { new, old, .. } = *sizes;
    let shorter = new.min(old);
    let mut before = (0..shorter).take_while(|at| fits(*at, *at)).count();
    let behind = (1..=shorter - before)
        .take_while(|back| fits(new - back, old - back))
        .count();
    // The last stage that stays before a change gets another successor.
    if before == old && before < new && !sizes.last_has_slot {
        before -= 1;
    }
    let mut free: Vec<_> = (before..old - behind).collect();
    let mut origin = |at: usize| {
        let back = new - at;
        if at < before {
            return Origin::Stage(at);
        }
        if back <= behind {
            return Origin::Stage(old - back);
        }
        match free.iter().position(|old| fits(at, *old)) {
            Some(position) => Origin::Maps(free.remove(position)),
            None => Origin::Object,
        }
    };
    (0..new).map(&mut origin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The origins, where stages are letters: `=2` is program and maps of stage 2, `~2` its maps, `+` a new stage.
    fn compare(old: &str, new: &str, last_has_slot: bool) -> String {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let sizes = Sizes {
            new: new.len(),
            old: old.len(),
            last_has_slot,
        };
        let origins = origins(&sizes, &|at, before| new[at] == old[before]);
        let words = origins.iter().map(|origin| match origin {
            Origin::Object => "+".into(),
            Origin::Stage(at) => format!("={at}"),
            Origin::Maps(at) => format!("~{at}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn stages_around_a_change_stay() {
        for (old, new, expected) in [
            ("a", "a", "=0"),
            ("abc", "abc", "=0 =1 =2"),
            // Replaced.
            ("abc", "axc", "=0 + =2"),
            ("abcd", "axcy", "=0 + ~2 +"),
            // Added.
            ("ab", "axb", "=0 + =1"),
            ("ab", "xab", "+ =0 =1"),
            ("ab", "abx", "=0 ~1 +"),
            ("a", "ab", "~0 +"),
            // Removed.
            ("abc", "ac", "=0 =2"),
            ("abc", "bc", "=1 =2"),
            ("abc", "ab", "=0 =1"),
            ("abc", "b", "~1"),
            // Moved.
            ("abc", "acb", "=0 ~2 ~1"),
            ("ab", "ba", "~1 ~0"),
            ("abcd", "bacd", "~1 ~0 =2 =3"),
            // Everything.
            ("ab", "xyz", "+ + +"),
        ] {
            assert_eq!(compare(old, new, false), expected, "{old} {new}");
        }
        assert_eq!(compare("ab", "abx", true), "=0 =1 +");
    }
}
