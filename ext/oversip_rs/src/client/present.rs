//! The events of a `Client` whose blocks run, and which of them the caller is in. What a block asks of its Client concerns the
//! request of the block's event; there may be several at a time: a block may call `route`, and may suspend its Fiber.

use std::cell::{Cell, RefCell};

use magnus::{gc::Marker, prelude::*, rb_sys::AsRawValue, value::Opaque, Ruby, Value};
use oversip::client::Target;
use oversip::element::Origin;

use crate::{classes::dispatcher_module, dispatcher_thread, slot::Owner};

/// What an event is about, and what its blocks have asked of their Client.
pub(super) struct Asked {
    /// The request of the event.
    pub(super) request: Opaque<Value>,
    /// Where that comes from.
    pub(super) origin: Origin,
    /// Its target in use, or its last one.
    pub(super) target: Option<Target>,
    /// `drop_response` was called: what the event would send upstream is not sent.
    pub(super) dropped: bool,
    /// `abort_routing` was called when nothing of the request was left to be aborted: its next `route` in this event is.
    pub(super) aborts_next: bool,
}

/// An event whose blocks run.
struct PresentEvent {
    number: u64,
    /// The Fiber in which they run.
    fiber: Opaque<Value>,
    asked: Asked,
}

/// The events of one Client whose blocks run, in the order in which they began.
#[derive(Default)]
pub(super) struct PresentEvents {
    events: RefCell<Vec<PresentEvent>>,
    last: Cell<u64>,
}

impl PresentEvents {
    /// An event that is never resumed keeps its Fiber and its request, so that no other object gets their place. Nothing of Ruby
    /// is made during another borrow, so that no garbage collection falls into one.
    pub(super) fn mark(&self, marker: &Marker) {
        for event in self.events.borrow().iter() {
            marker.mark(event.fiber);
            marker.mark(event.asked.request);
        }
    }

    /// The blocks of an event begin to run, in the calling Fiber. `owner` is the object that this belongs to. Hands out the
    /// number to end it by.
    pub(super) fn begin(&self, ruby: &Ruby, owner: impl Owner + Copy, asked: Asked) -> u64 {
        let fiber = ruby.fiber_current().as_value();
        let number = self.last.get() + 1;
        self.last.set(number);
        let request = asked.request;
        self.events.borrow_mut().push(PresentEvent { number, fiber: fiber.into(), asked });
        owner.now_refers_to(fiber);
        owner.now_refers_to(ruby.get_inner(request));
        number
    }

    /// The blocks of an event have run.
    pub(super) fn end(&self, number: u64) -> Option<Asked> {
        let mut events = self.events.borrow_mut();
        let index = events.iter().rposition(|event| event.number == number)?;
        Some(events.remove(index).asked)
    }

    /// Does something with the event in whose block the caller is. `None` outside: in `on_request`, in a block of another Client
    /// or of another event, in another thread.
    pub(super) fn with<R>(&self, ruby: &Ruby, look: impl FnOnce(&mut Asked) -> R) -> Option<R> {
        if self.events.borrow().is_empty() {
            return None;
        }
        let fiber = ruby.fiber_current().as_value();
        let is_here = |event: &PresentEvent| ruby.get_inner(event.fiber).as_raw() == fiber.as_raw();
        let own = self.events.borrow().iter().rposition(is_here);
        // A Fiber that a block has made, such as an Enumerator's, acts for the block.
        let index = own.or_else(|| {
            let within = dispatcher_thread::is_current() && !runs_events(ruby, fiber);
            self.events.borrow().len().checked_sub(1).filter(|_| within)
        })?;
        self.events.borrow_mut().get_mut(index).map(|event| look(&mut event.asked))
    }
}

/// Whether the dispatcher runs events in this Fiber.
fn runs_events(ruby: &Ruby, fiber: Value) -> bool {
    dispatcher_module(ruby).funcall("event_fiber?", (fiber,)).unwrap_or(true)
}
