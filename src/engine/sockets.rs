//! The sockets of an engine, as long as it has them.

use std::sync::{Arc, PoisonError, RwLock};

use super::network::Network;

/// The sockets, while there are any: whoever has the driver still when the engine has ended keeps no port from the next one.
#[derive(Default)]
pub(super) struct Sockets(RwLock<Option<Arc<Network>>>);

impl Sockets {
    /// They are there from now on.
    pub(super) fn set(&self, network: Network) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(network));
    }

    pub(super) fn get(&self) -> Option<Arc<Network>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// They are gone from now on.
    pub(super) fn close(&self) {
        let network = self.0.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(network);
    }
}
