//! The queue between the engine and the thread that runs the script's blocks.
//!
//! The engine pushes and never waits. The consumer waits for a first event and then takes one at a time, so that
//! an event is either still queued or being run, and none is lost when the consumer's thread is killed.

use std::collections::VecDeque;
use std::future::{poll_fn, Future};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use super::clock::SystemClock;
use crate::clock::Clock;

/// Why the wait for an event is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// An event is queued.
    Event,
    /// [`EventQueue::interrupt`] was called.
    Interrupted,
    /// The queue was closed and is empty.
    Closed,
}

/// What events are bounded together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Requests that are answered, and requests for WebSockets.
    Requests,
    /// ACKs that belong to no transaction.
    Acks,
    /// TLS connections whose peer is to be judged.
    Handshakes,
}

impl Class {
    const COUNT: usize = 3;
}

/// What can be queued.
pub trait Queued {
    /// Which bound the event counts towards, and about how many bytes it holds; `None` for none.
    fn load(&self) -> Option<(Class, usize)>;
}

/// How much of a class is queued.
#[derive(Debug, Default)]
struct Load {
    events: AtomicUsize,
    bytes: AtomicUsize,
}

#[derive(Debug)]
struct State<E> {
    events: VecDeque<E>,
    /// When each was queued; empty where nobody wants to know.
    since: VecDeque<Instant>,
    interrupts: u64,
    closed: bool,
    /// Those who wait: one thread, or two for a moment.
    wakers: SmallVec<[Waker; 2]>,
}

/// Is told how long each event has waited.
pub type Observe = Box<dyn Fn(Duration) + Send + Sync>;

/// Whom to tell how long events wait.
struct Waits(Option<Observe>);

impl std::fmt::Debug for Waits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Waits").field(&self.0.is_some()).finish()
    }
}

/// A queue with one consumer. Its bounds are kept at admission ([`EventQueue::queued`]): what was admitted is never lost.
#[derive(Debug)]
pub struct EventQueue<E> {
    state: Mutex<State<E>>,
    queued: AtomicUsize,
    loads: [Load; Class::COUNT],
    taken: AtomicU64,
    waits: Waits,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue::observed(None)
    }
}

impl<E> EventQueue<E> {
    /// An empty queue, and who is told how long events wait.
    pub fn observed(by: Option<Observe>) -> Self {
        Self {
            state: Mutex::new(State {
                events: VecDeque::new(),
                since: VecDeque::new(),
                interrupts: 0,
                closed: false,
                wakers: SmallVec::new(),
            }),
            queued: AtomicUsize::new(0),
            loads: Default::default(),
            taken: AtomicU64::new(0),
            waits: Waits(by),
        }
    }
}

impl<E: Queued> EventQueue<E> {
    /// Appends an event and wakes the consumer if it waits.
    pub fn push(&self, event: E) {
        self.add(event, VecDeque::push_back, VecDeque::push_back);
    }

    /// Puts an event before all others.
    pub fn push_first(&self, event: E) {
        self.add(event, VecDeque::push_front, VecDeque::push_front);
    }

    fn add(
        &self,
        event: E,
        place: impl FnOnce(&mut VecDeque<E>, E),
        since: impl FnOnce(&mut VecDeque<Instant>, Instant),
    ) {
        let mut state = self.lock();
        if let Some((class, bytes)) = event.load() {
            let load = &self.loads[class as usize];
            load.events.fetch_add(1, Ordering::Relaxed);
            load.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        if self.waits.0.is_some() {
            since(&mut state.since, SystemClock.now());
        }
        place(&mut state.events, event);
        self.queued.store(state.events.len(), Ordering::Relaxed);
        wake(state);
    }

    /// Takes the oldest event.
    pub fn pop(&self) -> Option<E> {
        let mut state = self.lock();
        let event = state.events.pop_front()?;
        if let Some((class, bytes)) = event.load() {
            let load = &self.loads[class as usize];
            load.events.fetch_sub(1, Ordering::Relaxed);
            load.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.queued.store(state.events.len(), Ordering::Relaxed);
        self.taken.fetch_add(1, Ordering::Relaxed);
        let since = state.since.pop_front();
        drop(state);
        if let (Some(observe), Some(since)) = (&self.waits.0, since) {
            observe(SystemClock.now().saturating_duration_since(since));
        }
        Some(event)
    }

    /// How long the oldest event has waited; nothing where that is not observed.
    pub fn oldest(&self) -> Duration {
        let since = self.lock().since.front().copied();
        since.map_or(Duration::ZERO, |since| SystemClock.now().saturating_duration_since(since))
    }

    /// Resolves when there is an event, an interruption since `interrupts` was read, or the end.
    pub fn ready(&self, interrupts: u64) -> impl Future<Output = Wake> + '_ {
        poll_fn(move |context| self.poll_ready(interrupts, context))
    }

    fn poll_ready(&self, interrupts: u64, context: &mut Context<'_>) -> Poll<Wake> {
        let mut state = self.lock();
        if !state.events.is_empty() {
            return Poll::Ready(Wake::Event);
        }
        if state.closed {
            return Poll::Ready(Wake::Closed);
        }
        if state.interrupts != interrupts {
            return Poll::Ready(Wake::Interrupted);
        }
        if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
            state.wakers.push(context.waker().clone());
        }
        Poll::Pending
    }

    /// The number to hand to [`EventQueue::ready`].
    pub fn interrupts(&self) -> u64 {
        self.lock().interrupts
    }

    /// Ends a present wait, or one to come.
    pub fn interrupt(&self) {
        let mut state = self.lock();
        state.interrupts += 1;
        wake(state);
    }

    /// No more events will be waited for; queued ones can still be taken.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
    }

    /// How many events are queued.
    pub fn len(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// How many events of a class are queued, and about how many bytes they hold.
    pub fn queued(&self, class: Class) -> (usize, usize) {
        let load = &self.loads[class as usize];
        (load.events.load(Ordering::Relaxed), load.bytes.load(Ordering::Relaxed))
    }

    /// True when no event is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many events were taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Wakes all who wait: one may be a thread that is being killed, which takes nothing.
fn wake<E>(mut state: MutexGuard<'_, State<E>>) {
    if state.wakers.is_empty() {
        return;
    }
    let wakers = std::mem::take(&mut state.wakers);
    drop(state);
    wakers.into_iter().for_each(Waker::wake);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::drive::park_until;
    use std::sync::Arc;

    fn wait(queue: &EventQueue<i32>, interrupts: u64) -> Wake {
        park_until(queue.ready(interrupts))
    }

    impl Queued for i32 {
        fn load(&self) -> Option<(Class, usize)> {
            match *self {
                ..=-1 => Some((Class::Acks, self.unsigned_abs() as usize)),
                0 => None,
                1.. => Some((Class::Requests, self.unsigned_abs() as usize)),
            }
        }
    }

    #[test]
    fn events_and_their_bytes_are_counted_by_class() {
        let queue = EventQueue::default();
        [10, 0, -5, 20].into_iter().for_each(|event| queue.push(event));
        assert_eq!(queue.len(), 4);
        assert_eq!((queue.queued(Class::Requests), queue.queued(Class::Acks)), ((2, 30), (1, 5)));
        let taken: Vec<_> = (0..3).map_while(|_| queue.pop()).collect();
        assert_eq!(taken, [10, 0, -5]);
        assert_eq!((queue.queued(Class::Requests), queue.queued(Class::Acks)), ((1, 20), (0, 0)));
    }

    #[test]
    fn who_wants_to_know_is_told_how_long_each_event_has_waited() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = told.clone();
        let queue = EventQueue::observed(Some(Box::new(move |time| list.lock().expect("a list").push(time))));
        assert_eq!(queue.oldest(), Duration::ZERO);
        let begun = SystemClock.now();
        queue.push(1);
        queue.push(2);
        while queue.oldest() < Duration::from_millis(2) {
            std::thread::yield_now();
        }
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), Some(2), None));
        let most = SystemClock.now() - begun;
        let told = told.lock().expect("a list");
        assert_eq!(told.len(), 2);
        assert!(told[0] >= Duration::from_millis(2) && told[0] <= most, "{told:?}");
        assert_eq!(queue.oldest(), Duration::ZERO);
    }

    #[test]
    fn events_come_out_in_the_order_they_went_in() {
        let queue = EventQueue::default();
        queue.push(1);
        queue.push(2);
        assert_eq!(wait(&queue, 0), Wake::Event);
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(1), Some(2), None));
        assert_eq!(queue.taken(), 2);
    }

    #[test]
    fn an_event_may_be_put_before_all_others() {
        let queue = EventQueue::default();
        queue.push(1);
        queue.push_first(-2);
        assert_eq!((queue.queued(Class::Requests), queue.queued(Class::Acks)), ((1, 1), (1, 2)));
        assert_eq!((queue.pop(), queue.pop(), queue.pop()), (Some(-2), Some(1), None));
    }

    #[test]
    fn an_interruption_ends_a_wait_even_when_it_came_first() {
        let queue: EventQueue<i32> = EventQueue::default();
        let seen = queue.interrupts();
        queue.interrupt();
        assert_eq!(wait(&queue, seen), Wake::Interrupted);
    }

    #[test]
    fn a_push_wakes_every_consumer_since_one_may_be_about_to_end() {
        let queue = Arc::new(EventQueue::default());
        let wait = || {
            let queue = queue.clone();
            std::thread::spawn(move || wait(&queue, 0))
        };
        let consumers = [wait(), wait()];
        while queue.lock().wakers.len() < 2 {
            std::thread::yield_now();
        }
        queue.push(7);
        assert_eq!(consumers.map(|consumer| consumer.join().expect("a consumer")), [Wake::Event; 2]);
    }

    #[test]
    fn a_closed_queue_gives_its_events_and_then_ends() {
        let queue = Arc::new(EventQueue::default());
        let waiter = std::thread::spawn({
            let queue = queue.clone();
            move || (wait(&queue, 0), queue.pop(), wait(&queue, 0))
        });
        queue.push(7);
        queue.close();
        assert_eq!(waiter.join().expect("waiter"), (Wake::Event, Some(7), Wake::Closed));
    }
}
