//! What is to leave, in the order of the steps that have asked for it, and whose turn it is to send.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Instant;

use bytes::Bytes;

use crate::element::{CallId, Happening, Hold, NextHop, Outcome, Sender, WayBack};
use crate::host::lock;
use crate::message::ConnectionId;

/// Messages that may wait until the thread that sends has sent them; beyond it who has something to send waits for its turn.
const MOST_DELIVERIES: usize = 1024;

/// What happens without the element's lock, in its turn.
pub(super) enum Delivery {
    Request {
        sender: Sender,
        hop: NextHop,
        wire: Bytes,
    },
    Response {
        way_back: WayBack,
        wire: Bytes,
        hold: Option<Hold>,
    },
    End(ConnectionId),
    /// Those who look on are told what the element has done at that time.
    Happened(Instant, Happening),
    /// Who waits for a call goes on when all that the call has caused before has left.
    CallEnded {
        call: CallId,
        outcome: Outcome,
    },
}

/// Messages and what else happens in their order.
#[derive(Default)]
pub(super) struct Deliveries {
    waiting: Mutex<VecDeque<Delivery>>,
    /// Held by the one thread that sends what is to leave.
    sending: Mutex<()>,
}

impl Deliveries {
    pub(super) fn add(&self, delivery: Delivery) {
        lock(&self.waiting).push_back(delivery);
    }

    pub(super) fn next(&self) -> Option<Delivery> {
        lock(&self.waiting).pop_front()
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        lock(&self.waiting).len()
    }

    /// The turn to send; `None` when nothing waits, or when another thread takes it along. Waits for its turn where much waits.
    pub(super) fn turn(&self) -> Option<MutexGuard<'_, ()>> {
        let waiting = self.len();
        if waiting == 0 {
            return None;
        }
        match self.sending.try_lock() {
            Ok(sending) => Some(sending),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => (waiting > MOST_DELIVERIES).then(|| self.wait_for_turn()),
        }
    }

    /// Waits until nobody else sends.
    pub(super) fn wait_for_turn(&self) -> MutexGuard<'_, ()> {
        lock(&self.sending)
    }
}
