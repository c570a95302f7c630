//! Every decision of a simulated run: drawn from a seed, recorded, and replayed.

use std::cell::{Cell, RefCell};

/// The decisions of one run. The first alternative of each is the uneventful one, so that a run
/// whose decisions are all zero is a run without faults.
#[derive(Debug)]
pub(crate) struct Choices {
    state: Cell<u64>,
    made: RefCell<Vec<u32>>,
    /// Decisions to make again; what comes after them is uneventful.
    replayed: Option<Vec<u32>>,
}

impl Choices {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { state: Cell::new(seed), made: RefCell::default(), replayed: None }
    }

    pub(crate) fn replay(decisions: Vec<u32>) -> Self {
        Self { state: Cell::new(0), made: RefCell::default(), replayed: Some(decisions) }
    }

    /// Returns a number below `alternatives`, which is at least 1.
    pub(crate) fn below(&self, alternatives: u32) -> u32 {
        self.draw(alternatives, |random| random % alternatives.max(1))
    }

    /// Returns `true` once in about `one_in` times; never if that is 0.
    pub(crate) fn once_in(&self, one_in: u32) -> bool {
        if one_in == 0 {
            return false;
        }
        self.draw(2, |random| u32::from(random.is_multiple_of(one_in))) == 1
    }

    /// Returns which of several kinds of events happens, each once in about so many times; `None`
    /// for none of them. 0 is never.
    pub(crate) fn event(&self, once_in: &[u32]) -> Option<usize> {
        // A replay must not decide for what never happens.
        let enabled = || (0..once_in.len()).filter(|kind| once_in[*kind] > 0);
        let kinds = u32::try_from(enabled().count()).unwrap_or(u32::MAX);
        if kinds == 0 {
            return None;
        }
        let choice = self.draw(kinds + 1, |random| {
            // Each kind looks at other bits.
            let mut bits = u64::from(random) << 16;
            let happens = |kind: usize| {
                bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                (bits >> 33).is_multiple_of(u64::from(once_in[kind]))
            };
            let kind = enabled().position(happens);
            kind.map_or(0, |kind| u32::try_from(kind + 1).unwrap_or(0))
        });
        enabled().nth((choice as usize).checked_sub(1)?)
    }

    pub(crate) fn made(&self) -> Vec<u32> {
        self.made.borrow().clone()
    }

    fn draw(&self, alternatives: u32, pick: impl FnOnce(u32) -> u32) -> u32 {
        let mut made = self.made.borrow_mut();
        let choice = match &self.replayed {
            Some(decisions) => {
                decisions.get(made.len()).map_or(0, |choice| choice % alternatives.max(1))
            }
            None => pick(self.random()),
        };
        made.push(choice);
        choice
    }

    /// SplitMix64 (Steele, Lea and Flood 2014), which is fast and needs no seeding.
    #[allow(clippy::cast_possible_truncation, reason = "the upper half is the better one")]
    fn random(&self) -> u32 {
        let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.state.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }
}

/// Makes decisions fewer and more uneventful for as long as `fails` does, in `attempts` runs at
/// most. `fails` returns the decisions that it used, if it failed.
pub(crate) fn shrink(
    mut decisions: Vec<u32>,
    attempts: usize,
    mut fails: impl FnMut(Vec<u32>) -> Option<Vec<u32>>,
) -> Vec<u32> {
    let mut left = attempts;
    let mut attempt = |candidate: Vec<u32>, best: &mut Vec<u32>| {
        if left == 0 || candidate == *best {
            return false;
        }
        left -= 1;
        match fails(candidate) {
            Some(mut used) => {
                while used.last() == Some(&0) {
                    used.pop();
                }
                if (used.len(), weight(&used)) < (best.len(), weight(best)) {
                    *best = used;
                    return true;
                }
                false
            }
            None => false,
        }
    };
    while decisions.last() == Some(&0) {
        decisions.pop();
    }
    loop {
        let mut improved = false;
        let mut size = decisions.len().next_power_of_two() / 2;
        while size > 0 {
            let mut at = 0;
            while at < decisions.len() {
                let end = (at + size).min(decisions.len());
                let mut removed = decisions.clone();
                removed.drain(at..end);
                let mut calmed = decisions.clone();
                calmed[at..end].fill(0);
                if attempt(removed, &mut decisions) || attempt(calmed, &mut decisions) {
                    improved = true;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
        if !improved {
            return decisions;
        }
    }
}

/// How eventful decisions are.
fn weight(decisions: &[u32]) -> (usize, u64) {
    let eventful = decisions.iter().filter(|choice| **choice != 0).count();
    (eventful, decisions.iter().map(|choice| u64::from(*choice)).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_decides_the_same_and_a_replay_too() {
        let run = |choices: &Choices| -> Vec<u32> {
            (1..100).map(|n| choices.below(n)).chain([u32::from(choices.once_in(3))]).collect()
        };
        let first = Choices::seeded(7);
        assert_eq!(run(&first), run(&Choices::seeded(7)));
        assert_ne!(run(&first), run(&Choices::seeded(8)));
        let replay = Choices::replay(first.made());
        assert_eq!(run(&replay), run(&Choices::seeded(7)));
        assert_eq!(Choices::replay(vec![]).below(9), 0);
    }

    #[test]
    fn shrinks_to_the_decisions_that_matter() {
        // It fails as soon as a five comes after a three.
        let fails = |decisions: Vec<u32>| {
            let three = decisions.iter().position(|choice| *choice == 3)?;
            decisions[three..].contains(&5).then_some(decisions)
        };
        let noisy: Vec<u32> = (0..400).map(|n| n * 7 % 11).collect();
        assert_eq!(shrink(noisy, 10_000, fails), [3, 5]);
    }
}
