//! A bench that runs one machine under a clock that the test moves, and checks what every machine owes its owner.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use oversip::transaction::{
    ClientEffect, InviteClient, InviteServer, NonInviteClient, NonInviteServer, ServerEffect, Timer,
};

/// What an effect means for the owner's timers.
pub enum Op {
    Arm(Timer, Instant),
    Stop(Timer),
    Terminated,
    Other,
}

pub trait Effect: Clone + Debug + PartialEq {
    fn op(&self) -> Op;
}

impl Effect for ClientEffect {
    fn op(&self) -> Op {
        match self {
            ClientEffect::Arm(timer, at) => Op::Arm(*timer, *at),
            ClientEffect::Stop(timer) => Op::Stop(*timer),
            ClientEffect::Terminated => Op::Terminated,
            _ => Op::Other,
        }
    }
}

impl Effect for ServerEffect {
    fn op(&self) -> Op {
        match self {
            ServerEffect::Arm(timer, at) => Op::Arm(*timer, *at),
            ServerEffect::Stop(timer) => Op::Stop(*timer),
            ServerEffect::Terminated => Op::Terminated,
            _ => Op::Other,
        }
    }
}

pub trait Machine {
    type Effect: Effect;
    fn fire(&mut self, now: Instant, timer: Timer) -> Vec<Self::Effect>;
}

macro_rules! machine {
    ($machine:ty, $effect:ty) => {
        impl Machine for $machine {
            type Effect = $effect;
            fn fire(&mut self, now: Instant, timer: Timer) -> Vec<$effect> {
                self.timer(now, timer).into_vec()
            }
        }
    };
}

machine!(InviteClient, ClientEffect);
machine!(NonInviteClient, ClientEffect);
machine!(InviteServer, ServerEffect);
machine!(NonInviteServer, ServerEffect);

/// All timers there are, the machine's own and foreign ones.
pub const ALL_TIMERS: [Timer; 18] = [
    Timer::A,
    Timer::B,
    Timer::C,
    Timer::D,
    Timer::M,
    Timer::CancelE,
    Timer::CancelWait,
    Timer::E,
    Timer::F,
    Timer::K,
    Timer::C2,
    Timer::G,
    Timer::H,
    Timer::I,
    Timer::L,
    Timer::Int1,
    Timer::Int2,
    Timer::J,
];

/// One machine, its armed timers and the time. Times are milliseconds since the start.
pub struct Bench<M: Machine> {
    pub machine: M,
    start: Instant,
    now: Instant,
    armed: BTreeMap<Timer, Instant>,
    over: bool,
}

impl<M: Machine> Bench<M> {
    /// Makes the machine at time 0 and returns its first effects without those on timers.
    pub fn start<V: IntoIterator<Item = M::Effect>>(
        make: impl FnOnce(Instant) -> (M, V),
    ) -> (Self, Vec<M::Effect>) {
        let start = Instant::now();
        let (machine, effects) = make(start);
        let mut bench = Bench { machine, start, now: start, armed: BTreeMap::new(), over: false };
        let seen = bench.carry_out(effects);
        (bench, seen)
    }

    /// Hands an input in now; returns the effects without those on timers.
    pub fn input<V: IntoIterator<Item = M::Effect>>(
        &mut self,
        input: impl FnOnce(&mut M, Instant) -> V,
    ) -> Vec<M::Effect> {
        let effects = input(&mut self.machine, self.now);
        self.carry_out(effects)
    }

    /// Moves the clock, fires what falls due on the way and returns the effects with their times.
    pub fn advance_to(&mut self, millis: u64) -> Vec<(u64, M::Effect)> {
        let target = self.start + Duration::from_millis(millis);
        assert!(target >= self.now, "the clock never goes back");
        let mut seen = Vec::new();
        while let Some((timer, at)) = self.next_due().filter(|(_, at)| *at <= target) {
            self.now = at;
            self.armed.remove(&timer);
            let effects = self.machine.fire(at, timer);
            let millis = self.millis(at);
            seen.extend(self.carry_out(effects).into_iter().map(|effect| (millis, effect)));
        }
        self.now = target;
        seen
    }

    /// The armed timers with their times.
    pub fn armed(&self) -> Vec<(Timer, u64)> {
        self.armed.iter().map(|(timer, at)| (*timer, self.millis(*at))).collect()
    }

    /// Fires, out of turn, every timer that is not armed: none may have an effect.
    pub fn assert_deaf_to_other_timers(&mut self) {
        for timer in ALL_TIMERS.into_iter().filter(|timer| !self.armed.contains_key(timer)) {
            let effects = self.machine.fire(self.now, timer);
            assert_eq!(effects, [], "timer {timer:?} is not armed");
        }
    }

    pub fn is_over(&self) -> bool {
        self.over
    }

    fn carry_out(&mut self, effects: impl IntoIterator<Item = M::Effect>) -> Vec<M::Effect> {
        let mut seen = Vec::new();
        for effect in effects {
            assert!(!self.over, "{effect:?} after Terminated");
            match effect.op() {
                Op::Arm(timer, at) => {
                    assert!(at > self.now, "timer {timer:?} is set to a time that is not ahead");
                    self.armed.insert(timer, at);
                    continue;
                }
                Op::Stop(timer) => {
                    assert!(
                        self.armed.remove(&timer).is_some(),
                        "timer {timer:?} is stopped but does not run"
                    );
                    continue;
                }
                Op::Terminated => {
                    self.over = true;
                    self.armed.clear();
                }
                Op::Other => {}
            }
            seen.push(effect);
        }
        assert!(self.over || !self.armed.is_empty(), "a live machine without a timer may live for ever");
        seen
    }

    fn next_due(&self) -> Option<(Timer, Instant)> {
        self.armed.iter().map(|(timer, at)| (*timer, *at)).min_by_key(|(_, at)| *at)
    }

    fn millis(&self, at: Instant) -> u64 {
        at.duration_since(self.start).as_millis() as u64
    }
}

/// The times at which this effect was seen.
pub fn times<E: PartialEq>(seen: &[(u64, E)], wanted: &E) -> Vec<u64> {
    seen.iter().filter(|(_, effect)| effect == wanted).map(|(at, _)| *at).collect()
}
