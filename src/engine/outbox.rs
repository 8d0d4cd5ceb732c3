//! Commands on their way to the engine. The dispatcher's thread holds back those that nothing waits for until its
//! event is over, since each wake-up of the engine's thread costs more than most commands.

use std::cell::RefCell;

use super::commands::Command;
use super::Shared;

thread_local! {
    /// What this thread holds back; `None` on threads that post at once.
    static HELD: RefCell<Option<Vec<Command>>> = const { RefCell::new(None) };
}

/// Posts a command, together with those held back before it; or holds it back.
pub(super) fn post(shared: &Shared, command: Command) {
    if !is_holding() {
        return send(shared, command);
    }
    let urgent = command.is_urgent();
    HELD.with_borrow_mut(|held| held.get_or_insert_default().push(command));
    if urgent {
        flush(shared);
    }
}

fn is_holding() -> bool {
    HELD.with_borrow(|held| held.is_some())
}

/// This thread begins to hold back.
pub(super) fn hold() {
    HELD.with_borrow_mut(|held| {
        held.get_or_insert_with(Vec::new);
    });
}

/// Posts what was held back; this thread posts at once again.
pub(super) fn release(shared: &Shared) {
    flush(shared);
    HELD.set(None);
}

fn flush(shared: &Shared) {
    let commands = HELD.with_borrow_mut(|held| held.as_mut().map(std::mem::take)).unwrap_or_default();
    if !commands.is_empty() {
        send(shared, Command::Batch(commands));
    }
}

fn send(shared: &Shared, command: Command) {
    // The engine is gone only after it was stopped; then nothing is owed to anybody.
    let _ = shared.commands.send(command);
}
