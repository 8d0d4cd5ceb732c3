//! What a machine asks of its owner.

use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use super::Timer;

/// The effects of one input on a client machine, to be carried out in order.
pub type ClientEffects = SmallVec<[ClientEffect; 6]>;

/// The effects of one input on a server machine, to be carried out in order.
pub type ServerEffects = SmallVec<[ServerEffect; 4]>;

/// An effect of a client machine. "The response" is the one whose arrival was just handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientEffect {
    /// Send the request, or send it again.
    SendRequest,
    /// Send the ACK for the response, a non-2xx final one (RFC 3261 17.1.1.3).
    SendAck,
    /// Send the CANCEL for the INVITE, or send it again (RFC 3261 9.1).
    SendCancel,
    /// Set this timer, replacing an earlier setting of it.
    Arm(Timer, Instant),
    /// Forget this timer.
    Stop(Timer),
    /// Pass the response up.
    Response,
    /// The response is a 2xx with a To tag that was already passed up: have it acknowledged again, run no callbacks.
    RepeatedSuccess,
    /// The response is the final one, but the core has stopped waiting for it (after timer C or `abandon`).
    SwallowedFinal,
    /// Timer B or F: the peer never answered. Look at `is_canceled` before another target is tried.
    Timeout,
    /// Timer C: no final response in time. The machine cancels by itself and lives on.
    InviteTimeout,
    /// CANCEL was sent and the final response that must follow did not come: the INVITE counts as cancelled.
    CancelTimeout,
    /// The request could not be delivered.
    TransportFailed,
    /// The machine is over: drop it and all its timers.
    Terminated,
}

/// An effect of a server machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerEffect {
    /// Send these bytes, a response given to the machine now or earlier.
    Send(Bytes),
    /// Set this timer, replacing an earlier setting of it.
    Arm(Timer, Instant),
    /// Forget this timer.
    Stop(Timer),
    /// The core has sent nothing to a non-INVITE yet: respond `100 I'm alive`.
    StillAlive,
    /// Timer C2: cancel what is pending downstream and respond 408.
    Expired,
    /// The machine is over: drop it and all its timers.
    Terminated,
}

/// Where an ACK that matches an INVITE server transaction belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AckOutcome {
    /// It is the transaction's own.
    Absorbed(ServerEffects),
    /// It acknowledges a 2xx: the core gets it like any request without a transaction.
    PassToCore,
}
