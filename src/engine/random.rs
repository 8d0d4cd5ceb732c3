//! The operating system's randomness, and the sources that the engine's threads share.

use std::sync::{Mutex, PoisonError};

use crate::random::Random;

/// A source that the operating system has seeded.
///
/// # Panics
/// When the operating system has no randomness to give, which no supported system does once booted: a tag, key or
/// token made without it would be guessable.
pub fn system_random() -> Random {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).expect("the operating system provides random bytes");
    Random::from_seed(seed)
}

/// A source that several threads draw from.
#[derive(Debug)]
pub(super) struct SharedRandom(Mutex<Random>);

impl SharedRandom {
    /// Shares a source.
    pub(super) fn new(random: Random) -> SharedRandom {
        SharedRandom(Mutex::new(random))
    }

    /// Draws.
    pub(super) fn draw<T>(&self, draw: impl FnOnce(&mut Random) -> T) -> T {
        draw(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on what is drawn follows from `seed` alone.
    pub(super) fn seed(&self, seed: u64) {
        self.draw(|random| *random = Random::from_number(seed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_seeds_each_source_anew() {
        assert_ne!(system_random().number(), system_random().number());
    }

    #[test]
    fn a_shared_source_can_be_seeded() {
        let shared = SharedRandom::new(system_random());
        shared.seed(5);
        assert_eq!(shared.draw(Random::number), Random::from_number(5).number());
    }
}
