//! The randomness by which servers of equal priority are drawn: the operating system's, until a test seeds it.

use std::sync::{Mutex, PoisonError};

/// Draws numbers. Seeded, it draws the same ones each time (`OverSIP::Testing.seed`).
#[derive(Debug, Default)]
pub(super) struct Dice {
    seeded: Mutex<Option<u64>>,
}

impl Dice {
    /// From now on the numbers follow from `seed` alone.
    pub(super) fn seed(&self, seed: u64) {
        *self.lock() = Some(seed);
    }

    /// A number between 0 and `most`, both included, each with the same chance.
    pub(super) fn draw(&self, most: u32) -> u32 {
        let random = match self.lock().as_mut() {
            Some(state) => next(state),
            // Only the share of load depends on it: without randomness the first server gets it all.
            None => getrandom::u32().unwrap_or_default(),
        };
        let drawn = (u64::from(random) * (u64::from(most) + 1)) >> 32;
        u32::try_from(drawn).unwrap_or(most)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.seeded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014), its upper half.
fn next(state: &mut u64) -> u32 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers() {
        let numbers = |seed| {
            let dice = Dice::default();
            dice.seed(seed);
            [0; 8].map(|_| dice.draw(1000))
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
    }

    #[test]
    fn every_number_up_to_the_largest_comes_up() {
        for dice in [Dice::default(), Dice { seeded: Mutex::new(Some(7)) }] {
            let mut seen = [false; 4];
            (0..1000).for_each(|_| seen[dice.draw(3) as usize] = true);
            assert_eq!((seen, dice.draw(0)), ([true; 4], 0));
        }
    }
}
