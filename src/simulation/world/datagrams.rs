//! Datagrams on their way, and what comes back of those that nobody takes.

use std::net::SocketAddr;

use bytes::Bytes;

use super::{Event, News, World};
use crate::message::{datagram, Source, Transport};
use crate::simulation::network::{Arrivals, Reachability};
use crate::simulation::party::PartyId;
use crate::simulation::record::Fate;

/// How much of a datagram an ICMP error quotes.
const QUOTED: usize = 1024;

impl World {
    pub(super) fn send_datagram(&mut self, number: usize, from: SocketAddr, to: SocketAddr, wire: Bytes) {
        let conditions = self.network.conditions(from, to);
        let Arrivals(arrivals) = conditions.arrivals(&mut self.random);
        let fate = match arrivals.iter().flatten().count() {
            0 => Fate::Lost,
            _ if self.refuses(to) => Fate::Refused,
            1 => Fate::Sent,
            _ => Fate::Repeated,
        };
        let receiver = self.udp.get(&to).copied().map(PartyId);
        self.note((number, receiver), (Transport::Udp, from, to), fate, &wire);
        for after in arrivals.into_iter().flatten() {
            self.schedule.put(self.now + after, Event::Datagram { from, to, wire: wire.clone() });
        }
    }

    /// Whether a host says of a datagram that its port is closed.
    fn refuses(&self, to: SocketAddr) -> bool {
        match self.network.cut(to) {
            Some(how) => how == Reachability::Refused,
            None => !self.udp.contains_key(&to) && self.is_host(to),
        }
    }

    pub(super) fn datagram(&mut self, from: SocketAddr, to: SocketAddr, wire: Bytes) {
        let cut = self.network.cut(to);
        let party = self.udp.get(&to).copied().filter(|_| cut.is_none());
        let Some(number) = party else {
            if self.refuses(to) {
                let quoted = wire.slice(..wire.len().min(QUOTED));
                let after = self.network.conditions(to, from).delay;
                self.schedule.put(self.now + after, Event::Icmp { at: from, remote: to, quoted });
            }
            return;
        };
        let source =
            Source { transport: Transport::Udp, remote: from, local: to, connection: None, inbound: true };
        if self.is_outside(number) {
            return self.news.push_back(News::Bytes { peer: PartyId(number), source, wire });
        }
        for arrival in datagram(wire).arrivals(&source) {
            self.arrived(number, source, arrival, None);
        }
    }
}
