//! The virtual clock, its queue of coming events, and the network that loses, repeats and reorders.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// SplitMix64: small, and good enough to spread a seed.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }

    /// A time up to `millis`. It lies off the grid of whole milliseconds on which timers fall, and stays off it
    /// through any sum of a few of them, so that no arrival coincides with a timer.
    pub fn up_to(&mut self, millis: u64) -> Duration {
        Duration::from_millis(self.below(millis)) + Duration::from_nanos(137)
    }
}

/// How bad the network is.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Percentage of packets lost; the same share is repeated and the same share is late.
    pub percent: u64,
    /// A stream between the two ends: nothing is lost or repeated, the order is kept.
    pub reliable: bool,
}

struct Entry<E> {
    at: Instant,
    order: u64,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// Time and everything that will happen.
pub struct World<E> {
    pub start: Instant,
    pub now: Instant,
    pub rng: Rng,
    pub weather: Weather,
    queue: BinaryHeap<Reverse<Entry<E>>>,
    posted: u64,
}

impl<E: Copy> World<E> {
    pub fn new(seed: u64, weather: Weather) -> Self {
        let start = Instant::now();
        World { start, now: start, rng: Rng::new(seed), weather, queue: BinaryHeap::new(), posted: 0 }
    }

    /// Lets an event happen at this time.
    pub fn post(&mut self, at: Instant, event: E) {
        self.posted += 1;
        assert!(self.posted < 10_000, "the two ends keep each other busy for ever");
        self.queue.push(Reverse(Entry { at, order: self.posted, event }));
    }

    /// Puts a packet on the network; its arrival is an event that may happen never, once or several times.
    pub fn send(&mut self, packet: E) {
        if self.weather.reliable {
            return self.post(self.now + Duration::from_nanos(40_000_137), packet);
        }
        let copies = 1 + u32::from(self.rng.chance(self.weather.percent));
        for _ in 0..copies {
            if self.rng.chance(self.weather.percent) {
                continue;
            }
            let late = self.rng.chance(self.weather.percent);
            let delay = self.rng.up_to(if late { 2000 } else { 200 });
            self.post(self.now + delay, packet);
        }
    }

    /// Moves the clock to the next event.
    pub fn next(&mut self) -> Option<E> {
        let Reverse(entry) = self.queue.pop()?;
        self.now = entry.at;
        Some(entry.event)
    }
}
