//! What the element holds of one Client, and the turns that wait for its routes.

use std::collections::VecDeque;

use bytes::Bytes;

use super::backlog::Responses;
use super::ids::RouteId;
use super::next_hop::NextHop;
use super::no_way::NoWay;
use super::routes_of_client::RoutesOfClient;
use crate::client::session::{CallbackClass, SessionInput};
use crate::message::HeaderName;
use crate::resolve::Target;

/// Something for a route, in its turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// It begins.
    Begin,
    /// Its session has to know something.
    Input(SessionInput),
    /// The socket is there that its request is to leave by; or why there is none.
    Hop(Result<NextHop, NoWay>),
}

/// A turn that waits.
#[derive(Debug)]
pub(super) struct WaitingTurn {
    pub(super) route: RouteId,
    pub(super) turn: Turn,
    /// What the turn holds of responses.
    pub(super) responses: Responses,
}

/// The answers of how many requests a Client keeps for their ACKs; beyond, the oldest ones go.
const MAX_AUTHORIZATIONS: usize = 64;

/// The answers to challenges that the request of a Call-ID went out with.
type Authorization = (Bytes, Vec<(HeaderName, Bytes)>);

/// What the element holds of one Client.
#[derive(Debug, Default)]
pub(super) struct ClientState {
    /// One bit for each class of events that blocks are set for.
    pub(super) blocks: u8,
    /// `drop_response` was called outside of a block: the next response is not sent upstream.
    pub(super) drops_next: bool,
    /// `abort_routing` was called: the routing at hand, or the next one, tries no target.
    pub(super) aborts: bool,
    /// The target in use or last used.
    pub(super) target: Option<Target>,
    pub(super) queue: VecDeque<WaitingTurn>,
    /// It has been given one more step for the turns that wait.
    pub(super) goes_on: bool,
    /// The responses that wait in the queue or are with blocks.
    pub(super) responses: Responses,
    /// Those with blocks.
    pub(super) shown: Responses,
    authorizations: VecDeque<Authorization>,
    /// Its routes, one that is at work included.
    pub(super) routes: RoutesOfClient,
    /// How many of them have blocks that run: a block may call `route`.
    pub(super) running: u32,
    /// How many of them do not wait for the end of a block, since one waits for their end.
    pub(super) ahead: u32,
    /// A route is at work: what it causes for the Client comes after it.
    pub(super) at_work: bool,
    /// The script has it still.
    pub(super) held: bool,
}

impl ClientState {
    /// One that the script has, with these classes of blocks.
    pub(super) fn held(blocks: u8) -> ClientState {
        ClientState { blocks, held: true, ..ClientState::default() }
    }

    /// Whether blocks are set for a class of events.
    pub(super) fn shows(&self, class: CallbackClass) -> bool {
        self.blocks & class.bit() != 0
    }

    /// Whether a block runs, and everything else waits.
    pub(super) fn is_busy(&self) -> bool {
        self.running > 0
    }

    /// Whether turns can be taken.
    pub(super) fn is_free(&self) -> bool {
        !self.is_busy() && !self.at_work
    }

    /// Whether turns of this route wait.
    pub(super) fn has_turn_of(&self, route: RouteId) -> bool {
        self.queue.iter().any(|waiting| waiting.route == route)
    }

    /// Whether what comes now has to wait behind something else.
    pub(super) fn makes_wait(&self) -> bool {
        self.is_busy() || !self.queue.is_empty()
    }

    /// What the request of this Call-ID has answered challenges with; it belongs into the ACK as well.
    pub(super) fn authorization(&self, call_id: &[u8]) -> &[(HeaderName, Bytes)] {
        let found = self.authorizations.iter().find(|(known, _)| known == call_id);
        found.map_or(&[], |(_, answers)| answers)
    }

    pub(super) fn set_authorization(&mut self, call_id: &[u8], answers: Vec<(HeaderName, Bytes)>) {
        self.authorizations.retain(|(known, _)| known != call_id);
        if self.authorizations.len() == MAX_AUTHORIZATIONS {
            self.authorizations.pop_front();
        }
        self.authorizations.push_back((Bytes::copy_from_slice(call_id), answers));
    }

    /// Whether it has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.routes.is_empty() && self.queue.is_empty()
    }

    /// Whether it has nothing to do, and nobody who could give it anything.
    pub(super) fn is_forgotten(&self) -> bool {
        self.is_idle() && !self.held
    }
}
