//! The Rust half of a world.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use magnus::{typed_data::Obj, Error, Ruby};
use oversip::host::Host;

use super::{host::WorldHost, locks::lock};
use crate::{tags, text};

/// A world as its user sees it.
#[magnus::wrap(class = "OverSIP::Engine::World", free_immediately)]
pub struct World {
    pub(super) open: Mutex<Option<Open>>,
    /// A step is under way.
    pub(super) steps: AtomicBool,
}

/// What there is until the world is closed.
pub(super) struct Open {
    pub(super) host: Arc<WorldHost>,
    /// The marks of the process come from the seed meanwhile.
    pub(super) _marks: tags::Seeded,
}

pub(super) type RubyWorld = Obj<World>;

impl World {
    /// The host, until the world is closed.
    pub(super) fn host(&self, ruby: &Ruby) -> Result<Arc<WorldHost>, Error> {
        let host = lock(&self.open).as_ref().map(|open| open.host.clone());
        let host = host.ok_or_else(|| text::runtime_error(ruby, "the world is closed"))?;
        if !host.is_here() {
            let message = "the world belongs to the process that this one was forked from";
            return Err(text::runtime_error(ruby, message));
        }
        Ok(host)
    }
}
