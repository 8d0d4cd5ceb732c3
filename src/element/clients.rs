//! The Clients of a script and their routes. While a block of a Client runs, everything that concerns the Client waits, so that
//! its events keep their order.

use smallvec::SmallVec;

use super::backlog::Responses;
use super::client_state::{ClientState, WaitingTurn};
use super::ids::{AnchorId, ClientId, OriginId, RequestId, RouteId};
use super::route::{Origin, Route};
use super::routes_of_client::SameOrigin;
use super::table::{Table, Tables};

/// Where a route is.
#[derive(Debug)]
enum Place {
    /// With the step that works on it.
    AtWork,
    /// Here: it waits for its turn.
    Waiting(Box<Route>),
    /// Here, while its blocks run.
    Running(Box<Route>),
}

/// A route that has not ended.
#[derive(Debug)]
struct Entry {
    client: ClientId,
    anchor: AnchorId,
    origin: OriginId,
    /// How many turns of its Client are for it.
    turns: u32,
    /// A block of its Client waits for its end: nothing of it waits for the end of that block.
    ahead: bool,
    /// A defect has cost its Client: what is left of it ends in its turn.
    lost: bool,
    place: Place,
}

impl Entry {
    fn route(&self) -> Option<&Route> {
        match &self.place {
            Place::Waiting(route) | Place::Running(route) if !self.lost => Some(route),
            _ => None,
        }
    }

    fn route_mut(&mut self) -> Option<&mut Route> {
        match &mut self.place {
            Place::Waiting(route) | Place::Running(route) if !self.lost => Some(route),
            _ => None,
        }
    }

    fn is_running(&self) -> bool {
        matches!(self.place, Place::Running(_))
    }

    /// Takes the route out if it waits, to work on it.
    fn take(&mut self) -> Option<Box<Route>> {
        if self.lost {
            return None;
        }
        match std::mem::replace(&mut self.place, Place::AtWork) {
            Place::Waiting(route) => Some(route),
            other => {
                self.place = other;
                None
            }
        }
    }
}

/// A route of a Client is at work from now on.
fn put_to_work(at_work: &mut SmallVec<[ClientId; 2]>, id: ClientId, client: &mut ClientState) {
    client.at_work = true;
    at_work.push(id);
}

/// The table of Clients, and that of their routes.
#[derive(Debug)]
pub(super) struct ClientTable {
    by_id: Table<ClientId, ClientState>,
    /// All routes that have not ended, those that are at work included.
    routes: Table<RouteId, Entry>,
    /// The Clients that have a route at work, the innermost one last: what one causes may make another one work.
    at_work: SmallVec<[ClientId; 2]>,
}

impl ClientTable {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { by_id: tables.table(), routes: tables.table(), at_work: SmallVec::new() }
    }

    /// A new Client, which the script has until [`ClientTable::release`].
    pub(super) fn add(&mut self, id: ClientId, blocks: u8) {
        self.by_id.insert(id, ClientState::held(blocks));
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&ClientState> {
        self.by_id.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ClientId) -> Option<&mut ClientState> {
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
        if self.by_id.get(&id).is_some_and(ClientState::is_forgotten) {
            self.by_id.remove(&id);
        }
    }

    /// How many there are: those that the script has, and those that have something to do.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}

/// Routes.
impl ClientTable {
    /// A route begins, and is at work. Hands out those of the same request and Client that were begun before. A Client that
    /// nobody has made is there as long as it has routes.
    pub(super) fn begin(
        &mut self,
        route: RouteId,
        client: ClientId,
        anchor: AnchorId,
        origin: OriginId,
    ) -> SameOrigin {
        let entry =
            Entry { client, anchor, origin, turns: 0, ahead: false, lost: false, place: Place::AtWork };
        self.routes.insert(route, entry);
        let client = self.by_id.entry(client).or_default();
        let others = client.routes.of(origin);
        client.routes.add(origin, route);
        others
    }

    /// A block of its Client waits for the end of a route.
    pub(super) fn put_ahead(&mut self, route: RouteId) {
        let Some(entry) = self.routes.get_mut(&route) else { return };
        entry.ahead = true;
        if let Some(client) = self.by_id.get_mut(&entry.client) {
            client.ahead += 1;
        }
    }

    /// A route has ended. Hands out what has kept the script's objects alive for it.
    pub(super) fn end(&mut self, route: RouteId) -> Option<AnchorId> {
        let Entry { client, anchor, origin, ahead, lost, .. } = self.routes.remove(&route)?;
        if let Some(client) = self.by_id.get_mut(&client).filter(|_| !lost) {
            client.routes.remove(origin, route);
            client.ahead -= u32::from(ahead);
        }
        Some(anchor)
    }

    /// The Client of a route that has not ended.
    pub(super) fn client_of(&self, route: RouteId) -> Option<ClientId> {
        self.routes.get(&route).filter(|entry| !entry.lost).map(|entry| entry.client)
    }

    /// The request from the network that a route is for.
    pub(super) fn upstream_of(&self, route: RouteId) -> Option<RequestId> {
        match self.routes.get(&route)?.origin {
            OriginId::Network(request) => Some(request),
            OriginId::Own(_) => None,
        }
    }

    /// A route, unless it is at work.
    pub(super) fn route(&self, id: RouteId) -> Option<&Route> {
        self.routes.get(&id)?.route()
    }

    /// A route to be changed, unless it is at work.
    pub(super) fn route_mut(&mut self, id: RouteId) -> Option<&mut Route> {
        self.routes.get_mut(&id)?.route_mut()
    }

    /// The routes of a Client for one request, or all, in the order of their beginning.
    pub(super) fn routes_of(&self, client: ClientId, origin: Option<&Origin>) -> SameOrigin {
        let routes = self.by_id.get(&client).map(|client| &client.routes);
        match (routes, origin) {
            (None, _) => SameOrigin::new(),
            (Some(routes), Some(origin)) => routes.of(origin.id()),
            (Some(routes), None) => routes.all().into(),
        }
    }

    /// A route is at work no more, and waits. One that is over is handed out, to be ended, unless turns wait for it.
    pub(super) fn put_back(&mut self, route: Box<Route>, is_over: bool) -> Option<Box<Route>> {
        self.end_work(route.client);
        match self.routes.get_mut(&route.id) {
            Some(entry) if !is_over || entry.turns > 0 => {
                entry.place = Place::Waiting(route);
                None
            }
            _ => Some(route),
        }
    }

    /// A route is at work no more: its blocks begin to run, which have these responses.
    pub(super) fn run(&mut self, route: Box<Route>, shown: Responses) {
        let Some(client) = self.end_work(route.client) else { return };
        client.running += 1;
        client.shown += shown;
        client.responses += shown;
        if let Some(entry) = self.routes.get_mut(&route.id) {
            entry.place = Place::Running(route);
        }
    }

    /// The blocks of a route have run: it is at work. Hands out the responses as well that they had.
    pub(super) fn has_run(&mut self, id: RouteId) -> Option<(Box<Route>, Responses)> {
        let entry = self.routes.get_mut(&id).filter(|entry| !entry.lost)?;
        let route = match std::mem::replace(&mut entry.place, Place::AtWork) {
            Place::Running(route) => route,
            other => {
                entry.place = other;
                return None;
            }
        };
        let client = self.begin_work(route.client)?;
        client.running -= 1;
        let shown = std::mem::take(&mut client.shown);
        client.responses -= shown;
        Some((route, shown))
    }

    /// A route of a Client is at work from now on.
    pub(super) fn begin_work(&mut self, id: ClientId) -> Option<&mut ClientState> {
        let client = self.by_id.get_mut(&id)?;
        put_to_work(&mut self.at_work, id, client);
        Some(client)
    }

    fn end_work(&mut self, id: ClientId) -> Option<&mut ClientState> {
        if let Some(index) = self.at_work.iter().rposition(|other| *other == id) {
            self.at_work.remove(index);
        }
        let client = self.by_id.get_mut(&id)?;
        client.at_work = false;
        Some(client)
    }
}

/// What comes of [`ClientTable::take`].
#[derive(Debug)]
pub(super) enum Taken {
    /// It is at work from now on.
    Route(Box<Route>),
    /// It has ended.
    Nothing,
    /// Something else of its Client comes first.
    Waits,
}

/// Turns.
impl ClientTable {
    /// Takes a route whose turn is at once, since nothing else of its Client is before it.
    pub(super) fn take(&mut self, id: ClientId, route: RouteId) -> Taken {
        let Some(client) = self.by_id.get_mut(&id) else { return Taken::Nothing };
        let entry = self.routes.get_mut(&route);
        let waits = match &entry {
            Some(entry) if entry.ahead => client.at_work || entry.is_running() || client.has_turn_of(route),
            _ => !client.is_free() || !client.queue.is_empty(),
        };
        if waits {
            return Taken::Waits;
        }
        let Some(route) = entry.and_then(Entry::take) else { return Taken::Nothing };
        put_to_work(&mut self.at_work, id, client);
        Taken::Route(route)
    }

    /// Something is to happen to a route, after all else of its Client.
    pub(super) fn put_off(&mut self, client: ClientId, waiting: WaitingTurn) {
        let Some(client) = self.by_id.get_mut(&client) else { return };
        client.responses += waiting.responses;
        if let Some(entry) = self.routes.get_mut(&waiting.route) {
            entry.turns += 1;
        }
        client.queue.push_back(waiting);
    }

    /// Where the next turn of a Client is; while a block runs, that of a route which does not wait for its end.
    fn next_ready(&self, client: &ClientState) -> Option<usize> {
        if !client.is_busy() {
            return (!client.queue.is_empty()).then_some(0);
        }
        let is_ready = |entry: &Entry| entry.ahead && !entry.is_running();
        let ready = |waiting: &WaitingTurn| self.routes.get(&waiting.route).is_some_and(is_ready);
        (client.ahead > 0).then(|| client.queue.iter().position(ready)).flatten()
    }

    /// The next turn of a Client that is free for it, and the route whose turn it is, which is at work from now on; `None` where
    /// it has ended. A Client without anything to do is forgotten, unless the script has it.
    pub(super) fn next_turn(&mut self, id: ClientId) -> Option<(WaitingTurn, Option<Box<Route>>)> {
        let client = self.by_id.get(&id).filter(|client| !client.at_work)?;
        let next = self.next_ready(client);
        let client = self.by_id.get_mut(&id)?;
        let Some(waiting) = next.and_then(|index| client.queue.remove(index)) else {
            if client.is_forgotten() {
                self.by_id.remove(&id);
            }
            return None;
        };
        client.responses -= waiting.responses;
        let entry = self.routes.get_mut(&waiting.route);
        let route = entry.and_then(|entry| {
            entry.turns -= 1;
            entry.take()
        });
        if route.is_some() {
            put_to_work(&mut self.at_work, id, client);
        }
        Some((waiting, route))
    }

    /// Whether a Client has to have one more step for its turns; it counts as given.
    pub(super) fn goes_on(&mut self, id: ClientId) -> bool {
        let client = self.by_id.get(&id).filter(|client| !client.at_work);
        let goes_on = client.is_some_and(|client| self.next_ready(client).is_some());
        let client = self.by_id.get_mut(&id).filter(|_| goes_on);
        client.is_some_and(|client| !std::mem::replace(&mut client.goes_on, true))
    }
}

/// Defects.
impl ClientTable {
    /// A step has broken off: hands out those whose routes were at work in it.
    pub(super) fn broken_off(&mut self) -> SmallVec<[ClientId; 2]> {
        std::mem::take(&mut self.at_work)
    }

    /// A defect has cost a Client: hands out its routes, each of which is to be ended, and what waited for it. A block of it
    /// that runs comes back to nothing.
    pub(super) fn give_up(&mut self, id: ClientId) -> (Vec<RouteId>, Responses) {
        let Some(client) = self.by_id.get_mut(&id) else { return Default::default() };
        let routes = std::mem::take(&mut client.routes).all();
        client.queue.clear();
        client.ahead = 0;
        client.running = 0;
        client.at_work = false;
        client.shown = Responses::default();
        let responses = std::mem::take(&mut client.responses);
        for route in &routes {
            if let Some(entry) = self.routes.get_mut(route) {
                entry.lost = true;
            }
        }
        self.forget_if_idle(id);
        (routes, responses)
    }

    /// Takes the newest route of a Client out that waits.
    #[cfg(feature = "defects")]
    pub(super) fn take_newest(&mut self, id: ClientId) -> Option<Box<Route>> {
        let routes = self.by_id.get(&id)?.routes.all();
        routes.iter().rev().find_map(|route| self.routes.get_mut(route)?.take())
    }
}
