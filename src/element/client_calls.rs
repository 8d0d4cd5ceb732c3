//! What a script asks of its Clients.

use std::time::Instant;

use super::beneficiary::Beneficiary;
use super::consequences::Consequence;
use super::ids::{CallId, ClientId, RouteId};
use super::output::Round;
use super::reply::Reply;
use super::route::{Origin, RoundEnd, RouteRequest, TooDeep, DEEPEST_NESTING};
use super::Element;
use crate::client::session::SessionInput;
use crate::resolve::Target;

impl Element {
    /// A Client, with one bit for each class of events that blocks are set for
    /// ([`CallbackClass::bit`](crate::client::session::CallbackClass::bit)). The script has it until
    /// [`Element::release_client`].
    pub fn new_client(&mut self, blocks: u8) -> ClientId {
        let id = ClientId(self.numbers.next());
        self.clients.add(id, blocks);
        id
    }

    /// The script has let go of a Client. What is under way goes on.
    pub fn release_client(&mut self, id: ClientId) {
        self.clients.release(id);
    }

    /// Says for which classes of events blocks are set.
    pub fn set_blocks(&mut self, id: ClientId, blocks: u8) {
        if let Some(client) = self.clients.get_mut(id) {
            client.blocks = blocks;
        }
    }

    /// The target in use or last used.
    pub fn current_target(&self, id: ClientId) -> Option<Target> {
        self.clients.get(id)?.target
    }

    /// `drop_response` outside of a block: the next response is not sent upstream.
    pub fn drop_next_response(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.drops_next = true;
        }
    }

    /// Takes the flag that [`Element::drop_next_response`] has set.
    pub fn take_drop(&mut self, id: ClientId) -> bool {
        self.clients.get_mut(id).is_some_and(|client| std::mem::take(&mut client.drops_next))
    }

    /// Begins a route. A proxy's request gets its server transaction, and the route is a branch of it. Where the route is
    /// `inline`, the round of blocks that it begins with is handed out: [`Element::round_done`] is due when it ended.
    ///
    /// A second route of a Client for the same request gives up what the first one has pending (RFC 3261 16.7 step 10).
    ///
    /// # Errors
    ///
    /// When it is nested too deep in blocks.
    pub fn route(&mut self, now: Instant, ask: RouteRequest) -> Result<Option<Round>, TooDeep> {
        self.begin(now);
        if ask.depth >= DEEPEST_NESTING {
            self.refuse_nesting(now, &ask);
            return Err(TooDeep);
        }
        let client = ask.client;
        Ok(self.attempt_for(Beneficiary::Client(client), |element| element.begin_route(ask)).flatten())
    }

    /// Blocks that route again and again, each inside of the former, come to an end here: they may have dropped the last answer
    /// that the client could get.
    fn refuse_nesting(&mut self, now: Instant, ask: &RouteRequest) {
        self.release(ask.anchor);
        let Some(request) = ask.origin.upstream() else { return };
        let subject = request.in_words();
        if request.is_ack() {
            tracing::error!(target: "oversip::request", "a block of {subject}: {TooDeep}; it is not sent");
            return;
        }
        tracing::error!(target: "oversip::request", "a block of {subject}: {TooDeep}; it is answered 500");
        // Where it has an answer already, that stands.
        let _ = self.reply(now, request, Reply::new(500, b"Internal Error"));
    }

    /// A round of blocks has ended. Hands out the next one of the same route, if it has one at once.
    pub fn round_done(
        &mut self,
        now: Instant,
        client: ClientId,
        route: RouteId,
        end: RoundEnd,
    ) -> Option<Round> {
        self.begin(now);
        let next = self.attempt_for(Beneficiary::Client(client), |element| element.end_round(route, end));
        self.pace_connections();
        next.flatten()
    }

    /// `abort_routing`: the routing at hand, or the next one, tries no target. For one request: no target is tried for that any
    /// more. False: nothing of it was left to be aborted.
    pub fn abort_routing(&mut self, now: Instant, client: ClientId, of: Option<&Origin>) -> bool {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            let Some(record) = element.clients.get_mut(client) else { return false };
            let mut any = of.is_none();
            record.aborts |= any;
            let waits = record.makes_wait();
            // What waits sends nothing any more. Blocks that run see to it themselves.
            for id in element.clients.routes_of(client, of) {
                let Some(route) = element.clients.route_mut(id) else { continue };
                if of.is_some() && !route.session.is_answered() {
                    route.session.abort();
                    any = true;
                }
                if waits || route.session.asks_probe() {
                    element.deliver(client, id, SessionInput::Aborted);
                }
            }
            any
        })
        .unwrap_or(false)
    }

    /// Cancels what a Client has pending, for one request or for all.
    ///
    /// The blocks for `on_canceled` run for an INVITE of a Uac. The response to another request of a Uac, on which CANCEL has no
    /// effect (RFC 3261 9.1), and that to the request of a Proxy run their blocks like any other one; the latter goes upstream.
    pub fn cancel(&mut self, now: Instant, client: ClientId, of: Option<&Origin>) {
        self.begin(now);
        self.attempt_for(Beneficiary::Client(client), |element| {
            let routes = element.clients.routes_of(client, of);
            for id in &routes {
                element.note_canceled(*id);
            }
            for id in routes {
                // A Client that many requests share may have very many.
                match of {
                    Some(_) => element.cancel_route(id),
                    None => element.consequences.add(Consequence::Canceled(id)),
                }
            }
        });
    }

    /// From now on nothing more is tried for a route.
    fn note_canceled(&mut self, id: RouteId) {
        let Some(route) = self.clients.route_mut(id).filter(|route| !route.session.is_answered()) else {
            return;
        };
        match route.hears_of_cancel() {
            true => route.canceled = true,
            false => route.session.note_withdrawn(),
        }
    }

    /// The script has cancelled a route: what it has pending is cancelled, and it hears of that in its turn.
    pub(super) fn cancel_route(&mut self, id: RouteId) {
        let Some(route) = self.clients.route(id) else { return };
        let (client, hears) = (route.client, route.hears_of_cancel());
        self.cancel_branch(id, Vec::new());
        self.deliver(client, id, if hears { SessionInput::Canceled } else { SessionInput::Withdrawn });
    }

    /// Nobody waits for the end of a route any longer: its request is cancelled. False: it has ended already, and who waits is told.
    pub fn give_up(&mut self, now: Instant, client: ClientId, call: CallId) -> bool {
        self.begin(now);
        let given_up = self.attempt_for(Beneficiary::Client(client), |element| {
            let route = element.callers.route_of(call);
            route.into_iter().for_each(|id| element.give_up_route(id));
            route.is_some()
        });
        given_up.unwrap_or(false)
    }
}
