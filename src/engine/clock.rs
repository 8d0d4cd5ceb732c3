//! The clocks: the engine's, which is the system's until a test freezes it and moves it by hand, and the system's own.
//!
//! Nothing else in the library reads the system's time or waits by a timer of tokio.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use crate::clock::{Clock, Sleep};

/// The system's clock, which nobody can hold. Only for what is real by nature: how long the process may take to end, since
/// whoever stops an engine waits for its end and cannot move its clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn date(&self) -> SystemTime {
        SystemTime::now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}

/// Counts the nanoseconds of the system's clock since it was made: times that fit into an atomic number.
#[derive(Debug)]
pub(super) struct Nanoseconds(Instant);

impl Default for Nanoseconds {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Nanoseconds {
    pub(super) fn now(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

/// Rings at an instant of the system's clock, which can be set anew without a new timer.
#[derive(Debug)]
pub(super) struct Alarm(Pin<Box<tokio::time::Sleep>>);

impl Alarm {
    /// Rings at once unless it is set.
    pub(super) fn new() -> Self {
        Self(Box::pin(tokio::time::sleep(Duration::ZERO)))
    }

    pub(super) fn set(&mut self, at: Instant) {
        if self.0.deadline().into_std() != at {
            self.0.as_mut().reset(at.into());
        }
    }

    /// Resolves once its time has come, each time that it is asked from then on.
    pub(super) async fn rings(&mut self) {
        self.0.as_mut().await;
    }
}

/// A clock that can be held and moved (`OverSIP::Testing.freeze`, `.advance`).
#[derive(Debug, Default)]
pub struct EngineClock {
    /// In front of the lock: a clock that was never frozen is read without it.
    frozen: AtomicBool,
    hands: Arc<Mutex<Hands>>,
}

/// What a clock shows while it stands, and who waits for it to show something else.
#[derive(Debug, Default)]
struct Hands {
    /// Where it stands; `None` while it runs.
    at: Option<Instant>,
    /// When it stopped, by both ways to count time.
    stopped: Option<(Instant, SystemTime)>,
    sleepers: BTreeMap<SleeperId, Waker>,
    serial: u64,
    /// How often somebody began or ended a wait.
    changes: u64,
}

/// When a sleeper wants to be woken, and a number that tells those of one instant apart.
type SleeperId = (Instant, u64);

impl EngineClock {
    /// Stops the clock at the present instant. A clock that stands already is left where it is.
    pub fn freeze(&self) {
        let mut hands = lock(&self.hands);
        self.frozen.store(true, Ordering::Release);
        if hands.at.is_none() {
            let now = Instant::now();
            hands.at = Some(now);
            hands.stopped = Some((now, SystemTime::now()));
        }
    }

    /// True while the clock stands.
    pub fn is_frozen(&self) -> bool {
        self.frozen.load(Ordering::Acquire)
    }

    /// Moves a standing clock to `at`, never backwards, and wakes those whose time has come, in the order of their times.
    /// A clock that runs is left alone.
    pub fn move_to(&self, at: Instant) {
        let mut hands = lock(&self.hands);
        let Some(stands) = hands.at.as_mut() else { return };
        *stands = (*stands).max(at);
        let still_asleep = (*stands + Duration::from_nanos(1), 0);
        let later = hands.sleepers.split_off(&still_asleep);
        let due = std::mem::replace(&mut hands.sleepers, later);
        drop(hands);
        due.into_values().for_each(Waker::wake);
    }

    /// The time of the earliest sleeper.
    pub(super) fn next_sleeper(&self) -> Option<Instant> {
        lock(&self.hands).sleepers.first_key_value().map(|((at, _), _)| *at)
    }

    /// A number that changes whenever somebody begins or ends a wait.
    pub(super) fn changes(&self) -> u64 {
        lock(&self.hands).changes
    }
}

impl Clock for EngineClock {
    fn now(&self) -> Instant {
        let stands = if self.is_frozen() { lock(&self.hands).at } else { None };
        stands.unwrap_or_else(Instant::now)
    }

    fn date(&self) -> SystemTime {
        let hands = lock(&self.hands);
        match (hands.at, hands.stopped) {
            (Some(at), Some((stopped, date))) => date + at.saturating_duration_since(stopped),
            _ => SystemTime::now(),
        }
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let mut hands = lock(&self.hands);
        hands.serial += 1;
        let id = (at, hands.serial);
        drop(hands);
        Box::pin(Sleeper { hands: self.hands.clone(), id, timer: None, waits: false })
    }
}

/// One wait. It is known to the clock from its first poll on, so that the clock can be stopped and moved under it.
struct Sleeper {
    hands: Arc<Mutex<Hands>>,
    id: SleeperId,
    /// Set while the clock runs.
    timer: Option<Pin<Box<tokio::time::Sleep>>>,
    waits: bool,
}

impl Sleeper {
    fn end(&mut self) {
        if std::mem::take(&mut self.waits) {
            let mut hands = lock(&self.hands);
            hands.sleepers.remove(&self.id);
            hands.changes += 1;
        }
    }
}

impl Future for Sleeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let at = this.id.0;
        let mut hands = lock(&this.hands);
        let stands = hands.at;
        if stands.is_some_and(|now| now >= at) {
            drop(hands);
            this.end();
            return Poll::Ready(());
        }
        hands.sleepers.insert(this.id, context.waker().clone());
        if !std::mem::replace(&mut this.waits, true) {
            hands.changes += 1;
        }
        drop(hands);
        if stands.is_some() {
            this.timer = None;
            return Poll::Pending;
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        let over = timer.as_mut().poll(context);
        if over.is_ready() {
            this.end();
        }
        over
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.end();
    }
}

fn lock(hands: &Mutex<Hands>) -> MutexGuard<'_, Hands> {
    hands.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::yield_now;

    fn frozen() -> (Arc<EngineClock>, Instant) {
        let clock = Arc::new(EngineClock::default());
        clock.freeze();
        let now = clock.now();
        (clock, now)
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[tokio::test]
    async fn who_sleeps_by_a_frozen_clock_wakes_when_it_is_moved_to_that_time_and_not_before() {
        let (clock, start) = frozen();
        let sleeping = tokio::spawn(clock.sleep_until(start + ms(100)));
        yield_now().await;
        assert_eq!(clock.next_sleeper(), Some(start + ms(100)));
        clock.move_to(start + ms(99));
        yield_now().await;
        assert!(!sleeping.is_finished());
        clock.move_to(start + ms(100));
        sleeping.await.unwrap();
        assert_eq!(clock.next_sleeper(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_frozen_while_somebody_sleeps_lets_nobody_wake_by_real_time() {
        let clock = Arc::new(EngineClock::default());
        let at = clock.now() + Duration::from_secs(1000);
        let sleeping = tokio::spawn(clock.sleep_until(at));
        yield_now().await;
        clock.freeze();
        // The paused runtime goes to the next timer at once: the sleeper's is before this one.
        tokio::time::sleep(Duration::from_secs(2000)).await;
        assert!(!sleeping.is_finished());
        clock.move_to(at);
        sleeping.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_runs_ends_a_wait_by_itself() {
        let clock = EngineClock::default();
        clock.sleep_until(clock.now() + Duration::from_secs(1000)).await;
        assert_eq!(clock.next_sleeper(), None);
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_leaves_nothing_behind() {
        let (clock, start) = frozen();
        let sleeping = tokio::spawn(clock.sleep_until(start + ms(1)));
        yield_now().await;
        let before = clock.changes();
        sleeping.abort();
        assert!(sleeping.await.unwrap_err().is_cancelled());
        assert_eq!(clock.next_sleeper(), None);
        assert_ne!(clock.changes(), before);
    }

    #[tokio::test]
    async fn a_limit_ends_what_is_not_there_by_then() {
        let (clock, start) = frozen();
        let limited: Arc<dyn Clock> = clock.clone();
        assert_eq!(limited.timeout(ms(5), async { 1 }).await, Ok(1));
        let waiting = tokio::spawn(async move { limited.timeout(ms(5), std::future::pending::<()>()).await });
        yield_now().await;
        clock.move_to(start + ms(4));
        yield_now().await;
        assert!(!waiting.is_finished());
        clock.move_to(start + ms(5));
        assert!(waiting.await.unwrap().is_err());
    }

    #[test]
    fn the_date_goes_on_with_the_clock() {
        let (clock, start) = frozen();
        let date = clock.date();
        assert_eq!(clock.date(), date);
        clock.move_to(start + Duration::from_secs(86_400));
        assert_eq!(clock.date(), date + Duration::from_secs(86_400));
        clock.move_to(start);
        assert_eq!(clock.date(), date + Duration::from_secs(86_400));
    }
}
