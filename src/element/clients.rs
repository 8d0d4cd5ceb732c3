//! The Clients of a script and their routes. While a block of a Client runs, everything that concerns the Client waits, so that
//! its events keep their order.

use std::collections::VecDeque;

use bytes::Bytes;
use smallvec::SmallVec;

use super::backlog::Responses;
use super::ids::{AnchorId, CallId, ClientId, RouteId};
use super::next_hop::NextHop;
use super::no_way::NoWay;
use super::route::{Origin, Route};
use super::table::{Table, Tables};
use super::timers::TimerId;
use crate::client::session::{CallbackClass, Input};
use crate::message::HeaderName;
use crate::resolve::Target;

/// Something for a route, in its turn.
#[derive(Debug)]
pub(super) enum Turn {
    /// It begins.
    Begin,
    /// Its session has to know something.
    Input(Input),
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

/// An input for a route, out of a step that works for somebody else.
#[derive(Debug)]
pub(super) struct Woken {
    pub(super) client: ClientId,
    pub(super) route: RouteId,
    pub(super) input: Input,
}

/// The answers of how many requests a Client keeps for their ACKs; beyond, the oldest ones go.
const MAX_AUTHORIZATIONS: usize = 64;

/// The answers to challenges that the request of a Call-ID went out with.
type Authorization = (Bytes, Vec<(HeaderName, Bytes)>);

/// What the element holds of one Client.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// One bit for each class of events that blocks are set for.
    pub(super) blocks: u8,
    /// `drop_response` was called outside of a block: the next response is not sent upstream.
    pub(super) drops_next: bool,
    /// `abort_routing` was called: the routing at hand, or the next one, tries no target.
    pub(super) aborts: bool,
    /// The target in use or last used.
    pub(super) target: Option<Target>,
    pub(super) queue: VecDeque<WaitingTurn>,
    /// The responses that wait in the queue or are with blocks.
    pub(super) responses: Responses,
    /// Those with blocks.
    pub(super) shown: Responses,
    authorizations: VecDeque<Authorization>,
    routes: SmallVec<[Box<Route>; 1]>,
    /// Those whose blocks run, the innermost one last: a block may call `route`.
    running: SmallVec<[Box<Route>; 1]>,
    /// A route is at work: what it causes for the Client comes after it.
    at_work: bool,
    /// The script has it still.
    held: bool,
}

impl Client {
    /// Whether blocks are set for a class of events.
    pub(super) fn shows(&self, class: CallbackClass) -> bool {
        self.blocks & class.bit() != 0
    }

    /// Whether a block runs, and everything else waits.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// Whether turns can be taken.
    pub(super) fn is_free(&self) -> bool {
        !self.is_busy() && !self.at_work
    }

    /// Its routes, those whose blocks run included.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().chain(&self.running).map(|route| &**route)
    }

    fn routes_mut(&mut self) -> impl Iterator<Item = &mut Route> {
        self.routes.iter_mut().chain(&mut self.running).map(|route| &mut **route)
    }

    /// One of its routes.
    pub(super) fn route_mut(&mut self, id: RouteId) -> Option<&mut Route> {
        self.routes_mut().find(|route| route.id == id)
    }

    /// Its routes of one request, or all, in the order they were begun.
    pub(super) fn routes_of(&self, origin: Option<&Origin>) -> SmallVec<[RouteId; 2]> {
        let of_request = |route: &&Route| origin.is_none_or(|origin| route.origin.is_same(origin));
        let mut ids: SmallVec<[RouteId; 2]> =
            self.routes().filter(of_request).map(|route| route.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Takes a route out that waits, to work on it.
    pub(super) fn take(&mut self, id: RouteId) -> Option<Box<Route>> {
        let index = self.routes.iter().position(|route| route.id == id)?;
        Some(self.routes.swap_remove(index))
    }

    /// Takes the newest route out that waits.
    #[cfg(feature = "defects")]
    pub(super) fn take_newest(&mut self) -> Option<Box<Route>> {
        self.routes.pop()
    }

    /// Puts a route back that goes on waiting.
    pub(super) fn put(&mut self, route: Box<Route>) {
        self.routes.push(route);
    }

    /// The blocks of a route begin to run.
    pub(super) fn run(&mut self, route: Box<Route>) {
        self.running.push(route);
    }

    /// The blocks of a route have run.
    pub(super) fn has_run(&mut self, id: RouteId) -> Option<Box<Route>> {
        let index = self.running.iter().position(|route| route.id == id)?;
        Some(self.running.remove(index))
    }

    /// Whether something waits for this route.
    pub(super) fn awaits(&self, id: RouteId) -> bool {
        self.queue.iter().any(|waiting| waiting.route == id)
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

    fn is_idle(&self) -> bool {
        self.routes.is_empty() && self.running.is_empty() && self.queue.is_empty() && !self.at_work
    }
}

/// Whose a route is, and who has to hear of its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) client: ClientId,
    pub(super) anchor: AnchorId,
    pub(super) call: Option<CallId>,
    /// The end of the time that the call has.
    pub(super) call_timer: Option<TimerId>,
}

/// The table of Clients.
#[derive(Debug)]
pub(super) struct Clients {
    by_id: Table<ClientId, Client>,
    /// All routes that have not ended, one that is at work included.
    owners: Table<RouteId, Owner>,
    /// Those that have a route at work, the innermost one last: what one causes may make another one work.
    at_work: SmallVec<[ClientId; 2]>,
}

impl Clients {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { by_id: tables.table(), owners: tables.table(), at_work: SmallVec::new() }
    }

    /// A route of a Client is at work from now on, or no more.
    pub(super) fn set_at_work(&mut self, id: ClientId, at_work: bool) {
        let Some(client) = self.by_id.get_mut(&id) else { return };
        if std::mem::replace(&mut client.at_work, at_work) == at_work {
            return;
        }
        if at_work {
            self.at_work.push(id);
        } else if let Some(index) = self.at_work.iter().rposition(|other| *other == id) {
            self.at_work.remove(index);
        }
    }

    /// A step has broken off: hands out those whose routes were at work in it.
    pub(super) fn broken_off(&mut self) -> SmallVec<[ClientId; 2]> {
        std::mem::take(&mut self.at_work)
    }

    /// A route has begun.
    pub(super) fn begin(&mut self, route: RouteId, owner: Owner) {
        self.owners.insert(route, owner);
    }

    /// A route has ended.
    pub(super) fn end(&mut self, route: RouteId) -> Option<Owner> {
        self.owners.remove(&route)
    }

    /// A new Client. `held`: the script has it until [`Clients::release`].
    pub(super) fn add(&mut self, id: ClientId, blocks: u8, held: bool) {
        self.by_id.insert(id, Client { blocks, held, ..Client::default() });
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.by_id.get_mut(&id)
    }

    /// The script has let go of a Client.
    pub(super) fn release(&mut self, id: ClientId) {
        if let Some(client) = self.by_id.get_mut(&id) {
            client.held = false;
            self.forget_if_idle(id);
        }
    }

    /// Forgets a Client that nobody has and that has nothing to do.
    pub(super) fn forget_if_idle(&mut self, id: ClientId) {
        if self.by_id.get(&id).is_some_and(|client| client.is_idle() && !client.held) {
            self.by_id.remove(&id);
        }
    }

    /// A defect has cost a Client: hands out whose its routes were, and what waited for it. A block of it that runs comes back
    /// to nothing.
    pub(super) fn give_up(&mut self, id: ClientId) -> (Vec<(RouteId, Owner)>, Responses) {
        let mut owners: Vec<_> =
            self.owners.iter().filter(|(_, it)| it.client == id).map(|(id, it)| (*id, *it)).collect();
        owners.sort_unstable_by_key(|(route, _)| *route);
        for (route, _) in &owners {
            self.owners.remove(route);
        }
        let Some(client) = self.by_id.get_mut(&id) else { return (owners, Responses::default()) };
        client.routes.clear();
        client.running.clear();
        client.queue.clear();
        client.at_work = false;
        client.shown = Responses::default();
        let responses = std::mem::take(&mut client.responses);
        self.forget_if_idle(id);
        (owners, responses)
    }

    /// A route's call has only so much time.
    pub(super) fn set_call_timer(&mut self, route: RouteId, timer: TimerId) {
        if let Some(owner) = self.owners.get_mut(&route) {
            owner.call_timer = Some(timer);
        }
    }

    /// The Client of a route that has not ended.
    pub(super) fn client_of(&self, route: RouteId) -> Option<ClientId> {
        self.owners.get(&route).map(|owner| owner.client)
    }

    /// All routes there are.
    pub(super) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.by_id.values().flat_map(Client::routes)
    }

    /// How many Clients have a route.
    pub(super) fn busy(&self) -> usize {
        self.by_id.values().filter(|client| !client.is_idle()).count()
    }
}
