//! The answers to CANCELs, kept to be sent again: a CANCEL is a transaction of its own (RFC 3261 9.2, 17.2.2), and may be repeated
//! when that of its INVITE has ended.

use bytes::Bytes;

use super::table::{Table, Tables};
use crate::transaction::{KeyText, ServerKey};

/// Answers remembered at once; beyond it a CANCEL that comes again when its INVITE is over gets 481.
const LIMIT: usize = 50_000;

/// The remembered answers.
#[derive(Debug)]
pub(super) struct Cancels {
    answers: Table<KeyText, Bytes>,
}

impl Cancels {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { answers: tables.table() }
    }

    /// Remembers an answer until [`Cancels::forget`]. False: too many are remembered.
    pub(super) fn remember(&mut self, cancel: KeyText, answer: Bytes) -> bool {
        let room = self.answers.len() < LIMIT;
        if room {
            self.answers.insert(cancel, answer);
        }
        room
    }

    /// The answer that was sent to this CANCEL before.
    pub(super) fn get(&self, cancel: &ServerKey) -> Option<&Bytes> {
        self.answers.get(cancel.text())
    }

    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(super) fn forget(&mut self, cancel: &KeyText) {
        self.answers.remove(cancel);
    }
}
