//! Who runs an element for a script.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use super::call::Call;
use super::lock::lock;
use crate::element::{AnchorId, ClientId, Element, RequestId, Round, Settings};

/// Runs an element. Nothing of a script runs inside of any method.
pub trait Host: Send + Sync {
    /// Steps the element, and carries out what that asks for before it returns.
    fn step_element(&self, step: &mut dyn FnMut(&mut Element, Instant));

    /// Looks at the element. Nothing is carried out.
    fn look_at_element(&self, look: &mut dyn FnMut(&Element));

    /// The present time, as the element is told.
    fn now(&self) -> Instant;

    /// What the element was made with.
    fn settings(&self) -> &Settings;

    /// What the script has let go of. Saying so waits for nobody: a garbage collector does, in the midst of anything.
    fn released(&self) -> &Released;

    /// What routes keep alive.
    fn anchors(&self) -> &Anchors;

    /// A thread is going to wait for the end of a route.
    fn expect_end(&self, call: &Arc<Call>);

    /// A round that its thread cannot run: another one does, in its turn.
    fn put_off(&self, round: Box<Round>);

    /// Whether the host belongs to this process. In a forked child nobody ever gives its locks back.
    fn is_here(&self) -> bool;
}

impl dyn Host + '_ {
    /// Steps the element, and carries out what that asks for.
    pub fn step<R>(&self, step: impl FnOnce(&mut Element, Instant) -> R) -> R {
        let (mut step, mut result) = (Some(step), None);
        self.step_element(&mut |element, now| result = step.take().map(|step| step(element, now)));
        result.expect("a host steps its element once")
    }

    /// Looks at the element.
    pub fn look<R>(&self, look: impl FnOnce(&Element) -> R) -> R {
        let (mut look, mut result) = (Some(look), None);
        self.look_at_element(&mut |element| result = look.take().map(|look| look(element)));
        result.expect("a host looks at its element once")
    }
}

impl dyn Host {
    /// The host, if it lives and belongs to this process.
    pub(super) fn here(host: &Weak<dyn Host>) -> Option<Arc<dyn Host>> {
        host.upgrade().filter(|host| host.is_here())
    }
}

/// Something of an element that a script has let go of.
#[derive(Debug, Clone, Copy)]
pub enum LetGo {
    /// A request.
    Request(RequestId),
    /// A Client.
    Client(ClientId),
    /// The store of a profile: its number, and what forgets it.
    Store(u64, fn(&mut Element, u64)),
}

/// What a script has let go of, until the element's next step.
#[derive(Debug, Default)]
pub struct Released {
    any: AtomicBool,
    waiting: Mutex<Vec<LetGo>>,
}

impl Released {
    /// The script has let go of something.
    pub fn add(&self, let_go: LetGo) {
        lock(&self.waiting).push(let_go);
        self.any.store(true, Ordering::Release);
    }

    /// Tells the element.
    pub fn apply(&self, element: &mut Element) {
        if !self.any.swap(false, Ordering::AcqRel) {
            return;
        }
        // The lock is given back first: the garbage collector may want it meanwhile.
        let waiting = std::mem::take(&mut *lock(&self.waiting));
        for let_go in waiting {
            match let_go {
                LetGo::Request(request) => element.release_request(request),
                LetGo::Client(client) => element.release_client(client),
                LetGo::Store(number, forget) => forget(element, number),
            }
        }
    }
}

/// What keeps a script's objects alive as long as their routes.
#[derive(Default)]
pub struct Anchors {
    kept: Mutex<HashMap<AnchorId, Arc<dyn Any + Send + Sync>>>,
    last: AtomicU64,
}

impl Anchors {
    /// Keeps something until the element releases it.
    pub fn keep(&self, thing: Arc<dyn Any + Send + Sync>) -> AnchorId {
        let id = AnchorId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        lock(&self.kept).insert(id, thing);
        id
    }

    /// What is kept under a name.
    pub fn get(&self, anchor: AnchorId) -> Option<Arc<dyn Any + Send + Sync>> {
        lock(&self.kept).get(&anchor).cloned()
    }

    /// The element releases it.
    pub fn release(&self, anchor: AnchorId) {
        let released = lock(&self.kept).remove(&anchor);
        drop(released);
    }

    /// The element has ended.
    pub fn clear(&self) {
        let kept = std::mem::take(&mut *lock(&self.kept));
        drop(kept);
    }
}
