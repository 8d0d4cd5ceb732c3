//! A Client in the hands of a script.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::interface::{Host, LetGo};
use super::lock::lock;
use crate::client::session::CallbackClass;
use crate::element::{ClientId, Origin};
use crate::resolve::Target;

/// What a script routes requests with. An element gets to know it with its first route, and forgets it when this is gone.
#[derive(Debug, Default)]
pub struct Client {
    blocks: AtomicU8,
    /// [`Client::drop_next_response`] was called since [`Client::take_drop`] asked: else nobody has to be asked.
    may_drop: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The element that knows it, and by which name.
    known: Option<(Weak<dyn Host>, ClientId)>,
    /// `drop_response` was called before an element knew it.
    drops_next: bool,
    /// `abort_routing` was called before an element knew it.
    aborts: bool,
    /// The target used last with an element that is gone.
    target: Option<Target>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("known", &self.known.as_ref().map(|(_, id)| id)).finish_non_exhaustive()
    }
}

impl Client {
    /// Says whether blocks are set for `class`.
    pub fn set_callbacks(&self, class: CallbackClass, any: bool) {
        if any {
            self.blocks.fetch_or(class.bit(), Ordering::AcqRel);
        } else {
            self.blocks.fetch_and(!class.bit(), Ordering::AcqRel);
        }
        if let Some((host, id)) = self.known() {
            host.step(|element, _| element.set_blocks(id, self.blocks.load(Ordering::Acquire)));
        }
    }

    /// `drop_response` outside of a callback: the next response is not sent upstream.
    pub fn drop_next_response(&self) {
        self.may_drop.store(true, Ordering::Release);
        match self.known() {
            Some((host, id)) => host.step(|element, _| element.drop_next_response(id)),
            None => lock(&self.state).drops_next = true,
        }
    }

    /// Takes the flag that [`Client::drop_next_response`] set.
    pub fn take_drop(&self) -> bool {
        if !self.may_drop.swap(false, Ordering::AcqRel) {
            return false;
        }
        match self.known() {
            Some((host, id)) => host.step(|element, _| element.take_drop(id)),
            None => std::mem::take(&mut lock(&self.state).drops_next),
        }
    }

    /// `abort_routing`: the routing at hand, or the next one, tries no target.
    pub fn abort_routing(&self) {
        match self.known() {
            Some((host, id)) => {
                host.step(|element, now| element.abort_routing(now, id, None));
            }
            None => lock(&self.state).aborts = true,
        }
    }

    /// `abort_routing` for one request: no target is tried for it any more. False: nothing of it was left to be aborted.
    pub fn abort_routing_of(&self, origin: &Origin) -> bool {
        let known = self.known();
        known.is_some_and(|(host, id)| host.step(|element, now| element.abort_routing(now, id, Some(origin))))
    }

    /// The target in use or last used.
    pub fn current_target(&self) -> Option<Target> {
        match self.known() {
            Some((host, id)) => host.look(|element| element.current_target(id)),
            None => lock(&self.state).target,
        }
    }

    /// The name by which an element knows it, if one does.
    pub fn id(&self) -> Option<ClientId> {
        self.known().map(|(_, id)| id)
    }

    /// The element that knows it.
    pub(super) fn known(&self) -> Option<(Arc<dyn Host>, ClientId)> {
        let (host, id) = lock(&self.state).known.clone()?;
        Some((<dyn Host>::here(&host)?, id))
    }

    /// The name by which this element knows it from now on.
    pub(super) fn known_to(&self, host: &Arc<dyn Host>) -> ClientId {
        let mut state = lock(&self.state);
        if let Some((known, id)) = &state.known {
            if known.ptr_eq(&Arc::downgrade(host)) {
                return *id;
            }
        }
        let blocks = self.blocks.load(Ordering::Acquire);
        let (drops, aborts) = (std::mem::take(&mut state.drops_next), std::mem::take(&mut state.aborts));
        let id = host.step(|element, now| {
            let id = element.new_client(blocks);
            if drops {
                element.drop_next_response(id);
            }
            if aborts {
                element.abort_routing(now, id, None);
            }
            id
        });
        state.known = Some((Arc::downgrade(host), id));
        id
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some((host, id)) = self.known() {
            host.released().add(LetGo::Client(id));
        }
    }
}
