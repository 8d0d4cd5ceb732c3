//! What arrives at a party, whatever it came over.

use super::{Member, World};
use crate::element::{Hold, Input};
use crate::message::{Arrival, Method, Source};
use crate::simulation::stream::EndId;

impl World {
    /// Something has arrived at a party; `end` is that of the connection that it came over.
    pub(super) fn arrived(&mut self, number: usize, source: Source, arrival: Arrival, end: Option<EndId>) {
        match &self.parties[number].member {
            Member::Element(_) => self.arrived_at_element(number, source, arrival, end),
            Member::Peer(_) => self.arrived_at_peer(number, source, arrival, end),
            // Its bytes are not framed.
            Member::Outside => {}
        }
    }

    fn arrived_at_peer(&mut self, number: usize, source: Source, arrival: Arrival, end: Option<EndId>) {
        match arrival {
            Arrival::Message(message) => {
                self.run_peer(number, |peer, api| peer.receive(api, message, source))
            }
            Arrival::Keepalive { answer, .. } => self.answer(number, source, answer, end),
            Arrival::End(_) => self.break_off(end),
            Arrival::Refused { .. } | Arrival::Dropped(_) => {}
        }
    }

    fn arrived_at_element(&mut self, number: usize, source: Source, arrival: Arrival, end: Option<EndId>) {
        match arrival {
            Arrival::Message(message) if message.is_request() => {
                let answered = message.method() != Some(&Method::Ack) && !source.transport.websocket();
                let owed = end.filter(|_| answered).and_then(|end| self.streams.end(end));
                let hold = owed.map(|end| Hold::of(end.owed.clone()));
                self.tell(number, Input::Message { message, source, hold });
            }
            Arrival::Message(message) => {
                let holds = self.node(number).holds_responses;
                let Some(id) = end.filter(|_| holds) else {
                    return self.tell(number, Input::Message { message, source, hold: None });
                };
                let Some(end) = self.streams.end_mut(id) else { return };
                let pause = end.pause.insert(Default::default()).clone();
                self.streams.waits(id);
                self.tell(number, Input::HeldResponse { message, source, pause: Hold::of(pause) });
            }
            Arrival::Refused { request, status, reason, close, .. } => {
                self.tell(number, Input::Refused { request, source, status, reason, close });
            }
            Arrival::Keepalive { answer, alone } => {
                self.answer(number, source, answer, end);
                if alone && self.node(number).heeds_keepalives {
                    self.tell(number, Input::Keepalive { source });
                }
            }
            Arrival::Dropped(_) => {}
            Arrival::End(_) => self.break_off(end),
        }
    }

    fn answer(&mut self, number: usize, source: Source, answer: bytes::Bytes, end: Option<EndId>) {
        match end {
            Some(end) => {
                self.send_bytes(end, answer);
            }
            None => self.send_datagram(number, source.local, source.remote, answer),
        }
    }
}
