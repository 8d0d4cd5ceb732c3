//! The sockets that requests wait for.

use super::ids::{ClientId, RouteId};
use crate::message::ConnectionId;
use crate::resolve::Target;

/// A route that waits for the socket that its request leaves by.
#[derive(Debug)]
pub(super) struct AwaitedSocket {
    pub(super) target: Target,
    pub(super) connection: Option<ConnectionId>,
    pub(super) client: ClientId,
    pub(super) route: RouteId,
}
