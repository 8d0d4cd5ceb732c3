//! A place for one Ruby value inside a wrapped Rust struct.

use std::cell::Cell;

use magnus::{
    gc::Marker,
    rb_sys::AsRawValue,
    typed_data::{Obj, Writebarrier},
    value::{Opaque, ReprValue},
    Ruby, TypedData, Value,
};
use rb_sys::SPECIAL_CONST_P;

/// An object that has slots.
pub trait Owner {
    /// Carries the write barrier: the object refers to `value` from now on, which is a pointer.
    fn now_refers_to(self, value: Value);
}

impl<T: TypedData> Owner for Obj<T> {
    fn now_refers_to(self, value: Value) {
        self.writebarrier(value);
    }
}

/// A Ruby value held by a Rust struct, or nothing yet. nil is a value: an empty slot means "not asked for so far".
///
/// Its owner is a write-barrier-protected TypedData, therefore `set` is the only way to put something in, and a slot
/// is filled after its owner was wrapped: a value that only an unwrapped struct refers to is invisible to the GC.
/// Reading copies the value out, so no borrow is ever held while Ruby code runs.
#[derive(Default)]
pub struct Slot(Cell<Option<Opaque<Value>>>);

impl Slot {
    /// The value, if there is one.
    pub fn get(&self, ruby: &Ruby) -> Option<Value> {
        self.0.get().map(|value| ruby.get_inner(value))
    }

    /// The value, nil when there is none.
    pub fn get_or_nil(&self, ruby: &Ruby) -> Value {
        self.get(ruby).unwrap_or_else(|| ruby.qnil().as_value())
    }

    /// Whether something was put in.
    pub fn is_set(&self) -> bool {
        self.0.get().is_some()
    }

    /// Stores `value` in the slot of `owner`, the object that this slot is part of.
    pub fn set(&self, owner: impl Owner, value: impl ReprValue) {
        let value = value.as_value();
        self.0.set(Some(value.into()));
        // The barrier dereferences what it is given, and nil, Symbols and small Integers are no pointers.
        if !SPECIAL_CONST_P(value.as_raw()) {
            owner.now_refers_to(value);
        }
    }

    /// Forgets the value.
    pub fn clear(&self) {
        self.0.set(None);
    }

    /// Tells the GC about the value; pinned, so that nothing has to be updated after a compaction.
    pub fn mark(&self, marker: &Marker) {
        if let Some(value) = self.0.get() {
            marker.mark(value);
        }
    }
}
