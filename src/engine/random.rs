//! The operating system's randomness.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_seeds_each_source_anew() {
        assert_ne!(system_random().number(), system_random().number());
    }
}
