//! Timer names and the values they are derived from (RFC 3261 table 4, RFC 6026 7.1, RFC 3261 16.6 item 11).

use std::time::Duration;

/// The three base values of RFC 3261 17.1.1.1. Every other interval follows from them or from the profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timings {
    /// Estimate of the round-trip time; first retransmission interval.
    pub t1: Duration,
    /// Longest interval between retransmissions of a non-INVITE request or of a final response to INVITE.
    pub t2: Duration,
    /// Longest time a message stays in the network.
    pub t4: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Timings { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timings {
    /// How long a final response is held against late retransmissions over an unreliable transport: "at least 32 s".
    const D: Duration = Duration::from_secs(32);
    /// A little above timer C's upper bound of 180 s, so that the client side gives up first.
    const C2: Duration = Duration::from_secs(182);

    /// 64*T1: timers H, J, L, M, and how long a cancelled INVITE waits for its final response.
    pub fn transaction_timeout(&self) -> Duration {
        self.t1 * 64
    }

    /// Whether this is 64*T1, but for less than the last interval between retransmissions: what came late by a look-up is as
    /// good as the whole.
    pub fn is_nearly_transaction_timeout(&self, waited: Duration) -> bool {
        waited + self.t2 > self.transaction_timeout()
    }

    /// Timer D over an unreliable transport.
    pub fn d(&self) -> Duration {
        Self::D
    }

    /// Timer C2.
    pub fn c2(&self) -> Duration {
        Self::C2
    }

    /// Timer INT1: when the client's timer E is set to T2, which is the earliest time for a 100 over UDP and the latest one
    /// over any transport (RFC 4320 4.1). 3.5 s with the default values.
    pub fn int1(&self) -> Duration {
        let (mut elapsed, mut interval) = (Duration::ZERO, self.t1);
        while interval < self.t2 {
            elapsed += interval;
            interval = self.doubled(interval);
        }
        elapsed
    }

    /// Timer INT2: what is left of the client's timer F after INT1.
    pub fn int2(&self) -> Duration {
        self.transaction_timeout().saturating_sub(self.int1())
    }

    /// The interval after `last` for timers that double up to T2 (E and G).
    pub(super) fn doubled(&self, last: Duration) -> Duration {
        (last * 2).min(self.t2)
    }
}

/// The timers of all four machines. A machine knows only its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// INVITE client: next retransmission of the request while calling.
    A,
    /// INVITE client: no response at all.
    B,
    /// INVITE client: no final response; set anew by provisional ones only where the core wants that.
    C,
    /// INVITE client: absorbs retransmissions of a non-2xx final response.
    D,
    /// INVITE client: lets further 2xx through (RFC 6026).
    M,
    /// INVITE client: next retransmission of its CANCEL.
    CancelE,
    /// INVITE client: the final response due after CANCEL; bounds the retransmissions of CANCEL too.
    CancelWait,
    /// Non-INVITE client: next retransmission of the request.
    E,
    /// Non-INVITE client: no final response.
    F,
    /// Non-INVITE client: absorbs retransmissions of the final response.
    K,
    /// INVITE server: the core gave no final response.
    C2,
    /// INVITE server: next retransmission of a non-2xx final response.
    G,
    /// INVITE server: no ACK came.
    H,
    /// INVITE server: absorbs retransmissions of the ACK.
    I,
    /// INVITE server: absorbs retransmissions of an accepted INVITE (RFC 6026).
    L,
    /// Non-INVITE server: the core has sent nothing, the client deserves a 100.
    Int1,
    /// Non-INVITE server: the client has given up by now.
    Int2,
    /// Non-INVITE server: answers retransmissions of the request with the final response.
    J,
}

impl Timer {
    /// Whether it only ends the time in which a transaction that is over absorbs what is repeated.
    pub fn only_absorbs(self) -> bool {
        matches!(self, Timer::D | Timer::I | Timer::J | Timer::K | Timer::L | Timer::M)
    }

    /// Its name: that of RFC 3261 or RFC 6026 where it has one.
    pub fn name(self) -> &'static str {
        match self {
            Timer::A => "A",
            Timer::B => "B",
            Timer::C => "C",
            Timer::D => "D",
            Timer::E | Timer::CancelE => "E",
            Timer::F => "F",
            Timer::G => "G",
            Timer::H => "H",
            Timer::I => "I",
            Timer::J => "J",
            Timer::K => "K",
            Timer::L => "L",
            Timer::M => "M",
            Timer::CancelWait => "CANCEL",
            Timer::C2 => "C2",
            Timer::Int1 => "INT1",
            Timer::Int2 => "INT2",
        }
    }
}
