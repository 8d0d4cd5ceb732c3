//! Who runs the engine's loop: the thread that runs the script's blocks, or the engine's own.
//!
//! The script's thread runs the loop while it waits for an event ([`Drive::run`]). What the network brings then leads to its block
//! without a change between threads. The engine's own thread stands by ([`Drive::stand_by`]): when the script's thread stays away
//! for longer than [`AWAY`], which may be the time of a block, of the garbage collector or of another thread that has the
//! interpreter, it takes the loop, and gives it back when the script's thread waits again. It looks for that by itself, so that
//! the script's thread wakes nobody each time it goes.
//!
//! The loop is a task of a current-thread runtime of tokio, which lets one thread at a time run its tasks and lets the next one
//! go on where that has stopped.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::clock::Nanoseconds;

/// How long the script's thread may stay away before the engine's own one takes the loop.
const AWAY: Duration = Duration::from_millis(1);

/// How often the engine's own thread looks for that. A look costs more than what a block costs by itself: while the script's
/// thread never stays away for long, it looks less often.
const LOOK: Duration = Duration::from_millis(1);
const RARE_LOOK: Duration = Duration::from_millis(5);

/// How many looks after the engine's own thread had the loop it looks often.
const OFTEN: u32 = 200;

/// After how many looks at which nothing had happened the engine's own thread sleeps until it is woken.
const CALM: u32 = 16;

/// The loop's runtime and the threads that may run it.
#[derive(Default)]
pub(super) struct Drive {
    /// `None` before the start and after the end.
    runtime: RwLock<Option<Runtime>>,
    clock: Nanoseconds,
    /// Threads of the script that wait for an event, one of which runs the loop. There are two for a moment when one replaces
    /// another.
    waiting: AtomicUsize,
    /// When the last one of them stopped to wait: as `clock` has it.
    went: AtomicU64,
    /// Threads that run the loop, or wait until another one has stopped to.
    running: AtomicUsize,
    /// The loop has to look for a timer that is due earlier, as soon as somebody runs it.
    is_to_look: AtomicBool,
    look: Notify,
    /// The engine's own thread.
    stand_by: OnceLock<Thread>,
    /// It runs the loop.
    is_taken: AtomicBool,
    give_back: Notify,
    /// It sleeps until it is woken.
    sleeps: AtomicBool,
    /// How often it has taken the loop.
    takeovers: AtomicU64,
    ended: AtomicBool,
}

/// What the script's thread does.
impl Drive {
    /// Runs the loop, unless another thread does, until `event` is there. Without a loop it only waits.
    pub(super) fn run<T>(&self, event: impl Future<Output = T>) -> T {
        let runtime = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        match runtime.as_ref().filter(|_| !self.has_ended()) {
            Some(runtime) => {
                let _waits = Waits::begin(self);
                runtime.block_on(self.running(event))
            }
            None => {
                drop(runtime);
                park_until(event)
            }
        }
    }

    /// A future in whose time this thread runs the loop.
    async fn running<T>(&self, until: impl Future<Output = T>) -> T {
        let _runs = Runs::begin(self);
        until.await
    }
}

/// What the loop and those who step the element do.
impl Drive {
    /// A timer is due before the loop wakes by itself.
    pub(super) fn timer_is_earlier(&self) {
        self.is_to_look.store(true, Ordering::SeqCst);
        if self.running.load(Ordering::SeqCst) > 0 {
            self.make_loop_look();
        }
    }

    fn make_loop_look(&self) {
        if self.is_to_look.swap(false, Ordering::SeqCst) {
            self.look.notify_one();
        }
    }

    /// Ends when the loop has to look for its next timer again.
    pub(super) async fn has_to_look(&self) {
        self.look.notified().await;
    }

    /// The loop has done everything for now: it goes back to the script's thread if that waits.
    pub(super) fn turn_is_over(&self) {
        if self.is_taken.load(Ordering::Relaxed) && self.script_waits() {
            self.give_back.notify_one();
        }
    }

    /// The loop has ended. Those who wait in [`Drive::run`] have to come back.
    pub(super) fn loop_has_ended(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.give_back.notify_one();
        self.wake_stand_by();
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn script_waits(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }

    fn wake_stand_by(&self) {
        if let Some(thread) = self.stand_by.get() {
            thread.unpark();
        }
    }
}

/// What the engine's own thread does.
impl Drive {
    /// The loop is a task of this runtime.
    pub(super) fn begin(&self, runtime: Runtime) {
        *self.runtime.write().unwrap_or_else(PoisonError::into_inner) = Some(runtime);
    }

    /// Runs the loop whenever the script's thread does not, until it has ended. Hands out the runtime, which nobody else uses any
    /// more.
    pub(super) fn stand_by(&self) -> Option<Runtime> {
        let _ = self.stand_by.set(thread::current());
        let (mut calm, mut often, mut before) = (0, 0, None);
        while !self.has_ended() {
            let waits = self.script_waits();
            // Behind that: a thread that waits no longer has said before when it went.
            let went = self.went.load(Ordering::Relaxed);
            if !waits {
                match AWAY.checked_sub(self.since(went)) {
                    Some(rest) if !rest.is_zero() => thread::park_timeout(rest),
                    _ => {
                        self.take();
                        often = OFTEN;
                    }
                }
            } else if calm < CALM {
                thread::park_timeout(if often > 0 { LOOK } else { RARE_LOOK });
            } else {
                self.sleep();
            }
            often = often.saturating_sub(1);
            calm = if before.replace(went) == Some(went) { calm + 1 } else { 0 };
        }
        self.runtime.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How often the engine's own thread has taken the loop from the script's.
    pub(super) fn takeovers(&self) -> u64 {
        self.takeovers.load(Ordering::Relaxed)
    }

    fn since(&self, nanoseconds: u64) -> Duration {
        Duration::from_nanos(self.clock.now().saturating_sub(nanoseconds))
    }

    fn take(&self) {
        let runtime = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
        let Some(runtime) = &*runtime else { return };
        self.takeovers.fetch_add(1, Ordering::Relaxed);
        self.is_taken.store(true, Ordering::Relaxed);
        runtime.block_on(self.running(async {
            while !self.has_ended() {
                self.give_back.notified().await;
                if self.script_waits() {
                    break;
                }
            }
        }));
        self.is_taken.store(false, Ordering::Relaxed);
    }

    /// Sleeps while the script's thread waits and nothing happens.
    fn sleep(&self) {
        self.sleeps.store(true, Ordering::SeqCst);
        if self.script_waits() && !self.has_ended() {
            thread::park();
        }
        self.sleeps.store(false, Ordering::SeqCst);
    }
}

/// A thread of the script waits as long as this lives.
struct Waits<'a>(&'a Drive);

impl<'a> Waits<'a> {
    fn begin(drive: &'a Drive) -> Self {
        drive.waiting.fetch_add(1, Ordering::SeqCst);
        Waits(drive)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        let Waits(drive) = self;
        drive.went.store(drive.clock.now(), Ordering::Relaxed);
        drive.waiting.fetch_sub(1, Ordering::SeqCst);
        if drive.sleeps.load(Ordering::SeqCst) {
            drive.wake_stand_by();
        }
    }
}

/// A thread runs the loop, or waits to, as long as this lives.
struct Runs<'a>(&'a Drive);

impl<'a> Runs<'a> {
    /// Within the runtime: there it costs no system call to wake the loop.
    fn begin(drive: &'a Drive) -> Self {
        drive.running.fetch_add(1, Ordering::SeqCst);
        drive.make_loop_look();
        Runs(drive)
    }
}

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Unparks(Thread);

impl Wake for Unparks {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future that another thread wakes.
pub(super) fn park_until<T>(future: impl Future<Output = T>) -> T {
    let waker = Arc::new(Unparks(thread::current())).into();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::events::{EventQueue, Wake as Woken};
    use std::thread::{yield_now, JoinHandle};
    use tokio::sync::mpsc::{unbounded_channel, UnboundedSender};

    /// A loop that queues what comes, and 0 when it has to look.
    struct Scene {
        drive: Arc<Drive>,
        events: Arc<EventQueue<i32>>,
        network: UnboundedSender<i32>,
    }

    impl Scene {
        fn new() -> Scene {
            let (drive, events) = (Arc::new(Drive::default()), Arc::new(EventQueue::default()));
            let (network, mut news) = unbounded_channel();
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let (driven, queue) = (drive.clone(), events.clone());
            runtime.spawn(async move {
                loop {
                    let event = tokio::select! {
                        event = news.recv() => event,
                        () = driven.has_to_look() => Some(0),
                    };
                    let Some(event) = event else { break };
                    queue.push(event);
                    driven.turn_is_over();
                }
                driven.loop_has_ended();
                queue.interrupt();
            });
            drive.begin(runtime);
            Scene { drive, events, network }
        }

        /// The engine's own thread, until the loop has ended.
        fn stand_by(&self) -> JoinHandle<()> {
            let drive = self.drive.clone();
            thread::spawn(move || drop(drive.stand_by()))
        }

        fn wait(&self) -> Woken {
            self.drive.run(self.events.ready(0))
        }

        #[track_caller]
        fn assert_next(&self, event: i32) {
            assert_eq!((self.wait(), self.events.pop()), (Woken::Event, Some(event)));
        }

        /// The script's thread stays away until the engine's own one has the loop.
        fn stay_away(&self) {
            while !self.drive.is_taken.load(Ordering::Relaxed) {
                yield_now();
            }
        }

        /// Nothing comes any more: the loop ends, and with it everybody's wait.
        fn end(self, engine: JoinHandle<()>) {
            let Scene { drive, events, network } = self;
            drop(network);
            assert_eq!(drive.run(events.ready(0)), Woken::Interrupted);
            engine.join().expect("no panic");
        }
    }

    #[test]
    fn what_comes_leads_to_its_event_whoever_runs_the_loop() {
        let scene = Scene::new();
        let engine = scene.stand_by();
        thread::scope(|scope| {
            scope.spawn(|| {
                for event in 1..=1000 {
                    scene.network.send(event).expect("a loop");
                    yield_now();
                }
            });
            for event in 1..=1000 {
                scene.assert_next(event);
                if event % 20 == 0 {
                    scene.stay_away();
                }
            }
        });
        assert!(scene.drive.takeovers() > 0);
        scene.end(engine);
    }

    #[test]
    fn the_engines_own_thread_sleeps_while_nothing_happens_and_wakes_when_a_block_runs() {
        let scene = Scene::new();
        let engine = thread::scope(|scope| {
            let engine = scope.spawn(|| {
                // Before that it takes the loop, and has it until something happens.
                while !scene.drive.script_waits() {
                    yield_now();
                }
                let engine = scene.stand_by();
                while !scene.drive.sleeps.load(Ordering::SeqCst) {
                    yield_now();
                }
                scene.network.send(1).expect("a loop");
                engine
            });
            scene.assert_next(1);
            engine.join().expect("no panic")
        });
        scene.stay_away();
        scene.end(engine);
    }

    #[test]
    fn two_threads_that_wait_are_both_told_of_an_event() {
        let scene = Scene::new();
        let engine = scene.stand_by();
        thread::scope(|scope| {
            let other = scope.spawn(|| scene.wait());
            while !scene.drive.script_waits() {
                yield_now();
            }
            scene.network.send(1).expect("a loop");
            assert_eq!((scene.wait(), other.join().expect("no panic")), (Woken::Event, Woken::Event));
        });
        scene.assert_next(1);
        scene.end(engine);
    }

    #[test]
    fn a_timer_that_is_earlier_is_looked_at_whether_somebody_runs_the_loop_or_nobody_does() {
        let scene = Scene::new();
        scene.drive.timer_is_earlier();
        scene.assert_next(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                while scene.drive.running.load(Ordering::SeqCst) == 0 {
                    yield_now();
                }
                scene.drive.timer_is_earlier();
            });
            scene.assert_next(0);
        });
        let engine = scene.stand_by();
        scene.end(engine);
    }
}
