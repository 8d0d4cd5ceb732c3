//! What parties of a world are named by.

/// Names a party of a world, an element or a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartyId(pub(super) usize);
