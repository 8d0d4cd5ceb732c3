//! Things of the driver's that the element keeps for it.

use std::any::Any;
use std::fmt;

/// Something of the driver's that lasts as long as the element keeps it: the connection of a client that waits for its answer,
/// or the place that a large message takes.
pub struct Hold(Box<dyn Any + Send>);

impl Hold {
    /// Keeps a thing.
    pub fn of(thing: impl Any + Send) -> Hold {
        Hold(Box::new(thing))
    }

    /// The thing, to be looked at.
    pub fn thing(&self) -> &dyn Any {
        &*self.0
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hold")
    }
}
