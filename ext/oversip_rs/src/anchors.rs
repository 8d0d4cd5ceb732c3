//! Ruby objects that the engine's work refers to. The engine knows them by number; here they are kept from the GC for
//! exactly as long as the number lives.

use std::collections::HashMap;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use magnus::{
    gc::Marker,
    prelude::*,
    typed_data::{DataType, DataTypeBuilder, DataTypeFunctions},
    value::{Lazy, Opaque},
    RClass, Ruby, TypedData, Value,
};

use crate::process;

type Pair = (Opaque<Value>, Opaque<Value>);

/// The held objects of one process.
type Table = Mutex<HashMap<u64, Pair>>;

/// The table of the process in [`OWNER`]. A forked child gets a new one: a thread that does not exist there may hold the
/// lock of its parent's.
static TABLE: AtomicPtr<Table> = AtomicPtr::new(null_mut());
/// The process that the table belongs to.
static OWNER: AtomicU32 = AtomicU32::new(0);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Two Ruby objects that live as long as this does. It may be dropped on any thread: dropping touches no object.
#[derive(Debug)]
pub struct Anchor(u64);

impl Anchor {
    /// Holds two objects (nil for none).
    pub fn hold(first: Value, second: Value) -> Anchor {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        if let Some(mut held) = table() {
            held.insert(id, (first.into(), second.into()));
        }
        Anchor(id)
    }

    /// The number of this anchor.
    pub fn id(&self) -> u64 {
        self.0
    }

    /// The objects.
    pub fn values(&self, ruby: &Ruby) -> Option<(Value, Value)> {
        let pair = table()?.get(&self.0).copied()?;
        Some((ruby.get_inner(pair.0), ruby.get_inner(pair.1)))
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        if let Some(mut held) = table() {
            held.remove(&self.0);
        }
    }
}

/// Begins anew for this process: at the first start, and in a forked child, where the parent's objects are nobody's.
pub fn reset() {
    let pid = process::id();
    if OWNER.load(Ordering::Acquire) != pid {
        // Never freed: it is the process's. The parent's stays where it is, its lock may be held for ever.
        TABLE.store(Box::into_raw(Box::default()), Ordering::Release);
        OWNER.store(pid, Ordering::Release);
    }
}

/// Lets go of everything: the engine has ended, nothing of it comes back. A block whose Fiber never went on had kept its
/// Client until now.
pub fn release_all() {
    if let Some(mut held) = table() {
        held.clear();
    }
}

/// How many anchors are held.
pub fn count() -> usize {
    table().map_or(0, |held| held.len())
}

/// The table of this process; `None` in a forked child that has not started anything.
fn table() -> Option<MutexGuard<'static, HashMap<u64, Pair>>> {
    if OWNER.load(Ordering::Acquire) != process::id() {
        return None;
    }
    // SAFETY: a table that was stored is never freed.
    let table = unsafe { TABLE.load(Ordering::Acquire).as_ref() }?;
    Some(table.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// The object through which the GC sees the held ones.
struct Root;

impl DataTypeFunctions for Root {
    fn mark(&self, marker: &Marker) {
        // Locked only for an insertion or removal, never while anything of Ruby runs.
        if let Some(held) = table() {
            for (first, second) in held.values() {
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
