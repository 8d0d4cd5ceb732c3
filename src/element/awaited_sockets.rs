//! The sockets that requests wait for.

use super::ids::{ClientId, RouteId};
use super::output::{OpeningLimits, ServerProof};
use crate::message::ConnectionId;
use crate::resolve::Target;

/// A route that waits for the socket that its request leaves by.
#[derive(Debug)]
pub(super) struct AwaitedSocket {
    pub(super) target: Target,
    /// The connection that it is to be, once its address is known, or once more is asked of its server.
    pub(super) connection: Option<ConnectionId>,
    /// A socket without a connection was asked for.
    pub(super) is_asked: bool,
    /// What is asked of a connection.
    pub(super) demands: Option<Demands>,
    pub(super) client: ClientId,
    pub(super) route: RouteId,
}

/// What is asked of a connection to a target.
#[derive(Debug, Clone)]
pub(super) struct Demands {
    pub(super) limits: OpeningLimits,
    pub(super) proof: Option<ServerProof>,
}
