//! What the blocks of a script were told, in their order.

use std::sync::{Arc, Mutex};

use oversip::client::session::CallbackClass;
use oversip::simulation::Blocks;

/// What a script was told: `target tcp:10.0.2.1:5060`, `error 500 connection_error`, `failure 503`.
#[derive(Debug, Clone, Default)]
pub struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    /// Adds something.
    pub fn note(&self, what: String) {
        self.0.lock().expect("nobody has panicked here").push(what);
    }

    /// All of it so far.
    pub fn all(&self) -> Vec<String> {
        self.0.lock().expect("nobody has panicked here").clone()
    }

    /// Notes what the blocks of a script are told.
    pub fn listen(&self, script: Blocks) -> Blocks {
        let [targets, failures, errors] = [self.clone(), self.clone(), self.clone()];
        script
            .on(CallbackClass::Target, move |turn| {
                let target = turn.target().expect("a target");
                targets.note(format!("target {target}"));
            })
            .on_failure(move |turn| failures.note(format!("failure {}", turn.status())))
            .on_error(move |turn| {
                let failure = turn.failure().expect("a failure");
                errors.note(format!("error {} {}", failure.status, failure.code));
            })
    }
}
