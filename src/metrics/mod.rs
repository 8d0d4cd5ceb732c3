//! What is counted and timed for operators.

use crate::element::Happening;
use crate::observed::{BlockRun, ObservedMessage};

/// The figures of an engine.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// A message has come or leaves.
    pub fn message(&self, _message: &ObservedMessage<'_>) {}

    /// Something has happened.
    pub fn happened(&self, _happening: &Happening) {}

    /// A block has run.
    pub fn block_ran(&self, _run: &BlockRun<'_>) {}
}
