//! Names of what an element holds.

use std::fmt;

/// How many bits of a number say which element gave it.
const ELEMENT_BITS: u32 = 16;

/// Gives numbers. None is given twice in a process, as long as no two elements have the same number.
#[derive(Debug)]
pub(super) struct Numbers {
    element: u64,
    next: u64,
}

impl Numbers {
    pub(super) fn of_element(element: u16) -> Numbers {
        Numbers { element: u64::from(element) << (u64::BITS - ELEMENT_BITS), next: 1 }
    }

    pub(super) fn next(&mut self) -> u64 {
        let number = self.peek();
        self.next += 1;
        number
    }

    /// The number that is given next.
    pub(super) fn peek(&self) -> u64 {
        self.element | self.next
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub(super) u64);

        impl $name {
            /// The number itself; its upper 16 bits name the element.
            pub fn as_u64(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// Names a request that came from the network.
    RequestId,
    /// Names a Client: what a script routes requests with.
    ClientId,
    /// Names one `route` of a Client. Later ones have larger numbers.
    RouteId,
    /// Names a resolution that the element has asked for.
    ResolutionId,
}

/// Names what keeps the script's objects of a route alive. Whoever routes chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AnchorId(pub u64);

impl AnchorId {
    /// Keeps nothing alive.
    pub const NOTHING: AnchorId = AnchorId(0);
}

/// Names somebody who waits for the end of a route. Whoever routes chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallId(pub u64);

/// Names a request object of the script's own: routes of the same object belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnRequestId(pub u64);

/// Names the request that a route is for, wherever it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OriginId {
    Network(RequestId),
    Own(OwnRequestId),
}
