//! The turns of Clients: what concerns a Client happens in its order, one thing after the other, and not while a block of it
//! runs.

use super::backlog::Responses;
use super::client_state::{ClientState, Turn, WaitingTurn};
use super::clients::Taken;
use super::consequences::{Consequence, AT_ONCE};
use super::counts::Dropped;
use super::ids::{ClientId, RouteId};
use super::route::Route;
use super::Element;
use crate::client::session::{Role, SessionInput};

impl Element {
    /// Gives an input to a route, in the order of the Client's events.
    pub(super) fn deliver(&mut self, client: ClientId, route: RouteId, input: SessionInput) {
        if matches!(&input, SessionInput::Response(response) if !self.takes(client, response)) {
            return self.counts.drop(Dropped::ProvisionalResponse);
        }
        self.take_turn(client, route, Turn::Input(input));
    }

    /// Something is to happen to a route, in the order of the Client's events.
    pub(super) fn take_turn(&mut self, client: ClientId, route: RouteId, turn: Turn) {
        match self.clients.take(client, route) {
            Taken::Route(route) => {
                self.turn(route, turn);
                self.drain(client);
            }
            Taken::Nothing => {}
            Taken::Waits => {
                let responses = match &turn {
                    Turn::Input(SessionInput::Response(response)) => Responses::of(response),
                    _ => Responses::default(),
                };
                self.responses += responses;
                self.clients.put_off(client, WaitingTurn { route, turn, responses });
            }
        }
    }

    /// Hands waiting turns to their routes until one of them has blocks to run. Those that a long block of a Client has held up
    /// may be many: beyond a few each has a step of its own.
    pub(super) fn drain(&mut self, client: ClientId) {
        self.take_turns(client, AT_ONCE);
    }

    fn take_turns(&mut self, client: ClientId, most: usize) {
        for _ in 0..most {
            let Some((waiting, route)) = self.clients.next_turn(client) else { return };
            self.responses -= waiting.responses;
            if let Some(route) = route {
                self.turn(route, waiting.turn);
            }
        }
        if self.clients.goes_on(client) {
            self.consequences.add(Consequence::Turns(client));
        }
    }

    /// One more step for the turns of a Client.
    pub(super) fn go_on_with_turns(&mut self, client: ClientId) {
        if let Some(record) = self.clients.get_mut(client) {
            record.goes_on = false;
            self.take_turns(client, 1);
        }
    }

    /// Works on a route that was taken for its turn.
    fn turn(&mut self, mut route: Box<Route>, turn: Turn) {
        let role = route.role;
        #[cfg(feature = "defects")]
        self.panic_if_planned(route.client);
        let relayed = role == Role::Proxy && matches!(turn, Turn::Input(SessionInput::Response(_)));
        match turn {
            Turn::Begin => {}
            Turn::Input(input) => {
                if matches!(input, SessionInput::Canceled | SessionInput::Withdrawn) {
                    // It may have come while the blocks of on_target held the request back.
                    self.cancel_branch(route.id, Vec::new());
                }
                self.tell(&mut route, input);
            }
            Turn::Hop(Ok(hop)) => self.begin_transaction(&mut route, hop),
            Turn::Hop(Err(no_way)) => self.has_no_hop(&mut route, &no_way),
        }
        let shown = self.run(route).shown;
        self.counts.relayed += u64::from(relayed && !shown);
    }

    /// Tells the session of a route that is at work.
    pub(super) fn tell(&mut self, route: &mut Route, input: SessionInput) {
        let input = match input {
            SessionInput::Response(response) if self.answer_challenge(route, &response) => {
                SessionInput::Challenged
            }
            // Elsewhere the flag stays for what asks for it: a block that runs, or the next routing.
            SessionInput::Aborted => {
                let client = self.clients.get_mut(route.client);
                let aborts = |client: &mut ClientState| std::mem::take(&mut client.aborts);
                if !route.session.asks_probe() || !(route.session.is_aborted() || client.is_some_and(aborts))
                {
                    return;
                }
                SessionInput::Aborted
            }
            other => other,
        };
        if let SessionInput::Targets(targets) = &input {
            self.measure(route, targets);
        }
        let canceled = self.is_route_canceled(route);
        let list = self.stores.blacklist(route.profile().blacklist);
        route.handle(self.now, list, canceled, input);
    }
}
