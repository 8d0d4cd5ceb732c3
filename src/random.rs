//! Chance, handed to those who need it as the time is.

use chacha20::rand_core::{Rng, SeedableRng};
use chacha20::ChaCha12Rng;

/// A source of random numbers that nobody can guess who does not know its seed. The same seed gives the same numbers.
///
/// It is a value: drawing from it is no system call. The operating system's randomness is drawn once, for the seed
/// ([`crate::engine::system_random`]).
pub struct Random(ChaCha12Rng);

// What it holds tells the numbers to come.
impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// The source with this seed.
    pub fn from_seed(seed: [u8; 32]) -> Random {
        Random(ChaCha12Rng::from_seed(seed))
    }

    /// The source that a number stands for: for tests and simulations, whose numbers may be guessed.
    pub fn from_number(number: u64) -> Random {
        Random(ChaCha12Rng::seed_from_u64(number))
    }

    /// Random bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number between 0 and `most`, both included, each with the same chance.
    pub fn up_to(&mut self, most: u32) -> u32 {
        let drawn = (u64::from(self.0.next_u32()) * (u64::from(most) + 1)) >> 32;
        u32::try_from(drawn).unwrap_or(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_numbers_and_another_one_has_others() {
        let numbers = |seed| {
            let mut random = Random::from_number(seed);
            [0; 8].map(|_| random.up_to(1000))
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        assert_eq!(Random::from_seed([7; 32]).bytes::<16>(), Random::from_seed([7; 32]).bytes::<16>());
        assert_ne!(Random::from_seed([7; 32]).number(), Random::from_seed([8; 32]).number());
    }

    #[test]
    fn every_number_up_to_the_largest_comes_up() {
        let mut random = Random::from_number(7);
        let mut seen = [false; 4];
        (0..1000).for_each(|_| seen[random.up_to(3) as usize] = true);
        assert_eq!((seen, random.up_to(0)), ([true; 4], 0));
        assert!((0..100).any(|_| random.up_to(u32::MAX) > u32::MAX / 2));
    }

    #[test]
    fn shows_nothing_of_itself() {
        assert_eq!(format!("{:?}", Random::from_number(1)), "Random");
    }
}
