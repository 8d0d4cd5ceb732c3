//! What a script has seen, as a list of words.

use std::sync::{Arc, Mutex};

use oversip::client::session::CallbackClass;
use oversip::simulation::{Blocks, Turn};

use super::{BOB, CAROL, DAVE};

/// What a script has seen, in order: the events of its blocks, in the words of [`noting`] or of [`telling`], and what a test
/// adds.
#[derive(Debug, Clone, Default)]
pub struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.0.lock().expect("no test has failed at it")
    }

    /// Adds something.
    pub fn add(&self, note: impl Into<String>) {
        self.kept().push(note.into());
    }

    /// Adds the event of a block.
    pub fn see(&self, turn: &Turn<'_, '_>) {
        self.add(event(turn));
    }

    /// All notes so far.
    pub fn all(&self) -> Vec<String> {
        self.kept().clone()
    }

    /// All notes since the last call.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.kept())
    }

    /// The notes so far of one class of events.
    pub fn of(&self, class: &str) -> Vec<String> {
        self.kept().iter().filter(|note| note.split(' ').next() == Some(class)).cloned().collect()
    }
}

/// The event of a block: its class, the status of its response or its failure, and the party whose answer or target it is.
fn event(turn: &Turn<'_, '_>) -> String {
    let Some(round) = turn.round() else { return "request".into() };
    let class = match round.callback.class() {
        CallbackClass::Provisional => "provisional",
        CallbackClass::Success => "success",
        CallbackClass::Failure => "failure",
        CallbackClass::Canceled => "canceled",
        CallbackClass::InviteTimeout => "invite_timeout",
        CallbackClass::Error => "error",
        CallbackClass::Target => "target",
    };
    let status = match (turn.status(), turn.failure()) {
        (0, Some(failure)) => format!(" {}", failure.status),
        (0, None) => String::new(),
        (status, _) => format!(" {status}"),
    };
    let party = turn.target().map(|target| match target.addr.to_string().as_str() {
        BOB => " bob".to_owned(),
        CAROL => " carol".to_owned(),
        DAVE => " dave".to_owned(),
        other => format!(" {other}"),
    });
    format!("{class}{status}{}", party.unwrap_or_default())
}

/// A script whose blocks note targets, failures and errors: `target tcp:10.0.2.1:5060`, `failure 503`,
/// `error 500 connection_error`.
pub fn telling(blocks: Blocks, notes: &Notes) -> Blocks {
    let [targets, failures, errors] = std::array::from_fn(|_| notes.clone());
    blocks
        .on(CallbackClass::Target, move |turn| {
            targets.add(format!("target {}", turn.target().expect("a target")));
        })
        .on_failure(move |turn| failures.add(format!("failure {}", turn.status())))
        .on_error(move |turn| {
            let failure = turn.failure().expect("a failure");
            errors.add(format!("error {} {}", failure.status, failure.code));
        })
}

/// A script whose blocks note all events but `on_target`, with the party, as `failure 486 bob`; they do nothing else.
pub fn noting(blocks: Blocks, notes: &Notes) -> Blocks {
    let classes = CallbackClass::ALL.into_iter().filter(|class| *class != CallbackClass::Target);
    classes.fold(blocks, |blocks, class| {
        let notes = notes.clone();
        blocks.on(class, move |turn| notes.see(turn))
    })
}
