//! Ruby objects that the engine's work refers to. The engine knows them by number; here they are kept from the GC for
//! exactly as long as the number lives.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use magnus::{
    gc::Marker,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions},
    value::{Lazy, Opaque},
    RClass, Ruby, TypedData, Value,
};

type Pair = (Opaque<Value>, Opaque<Value>);

/// The held objects, with the process that holds them.
struct Held {
    pid: u32,
    pairs: HashMap<u64, Pair>,
}

static HELD: Mutex<Option<Held>> = Mutex::new(None);
static NEXT: AtomicU64 = AtomicU64::new(1);
/// The process whose anchors are in [`HELD`]. After fork the lock may be in the middle of a change for ever, so the
/// child looks here before it touches it.
static OWNER: AtomicU64 = AtomicU64::new(0);

/// Two Ruby objects that live as long as this does. It may be dropped on any thread: dropping touches no object.
#[derive(Debug)]
pub struct Anchor(u64);

impl Anchor {
    /// Holds two objects (nil for none).
    pub fn hold(first: Value, second: Value) -> Anchor {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if let Some(held) = lock().as_mut() {
            held.pairs.insert(id, (first.into(), second.into()));
        }
        Anchor(id)
    }

    /// The number of this anchor.
    pub fn id(&self) -> u64 {
        self.0
    }

    /// The objects.
    pub fn values(&self, ruby: &Ruby) -> Option<(Value, Value)> {
        let pair = lock().as_ref()?.pairs.get(&self.0).copied()?;
        Some((ruby.get_inner(pair.0), ruby.get_inner(pair.1)))
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        if let Some(held) = lock().as_mut() {
            held.pairs.remove(&self.0);
        }
    }
}

/// Begins anew for this process: at start, and in a forked child, where the parent's objects are nobody's.
pub fn reset() {
    let pid = std::process::id();
    if OWNER.swap(u64::from(pid), Ordering::AcqRel) != u64::from(pid) {
        // The parent's lock may be held by a thread that does not exist here; `try_lock` never waits for it.
        if let Ok(mut held) = HELD.try_lock() {
            *held = Some(Held { pid, pairs: HashMap::new() });
        }
    }
}

/// How many anchors are held.
pub fn count() -> usize {
    lock().as_ref().map_or(0, |held| held.pairs.len())
}

fn lock() -> MutexGuard<'static, Option<Held>> {
    HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The object through which the GC sees the held ones.
struct Root;

impl DataTypeFunctions for Root {
    fn mark(&self, marker: &Marker) {
        let pid = std::process::id();
        if OWNER.load(Ordering::Acquire) != u64::from(pid) {
            return;
        }
        // Held only for an insertion or removal, never while anything of Ruby runs.
        if let Some(held) = lock().as_ref().filter(|held| held.pid == pid) {
            for (first, second) in held.pairs.values() {
                marker.mark(*first);
                marker.mark(*second);
            }
        }
    }
}

// SAFETY: the class has no allocator, its one instance is made by `define`; marking pins, freeing touches no object. It is
// not write-barrier protected, so the GC looks at it each time.
unsafe impl TypedData for Root {
    fn class(ruby: &Ruby) -> RClass {
        // Nobody but the GC sees the object: its class has no name.
        static CLASS: Lazy<RClass> = Lazy::new(|ruby| {
            let class = RClass::new(ruby.class_object()).unwrap_or_else(|_| ruby.class_object());
            class.undef_default_alloc_func();
            class
        });
        ruby.get_inner(&CLASS)
    }

    fn data_type() -> &'static DataType {
        static DATA_TYPE: DataType =
            DataTypeBuilder::<Root>::new(c"OverSIP::Anchors").mark().free_immediately().build();
        &DATA_TYPE
    }
}

/// Makes the root known to the GC.
pub fn define(ruby: &Ruby) {
    reset();
    let root = ruby.obj_wrap(Root);
    ruby.gc_register_mark_object(root);
}
